"""Inputs as bytes, gzip and zip of them, unpacked in memory a part at a time within limits."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from affectscope.errors import EmptyInput, PayloadTooLarge, UndecodableMedia, UnsupportedMedia

MOST_UNPACKED = 512 * 1024 * 1024
"""Bytes that one file inside an archive may unpack to, and all that are read of one archive."""

MOST_ENTRIES = 20_000
"""Files in one zip."""

MOST_RATIO = 300
"""Unpacked bytes for each packed one, beyond `_RATIO_FREE`; text packs to a tenth or so."""

_RATIO_FREE = 16 * 1024 * 1024
_MOST_DIRECTORY = MOST_ENTRIES * 400
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Part:
    """One file of an input.

    Attributes:
        name: Its name; nothing is ever written under it.
        open: Returns a stream of its unpacked bytes from the start.
        size: Bytes that it says to unpack to, and beyond which nothing is read, inside a zip.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int = 0


class _View(io.RawIOBase):
    """A place of its own in a file that others read as well."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size, self._at = file, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("a place before the start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._at)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Unpacking(io.RawIOBase):
    """What an archive unpacks to, as far as the limits allow."""

    def __init__(self, stream: BinaryIO, name: str, packed: int) -> None:
        self._stream, self._name = stream, name
        self._limit = min(MOST_UNPACKED, max(_RATIO_FREE, packed * MOST_RATIO))
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except (
            OSError,
            EOFError,
            zlib.error,
            zipfile.BadZipFile,
            ValueError,
            struct.error,
        ) as error:
            raise UndecodableMedia(
                f"{self._name!r:.80} is damaged after {self._done} unpacked bytes: {error}"
            ) from error
        self._done += len(data)
        if self._done > self._limit:
            raise PayloadTooLarge(
                f"{self._name!r:.80} unpacks to more than {self._limit} bytes; at most "
                f"{MOST_UNPACKED}, and {MOST_RATIO} for each packed byte",
                limit=self._limit,
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def unpack(data: bytes | BinaryIO, name: str | None = None) -> tuple[list[Part], bool]:
    """List the files of an input.

    Args:
        data: Bytes, or a binary file; one that cannot seek is read first.
        name: Its name, where it has one.

    Returns:
        Its files, and whether they come from a zip. Folders, and what systems put beside files
        (``__MACOSX``, names that begin with a dot), are no files.

    Raises:
        EmptyInput: There is no byte.
        PayloadTooLarge: More than `MOST_ENTRIES` in a zip. Reading a part raises it, too.
        UndecodableMedia: A damaged zip. Reading a part raises it, too.
        UnsupportedMedia: An archive in an archive, or one with a password.
    """
    file = _seekable(data)
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise EmptyInput("the input has no bytes")

    def reopen() -> BinaryIO:
        return io.BufferedReader(_View(file, size))

    with reopen() as stream:
        start = stream.read(4)
    shown = name or "the input"
    if start.startswith(_ZIP):
        return _zipped(reopen, size, shown), True
    if not start.startswith(_GZIP):
        return [Part(name or "", reopen)], False

    def inside() -> BinaryIO:
        stream = gzip.GzipFile(fileobj=reopen())
        return io.BufferedReader(_Unpacking(stream, shown, size))  # type: ignore[arg-type]

    _refuse_nested(inside, shown)
    return [Part((name or "").removesuffix(".gz"), inside)], False


def _seekable(data: bytes | BinaryIO) -> BinaryIO:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return io.BytesIO(data)
    if data.seekable():
        return data
    whole = data.read(MOST_UNPACKED + 1)
    if len(whole) > MOST_UNPACKED:
        raise PayloadTooLarge(
            f"more than {MOST_UNPACKED} bytes from a stream; longer ones must be files",
            limit=MOST_UNPACKED,
        )
    return io.BytesIO(whole)


def _refuse_nested(opening: Callable[[], BinaryIO], name: str) -> None:
    with opening() as stream:
        start = stream.read(4)
    if start.startswith((_GZIP, *_ZIP)):
        raise UnsupportedMedia(f"{name!r:.80} holds an archive in an archive; unpack it once")


def _zipped(reopen: Callable[[], BinaryIO], size: int, name: str) -> list[Part]:
    _check_directory(reopen, size, name)
    try:
        archive = zipfile.ZipFile(reopen())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise UndecodableMedia(f"{name!r:.80} is a damaged zip: {error}") from error
    if len(archive.infolist()) > MOST_ENTRIES:
        raise PayloadTooLarge(f"{name!r:.80} has more than {MOST_ENTRIES} files")
    return [
        Part(info.filename, partial(_entry, archive, info), info.file_size)
        for info in archive.infolist()
        if not info.is_dir() and not _beside(info.filename)
    ]


def _beside(path: str) -> bool:
    *folders, name = path.split("/")
    return name.startswith(".") or "__MACOSX" in folders


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    if info.flag_bits & 0x1:
        raise UnsupportedMedia(f"{info.filename!r:.80} has a password; valid: a zip without one")
    # The other methods may need memory that no limit here would bound.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsupportedMedia(
            f"{info.filename!r:.80} is packed by method {info.compress_type}; valid: stored, deflate"
        )
    try:
        stream = archive.open(info)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise UndecodableMedia(f"{info.filename!r:.80} is damaged: {error}") from error
    limited = _Unpacking(stream, info.filename, info.compress_size)  # type: ignore[arg-type]
    buffered = io.BufferedReader(limited)
    if buffered.peek(4)[:4].startswith((_GZIP, *_ZIP)):
        buffered.close()
        raise UnsupportedMedia(
            f"{info.filename!r:.80} is an archive in an archive; unpack it first"
        )
    return buffered


def _check_directory(reopen: Callable[[], BinaryIO], size: int, name: str) -> None:
    """Refuse a directory that would fill the memory before its entries could be counted."""
    with reopen() as stream:
        stream.seek(max(0, size - 65_557 - 20))
        tail = stream.read()
    at = len(tail) - 22
    if not (at >= 0 and tail[at : at + 4] == b"PK\x05\x06" and tail[-2:] == b"\0\0"):
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise UndecodableMedia(f"{name!r:.80} is a damaged zip: it has no directory at its end")
    entries, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    zip64 = tail[max(0, at - 20) : at].startswith(b"PK\x06\x07")
    if zip64 or entries > MOST_ENTRIES or directory > _MOST_DIRECTORY:
        raise PayloadTooLarge(
            f"{name!r:.80} has more than {MOST_ENTRIES} files", limit=MOST_ENTRIES
        )

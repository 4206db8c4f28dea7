"""Image sequences: the pictures of a folder or a ZIP archive, in the order of their numbers.

Nothing of an archive is written to disk, so names in it are only read, never used as paths.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

from affectscope.media.demux import Refusal

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif")
"""Endings of names that are taken for pictures; what a picture is, its bytes say."""

ARCHIVE_ENDINGS = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar")

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def natural_key(name: str) -> tuple[tuple[object, ...], str]:
    """Return what names are sorted by: numbers in them by their value, so that 9 precedes 10."""
    # Compared by length and then as text: numbers of any length, without making integers of them.
    pieces = re.split("0*([0-9]+)", name)
    return tuple(
        (len(piece), piece) if place % 2 else piece.casefold() for place, piece in enumerate(pieces)
    ), name


def is_hidden(name: str) -> bool:
    """Tell whether a system left this beside the pictures, such as ``__MACOSX`` or ``.DS_Store``."""
    parts = (part for part in name.split("/") if part not in (".", ".."))
    return any(part.startswith((".", "__MACOSX")) for part in parts)


class FolderImages:
    """The pictures of a folder.

    Args:
        path: The folder; folders below it are left out.
        limits: Fields of `Limits`.

    Attributes:
        names: Names of the pictures, in natural order.
        others: Names of everything else that is not hidden.

    Raises:
        Refusal: It cannot be read, or exceeds a limit.
    """

    def __init__(self, path: str, limits: dict[str, Any]) -> None:
        self._path = path
        self._limits = limits
        try:
            with os.scandir(path) as entries:
                found = [entry.name for entry in entries if entry.is_file()]
        except OSError as error:
            raise Refusal("undecodable", f"it cannot be read: {error.strerror}") from error
        self.names, self.others = _sorted_out(found, limits)

    def read(self, index: int) -> bytes | None:
        """Return the bytes of a picture; None where they cannot be read.

        Raises:
            Refusal: It exceeds a limit.
        """
        try:
            with open(os.path.join(self._path, self.names[index]), "rb") as file:
                _check_size(os.fstat(file.fileno()).st_size, self._limits)
                return file.read()
        except OSError:
            return None

    def close(self) -> None:
        """Let go of it."""


class PackedImages:
    """The pictures of a ZIP archive, in whatever folders they lie in it.

    Args:
        path: The archive.
        limits: Fields of `Limits`.

    Raises:
        Refusal: It is no readable archive, is encrypted, holds archives itself, or exceeds a limit.
    """

    def __init__(self, path: str, limits: dict[str, Any]) -> None:
        self._limits = limits
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
            detail = f"it is cut off or no readable archive ({error})"
            raise Refusal("undecodable", detail) from error
        self._entries: list[zipfile.ZipInfo] = []
        try:
            self._sort_out()
        except Refusal:
            self.close()
            raise

    def _sort_out(self) -> None:
        entries = {
            entry.filename: entry
            for entry in self._archive.infolist()
            if entry.filename and not entry.is_dir()
        }
        self.names, self.others = _sorted_out(entries, self._limits)
        if not self.names:
            return
        if any(name.lower().endswith(ARCHIVE_ENDINGS) for name in self.others):
            raise Refusal("unsupported", "it holds another archive; valid: images only")
        self._entries = [entries[name] for name in self.names]
        for entry in self._entries:
            if entry.flag_bits & _ENCRYPTED:
                raise Refusal("unsupported", "it is encrypted; valid: an archive without password")
            if entry.compress_type not in _METHODS:
                raise Refusal("unsupported", "it is packed in a way other than store and deflate")
            _check_size(entry.file_size, self._limits)
        whole, most = sum(e.file_size for e in self._entries), self._limits["archive_bytes"]
        if whole > most:
            raise Refusal("undecodable", f"unpacked it has {whole} bytes, more than {most}")

    def read(self, index: int) -> bytes | None:
        """Return the bytes of a picture; None where they are damaged.

        At most as many are unpacked as the archive's directory states.
        """
        try:
            # Asked for one byte more, it sees the end and compares the checksum.
            with self._archive.open(self._entries[index]) as file:
                return file.read(self._entries[index].file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
            return None

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


Images = FolderImages | PackedImages


def open_images(path: str, limits: dict[str, Any]) -> Images:
    """Open a folder or a ZIP archive.

    Raises:
        Refusal: It cannot be read, is not of its kind, or exceeds a limit.
    """
    return FolderImages(path, limits) if os.path.isdir(path) else PackedImages(path, limits)


def _sorted_out(names: Iterable[str], limits: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of pictures, in natural order, and those of everything else."""
    seen = [name for name in names if not is_hidden(name)]
    if len(seen) > limits["entries"]:
        raise Refusal("undecodable", f"it holds more than {limits['entries']} files")
    pictures = [name for name in seen if name.lower().endswith(IMAGE_ENDINGS)]
    others = [name for name in seen if not name.lower().endswith(IMAGE_ENDINGS)]
    return sorted(pictures, key=natural_key), others


def _check_size(size: int, limits: dict[str, Any]) -> None:
    if size > limits["image_bytes"]:
        raise Refusal(
            "undecodable", f"one of its images has more than {limits['image_bytes']} bytes"
        )

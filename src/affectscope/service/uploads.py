"""Multipart bodies, streamed to disk as they arrive; memory does not depend on their size."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from affectscope.errors import (
    ClientGone,
    EmptyInput,
    InvalidValue,
    MalformedRequest,
    MissingField,
    PayloadTooLarge,
    RequestTimeout,
    Unavailable,
    UnsupportedMedia,
)

TEXT_LIMIT = 16 * 1024 * 1024
"""Bytes of one text field: 10,000 messages of ordinary length fit many times."""

_WRITE_SIZE = 1024 * 1024
_MOST_PARTS = 32
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Upload:
    """A file that has arrived whole; it is removed when its request ends."""

    path: Path
    filename: str
    content_type: str
    size: int


@dataclass
class Form:
    """The fields of a multipart body by name."""

    files: dict[str, Upload] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


def check_length(request: Request, limit: int) -> None:
    """Refuse a body that announces more than the limit, before any of it is read.

    Raises:
        MalformedRequest: ``Content-Length`` is no number.
        PayloadTooLarge: It is above the limit.
    """
    announced = request.headers.get("content-length")
    if announced is None:
        return
    if not (announced.isascii() and announced.isdecimal()):
        raise MalformedRequest(f"Content-Length is {announced!r:.40}; valid: a whole number")
    digits = announced.lstrip("0") or "0"
    # Python refuses to convert thousands of digits, so their number is compared first.
    if len(digits) > len(str(limit)) or int(digits) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than the limit of {limit} bytes", limit=limit)


async def chunks(request: Request, limit: int, idle_seconds: float) -> AsyncIterator[bytes]:
    """Yield the body as it arrives.

    Raises:
        PayloadTooLarge: More than `limit` bytes.
        RequestTimeout: Nothing arrived for `idle_seconds`.
        ClientGone: The client closed the connection.
    """
    total = 0
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), idle_seconds)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RequestTimeout(
                f"no byte of the body arrived for {idle_seconds:g} seconds"
            ) from None
        except ClientDisconnect:
            raise ClientGone("the client closed the connection before the body ended") from None
        total += len(chunk)
        if total > limit:
            raise _too_large(limit)
        if chunk:
            yield chunk


class FormReader:
    """Reads one multipart body.

    Args:
        folder: Where files go.
        files: Names of the fields that hold files.
        texts: Names of the fields that hold text.
    """

    def __init__(self, folder: Path, files: Collection[str], texts: Collection[str] = ()) -> None:
        self._folder = folder
        self._files = files
        self._texts = texts
        self.form = Form()
        self._found: list[str] = []
        self._header = b""
        self._value = b""
        self._headers: dict[str, bytes] = {}
        self._name = ""
        self._file: FileIO | None = None
        self._filename = ""
        self._size = 0
        self._pending = bytearray()
        self._ended = False

    async def read(self, request: Request, limit: int, idle_seconds: float) -> None:
        """Read the whole body into `form`; which fields are needed is the caller's to say.

        Raises:
            UnsupportedMedia: The content type is not multipart/form-data.
            MalformedRequest: The body is cut off or not of its form.
            InvalidValue: A field comes twice.
            EmptyInput: A file of zero bytes.
            PayloadTooLarge, RequestTimeout, ClientGone: As `chunks` says.
            Unavailable: The disk is full.
        """
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data":
            found = kind.decode("latin-1") or "nothing"
            raise UnsupportedMedia(f"Content-Type is {found!r:.80}; valid: multipart/form-data")
        boundary = options.get(b"boundary")
        if not boundary:
            raise MalformedRequest("Content-Type multipart/form-data names no boundary")
        check_length(request, limit)
        try:
            parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._finish,
                },
            )
            async for chunk in chunks(request, limit, idle_seconds):
                parser.write(chunk)
                if len(self._pending) >= _WRITE_SIZE:
                    await self._flush()
            parser.finalize()
        except FormParserError as error:
            raise MalformedRequest(
                f"the multipart body is not of its form: {error!s:.200}"
            ) from error
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise Unavailable(
                "there is no room on the disk for the upload", retry_after=30.0
            ) from error
        finally:
            if self._file is not None:
                self._file.close()
        if not self._ended:
            raise MalformedRequest("the multipart body is cut off: its last boundary is missing")

    def missing(self, *expected: str) -> MissingField:
        """Return the error for a body in which none of the expected fields was found."""
        return MissingField(
            f"no field {' or '.join(map(repr, expected))} in the body; "
            f"found: {', '.join(map(repr, self._found)) or 'no field'}",
            field=expected[0],
            found=self._found,
        )

    async def _flush(self) -> None:
        """Write what waits without holding up the event loop on a slow disk."""
        if self._file is not None and self._pending:
            data, self._pending = bytes(self._pending), bytearray()
            await asyncio.to_thread(_write, self._file, data)

    def _begin(self) -> None:
        self._headers, self._header, self._value = {}, b"", b""
        self._pending, self._size = bytearray(), 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._filename = options.get(b"filename", b"").decode("utf-8", "replace")
        if self._name in self._found:
            raise InvalidValue(f"the field {self._name!r:.80} comes twice", field=self._name)
        self._found.append(self._name[:80])
        if len(self._found) > _MOST_PARTS:
            raise InvalidValue(f"more than {_MOST_PARTS} fields in the body")
        if self._name in self._files:
            # The name of an upload is content of a person: it never becomes a path.
            descriptor, path = tempfile.mkstemp(dir=self._folder)
            # Unbuffered: pieces are large, and closing has nothing left that a full disk could fail.
            self._file = os.fdopen(descriptor, "wb", buffering=0)
            self.form.files[self._name] = Upload(
                Path(path), self._filename, self._content_type(), 0
            )

    def _content_type(self) -> str:
        return self._headers.get("content-type", b"").decode("latin-1")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is not None:
            self._pending += data[start:end]
        elif self._name in self._texts:
            if self._size > TEXT_LIMIT:
                raise PayloadTooLarge(
                    f"the field {self._name!r} is larger than {TEXT_LIMIT} bytes",
                    field=self._name,
                    limit=TEXT_LIMIT,
                )
            self._pending += data[start:end]

    def _end(self) -> None:
        if self._file is not None:
            _write(self._file, self._pending)
            self._file.close()
            self._file = None
            upload = self.form.files[self._name]
            if not self._size:
                raise EmptyInput(f"the file in {self._name!r} is empty", field=self._name)
            self.form.files[self._name] = replace(upload, size=self._size)
        elif self._name in self._texts:
            try:
                self.form.texts[self._name] = self._pending.decode("utf-8")
            except UnicodeDecodeError as error:
                raise MalformedRequest(f"the field {self._name!r} is not UTF-8 text") from error

    def _finish(self) -> None:
        self._ended = True


def _write(file: FileIO, data: bytes | bytearray) -> None:
    """Write all of it; one call may write less, as it does when the disk has little room left."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]

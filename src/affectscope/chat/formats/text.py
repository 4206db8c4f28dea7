"""The text of an input: its encoding, its lines, and how to refuse one of them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from affectscope.errors import InvalidValue, PayloadTooLarge, UnsupportedMedia

LONGEST_LINE = 1024 * 1024
"""Characters in one line; a message has at most 64 KiB."""

_HEAD = 64 * 1024
_BLOCK = 256 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY_SHARE = 0.02
"""Share of control characters from which a text is none."""

_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"OggS", "Ogg media"),
    (b"RIFF", "RIFF media"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
)
READABLE = (
    "a conversation as JSON, NDJSON, CSV, plain text, WhatsApp export, Slack export, WebVTT or "
    "SubRip, also in gzip or zip"
)


class Text:
    """A decoded input that can be read any number of times, a part at a time.

    Args:
        reopen: Returns a stream of its bytes from the start.
        name: Path inside an archive, said where a line is refused; empty where there is one text.

    Attributes:
        encoding: Of Python's names.
        assumed: Whether no mark and no valid UTF-8 told the encoding.
        damaged: Whether some bytes are no characters of it.
        head: The first characters, by which the format is told.

    Raises:
        UnsupportedMedia: The bytes are no text.
    """

    def __init__(self, reopen: Callable[[], BinaryIO], name: str = "") -> None:
        self._reopen = reopen
        self.name = name
        with reopen() as stream:
            start = stream.read(_HEAD)
        self.empty = not start
        self._refuse_binary(start)
        self.encoding = next((e for mark, e in _MARKS if start.startswith(mark)), "utf-8")
        marked = self.encoding != "utf-8"
        self.damaged = not self._decodes(self.encoding)
        self.assumed = self.damaged and not marked
        if self.assumed:
            self.encoding = "cp1252"
            self.damaged = not self._decodes(self.encoding)
        self.head = next(self.blocks(), "")
        controls = sum(c < " " and c not in "\t\n\r\x0b\x0c\x1b" for c in self.head)
        if controls > max(2, _BINARY_SHARE * len(self.head)):
            raise UnsupportedMedia(
                f"{self.name or 'the input'} holds control characters as binary data does; "
                f"valid: {READABLE}"
            )

    def _refuse_binary(self, start: bytes) -> None:
        what = next((kind for mark, kind in _KINDS if start.startswith(mark)), None)
        utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if what is None and start.count(0) > max(2, len(start) // 50) and not utf16:
            what = "binary, or UTF-16 without a byte order mark"
        if what is not None:
            raise UnsupportedMedia(f"{self.name or 'the input'} is {what}; valid: {READABLE}")

    def _decodes(self, encoding: str) -> bool:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with self._reopen() as stream:
                while block := stream.read(_BLOCK):
                    decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True

    def _open(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._reopen(), encoding=self.encoding, errors="replace")

    def blocks(self) -> Iterator[str]:
        """Yield the characters in blocks."""
        with self._open() as file:
            while block := file.read(_HEAD):
                yield block

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (number from 1, line without its end).

        Raises:
            PayloadTooLarge: One is longer than `LONGEST_LINE`.
        """
        with self._open() as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise PayloadTooLarge(
                        f"{self.where(number)} has more than {LONGEST_LINE} characters: "
                        f"{line[:60]!r}",
                        limit=LONGEST_LINE,
                    )
                yield number, line.removesuffix("\n")

    def where(self, line: int) -> str:
        """Return how a caller finds a line."""
        return f"{self.name!r:.200} line {line}" if self.name else f"line {line}"

    def refusal(self, line: int, found: str, valid: str) -> InvalidValue:
        """Return the error of a line that cannot be read.

        Args:
            line: Its number.
            found: What stands there, of which at most 60 characters are repeated.
            valid: What would be right.
        """
        shown = found if len(found) <= 60 else f"{found[:57]}..."
        return InvalidValue(
            f"{self.where(line)}: {shown!r} cannot be read; valid: {valid}", line=line
        )

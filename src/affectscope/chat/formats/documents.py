"""JSON read an entry at a time: however long the list, one entry is in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NoReturn

from affectscope.chat.formats.drafts import Draft, Tally
from affectscope.chat.formats.text import Text
from affectscope.chat.messages import parse_entry
from affectscope.errors import InvalidValue, MalformedRequest, MissingField, PayloadTooLarge

LONGEST_ENTRY = 2 * 1024 * 1024
"""Characters of one entry of a list, or of one other value."""

_SPACE = re.compile(r"[ \t\n\r\ufeff]*")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


class _Scanner:
    """A place in a JSON document that moves forward through its blocks."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._blocks = text.blocks()
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)
        self._buffer, self._at, self._ended = "", 0, False
        self.line = 1

    def _more(self) -> bool:
        if self._ended:
            return False
        rest = self._buffer[self._at :]
        # What is left grows by itself, so that a long value is not decoded once a block.
        grown: list[str] = []
        while sum(len(block) for block in grown) <= len(rest):
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
                break
            grown.append(block)
        self._buffer, self._at = rest + "".join(grown), 0
        return bool(grown)

    def _advance(self, to: int) -> None:
        self.line += self._buffer.count("\n", self._at, to)
        self._at = to

    def peek(self) -> str:
        """Return the next character that is no space, or nothing at the end."""
        while True:
            found = _SPACE.match(self._buffer, self._at)
            self._advance(found.end() if found else self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Go past a character that must come next."""
        if self.peek() != character:
            self.refuse(f"{character!r}")
        self._advance(self._at + 1)

    def value(self) -> object:
        """Return the next value and go past it."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._buffer) - self._at > LONGEST_ENTRY:
                    self._too_long(error)
                if isinstance(error, RecursionError) or not self._more():
                    self.refuse("JSON", error)
                continue
            # A number at the end of what was read may go on.
            if end == len(self._buffer) and self._more():
                continue
            if end - self._at > LONGEST_ENTRY:
                self._too_long(None)
            self._advance(end)
            return value

    def _too_long(self, error: Exception | None) -> NoReturn:
        raise PayloadTooLarge(
            f"{self._text.where(self.line)}: a value of more than {LONGEST_ENTRY} characters, or "
            "one that does not end",
            limit=LONGEST_ENTRY,
        ) from error

    def refuse(self, valid: str, error: Exception | None = None) -> NoReturn:
        """Raise the error of what stands here."""
        line, found = self.line, self._buffer[self._at : self._at + 60]
        said = f" ({error})" if isinstance(error, ValueError) else ""
        raise MalformedRequest(
            f"{self._text.where(line)}: {found!r} is not JSON; valid: {valid}{said:.100}", line=line
        ) from error


def elements(text: Text) -> Iterator[tuple[int, object]]:
    """Yield (line, element) of a JSON document that is one list."""
    scanner = _Scanner(text)
    yield from _list(scanner)
    _end(scanner)


def _list(scanner: _Scanner) -> Iterator[tuple[int, object]]:
    scanner.take("[")
    if scanner.peek() == "]":
        scanner.take("]")
        return
    while True:
        scanner.peek()
        line = scanner.line
        yield line, scanner.value()
        if scanner.peek() == "]":
            scanner.take("]")
            return
        scanner.take(",")


def _end(scanner: _Scanner) -> None:
    if scanner.peek():
        scanner.refuse("the end of the document")


def looks_like_json(head: str) -> bool:
    """Tell whether a text opens as a JSON object or a list of such does."""
    return re.match(r"[\s\ufeff]*(?:\{\s*[\"}]|\[\s*[{\]])", head) is not None


def looks_like_lines(head: str, presumed: bool = False) -> bool:
    """Tell whether the first line is a message by itself.

    Args:
        head: First characters of a JSON text.
        presumed: Whether a line alone that may be a document is taken for a message.
    """
    lines = [line for line in head.split("\n") if line.strip()]
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError, IndexError):
        return False
    if not isinstance(first, dict) or "messages" in first:
        return False
    return presumed or len(lines) > 1 or "speaker" in first or "time" in first


def read_json(text: Text, tally: Tally) -> Iterator[Draft]:
    """Yield the messages of ``{"messages": [...]}``, of ``{"text"}``, or of the list itself.

    Args:
        text: The document.
        tally: Not needed.

    Raises:
        MalformedRequest: It is not JSON.
        MissingField, InvalidValue, PayloadTooLarge: As `parse_entry` says, by line.
    """
    scanner = _Scanner(text)
    if scanner.peek() == "[":
        yield from _drafts(scanner, text)
    else:
        scanner.take("{")
        found: list[str] = []
        while scanner.peek() != "}":
            if found:
                scanner.take(",")
                scanner.peek()
            line = scanner.line
            name = scanner.value()
            if not isinstance(name, str):
                raise MalformedRequest(f"{text.where(line)}: {name!r:.60} is no name of a field")
            scanner.take(":")
            if name in ("messages", "text") and {"messages", "text"} & set(found):
                raise MissingField(f"{text.where(line)}: needs either 'messages' or 'text', once")
            found.append(name[:60])
            if name == "messages":
                if scanner.peek() != "[":
                    raise InvalidValue(f"{text.where(line)}: messages is no list of objects")
                yield from _drafts(scanner, text)
            elif name == "text":
                yield _draft(line, {"text": scanner.value(), "time": 0.0}, text)
            else:
                scanner.value()
        scanner.take("}")
        if not {"messages", "text"} & set(found):
            raise MissingField(
                f"needs either 'messages' or 'text'; found: {', '.join(found) or 'nothing':.100}",
                field="messages",
            )
    _end(scanner)


def _drafts(scanner: _Scanner, text: Text) -> Iterator[Draft]:
    for line, entry in _list(scanner):
        yield _draft(line, entry, text)


def _draft(line: int, entry: object, text: Text) -> Draft:
    where = text.where(line)
    speaker, moment, said = parse_entry(entry, where)
    return Draft(speaker, moment, said, where)


def read_ndjson(text: Text, tally: Tally) -> Iterator[Draft]:
    """Yield a message a line, each an object such as those of ``messages``.

    Args:
        text: The lines; blank ones are none.
        tally: Not needed.

    Raises:
        MalformedRequest: A line is not JSON.
        MissingField, InvalidValue, PayloadTooLarge: As `parse_entry` says, by line.
    """
    for number, line in text.lines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line.lstrip("\ufeff"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise MalformedRequest(
                f"{text.where(number)}: {line[:60]!r} is not JSON; valid: an object a line "
                f"({error!s:.100})",
                line=number,
            ) from error
        yield _draft(number, entry, text)


def first_element(text: Text) -> Mapping[str, object] | None:
    """Return the first element of a list where it is an object, else None."""
    try:
        _, element = next(elements(text))
    except (StopIteration, MalformedRequest, PayloadTooLarge):
        return None
    return element if isinstance(element, Mapping) else None

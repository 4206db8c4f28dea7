"""What every reader of a format yields, counts and refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from affectscope.affect import Notice
from affectscope.chat.formats.text import Text
from affectscope.chat.messages import Moment

_LEFT_OUT = {
    "media-messages": "messages of media without words",
    "system-messages": "messages of the chat program",
    "bot-messages": "messages of bots",
    "deleted-messages": "deleted messages",
    "empty-messages": "messages without text",
    "repeated-lines": "lines that roll on from the cue before",
    "lines-before-first": "lines before the first message",
}
_ASSUMED = {
    "date-order-assumed": "no date tells whether the day or the month is first: {what}",
    "encoding-assumed": "the file is not UTF-8; it was read as {what}",
    "damaged-characters": "some bytes are no characters of {what}; each became U+FFFD",
    "epoch-times": "times are {what} since 1970; they count from the earliest",
    "impossible-dates": "a line begins like a message, with a date that does not exist in the "
    "order of this file, and counts as text of the message before: {what}",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One message as its file tells, before all of them share a clock.

    Attributes:
        speaker: Who wrote it; None where nobody is named.
        moment: Seconds, a date, or None.
        text: What was written.
        where: Place in the input, such as ``line 3``.
        end: Seconds at which it ends, where known.
    """

    speaker: str | None
    moment: Moment
    text: str
    where: str
    end: float | None = None


class Tally:
    """What was left out or assumed, by code."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}
        self._what: dict[str, str] = {}

    def leave_out(self, code: str, where: str) -> None:
        """Count one more of what is left out."""
        self._counts[code] = self._counts.get(code, 0) + 1
        self._first.setdefault(code, where)

    def assume(self, code: str, what: str) -> None:
        """Note an assumption; the first of its kind stays."""
        self._what.setdefault(code, what)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """All of it, as a reader of the answer is told."""
        found = [
            (code, f"left out: {count} {_LEFT_OUT[code]}, the first in {self._first[code]}")
            for code, count in self._counts.items()
        ]
        found += [(code, _ASSUMED[code].format(what=what)) for code, what in self._what.items()]
        return tuple(Notice(code=code, message=said, modality="text") for code, said in found)


Reader = Callable[[Text, Tally], Iterator[Draft]]
"""Reads the whole of a text; called anew for each pass."""

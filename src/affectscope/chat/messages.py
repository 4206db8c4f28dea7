"""Messages of a conversation: who wrote what, and when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from affectscope.errors import EmptyInput, InvalidValue, MissingField, PayloadTooLarge

MOST_MESSAGES = 10_000
LONGEST_MESSAGE = 64 * 1024
"""Bytes of UTF-8."""

WRITER = "writer-1"
"""Speaker of a lone text; not a name that a voice has, for nobody said whose text it is."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        speaker: Name of who wrote it.
        time: Seconds on the session's clock, or None where nobody noted it.
        text: What was written.
        end: Seconds at which it was said to the end, where a transcript tells.
    """

    speaker: str
    time: float | None
    text: str
    end: float | None = None


Moment = float | datetime | None
"""When something was written, as its source tells: seconds, a date, or nothing."""


def parse_messages(document: Mapping[str, object]) -> list[Message]:
    """Read the object of the interface.

    Args:
        document: ``{"messages": [{"speaker", "time", "text"}]}`` or ``{"text"}``. Times are all
            seconds, or all ISO 8601, either all with an offset from UTC or all without; ISO times
            count from the earliest one.

    Returns:
        The messages in the order given.

    Raises:
        MissingField: Neither or both of ``messages`` and ``text``, or a message lacks a field.
        EmptyInput: No message, or no text in any.
        InvalidValue: A value of the wrong type, or times of several kinds.
        PayloadTooLarge: More than `MOST_MESSAGES`, or one longer than `LONGEST_MESSAGE`.
    """
    if ("messages" in document) == ("text" in document):
        raise MissingField(
            f"needs either 'messages' or 'text'; found: {_listed(document)}",
            field="messages",
        )
    if "text" in document:
        text = check_text(document["text"], "text")
        if not text.strip():
            raise EmptyInput("the text is empty", field="text")
        return [Message(WRITER, 0.0, text)]
    entries = document["messages"]
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise InvalidValue(
            f"messages is {type(entries).__name__}; valid: a list of objects", field="messages"
        )
    if not entries:
        raise EmptyInput("there is no message", field="messages")
    if len(entries) > MOST_MESSAGES:
        raise PayloadTooLarge(
            f"{len(entries)} messages; at most {MOST_MESSAGES} in one request",
            field="messages",
            limit=MOST_MESSAGES,
        )
    clock = Clock()
    read = []
    for index, entry in enumerate(entries):
        speaker, moment, text = parse_entry(entry, f"messages[{index}]")
        clock.note(moment, f"messages[{index}].time")
        read.append((speaker, moment, text))
    if not any(text.strip() for _, _, text in read):
        raise EmptyInput("every message is empty", field="messages")
    return [Message(speaker, clock.seconds(moment), text) for speaker, moment, text in read]


def parse_entry(entry: object, where: str) -> tuple[str, Moment, str]:
    """Read one message of the interface.

    Args:
        entry: ``{"speaker", "time", "text"}``, of which the text alone must be there.
        where: How the caller finds it, for what is said of a bad one.

    Returns:
        Speaker, moment and text.

    Raises:
        MissingField, InvalidValue, PayloadTooLarge: As `parse_messages` says.
    """
    if not isinstance(entry, Mapping):
        raise InvalidValue(f"{where} is {entry!r:.60}; valid: an object", field=where)
    if "text" not in entry:
        raise MissingField(f"{where} lacks 'text'; found: {_listed(entry)}", field=f"{where}.text")
    return (
        check_speaker(entry.get("speaker"), f"{where}.speaker"),
        _moment(entry.get("time"), f"{where}.time"),
        check_text(entry["text"], f"{where}.text"),
    )


def _listed(names: Iterable[object]) -> str:
    return f"{', '.join(map(str, names)) or 'nothing':.100}"


def check_text(value: object, where: str) -> str:
    """Return the text of a message; refuse what is none, or longer than `LONGEST_MESSAGE`."""
    if not isinstance(value, str):
        raise InvalidValue(f"{where} is {value!r:.60}; valid: text", field=where)
    # Half of a surrogate pair, as JSON escapes may hold it, is no character.
    text = value.encode("utf-8", "replace").decode("utf-8")
    size = len(text.encode("utf-8"))
    if size > LONGEST_MESSAGE:
        raise PayloadTooLarge(
            f"{where} has {size} bytes; at most {LONGEST_MESSAGE}",
            field=where,
            limit=LONGEST_MESSAGE,
        )
    return text


def check_speaker(value: object, where: str) -> str:
    """Return the name of who wrote it, `WRITER` for None; refuse what is no name."""
    if value is None:
        return WRITER
    if not isinstance(value, str) or not value.strip() or len(value) > 256:
        raise InvalidValue(
            f"{where} is {value!r:.60}; valid: a name of 1 to 256 characters", field=where
        )
    return value.encode("utf-8", "replace").decode("utf-8")


def _moment(value: object, where: str) -> Moment:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = float(value)
            if math.isfinite(seconds):
                return seconds
    except (ValueError, OverflowError):  # no date; a whole number beyond all floats
        pass
    raise InvalidValue(
        f"{where} is {value!r:.60}; valid: seconds, an ISO 8601 time, or null", field=where
    )


class Clock:
    """Puts moments of one kind on one clock: dates count from the earliest one.

    `note` all of them, then `seconds` of each.
    """

    def __init__(self) -> None:
        self._origin: datetime | None = None
        self._counted = False

    def note(self, moment: Moment, where: str = "messages") -> None:
        """Take the next moment.

        Raises:
            InvalidValue: It is of another kind than those before it.
        """
        if moment is None:
            return
        if not isinstance(moment, datetime):
            self._counted = True
        elif self._origin is None:
            self._origin = moment
        elif (moment.tzinfo is None) != (self._origin.tzinfo is None):
            # To guess the missing offset would shift messages by hours.
            raise InvalidValue(
                f"{where}: some dates have an offset from UTC and some have none; valid: one kind "
                "in a chat",
                field=where,
            )
        else:
            self._origin = min(self._origin, moment)
        if self._counted and self._origin is not None:
            raise InvalidValue(
                f"{where}: some times are seconds and some are dates; valid: one kind in a chat",
                field=where,
            )

    def seconds(self, moment: Moment) -> float | None:
        """Return a noted moment in seconds."""
        if isinstance(moment, datetime):
            return (moment - (self._origin or moment)).total_seconds()
        return moment


def out_of_order(messages: Sequence[Message]) -> int:
    """Count the messages that are earlier than the one before them."""
    times = [message.time for message in messages if message.time is not None]
    return sum(after < before for before, after in pairwise(times))

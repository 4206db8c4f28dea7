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
    """

    speaker: str
    time: float | None
    text: str


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
        text = _text(document["text"], "text")
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
    speakers, moments, texts = [], [], []
    for index, entry in enumerate(entries):
        where = f"messages[{index}]"
        if not isinstance(entry, Mapping):
            raise InvalidValue(f"{where} is {entry!r:.60}; valid: an object", field=where)
        if "text" not in entry:
            raise MissingField(
                f"{where} lacks 'text'; found: {_listed(entry)}", field=f"{where}.text"
            )
        texts.append(_text(entry["text"], f"{where}.text"))
        speakers.append(_speaker(entry.get("speaker"), f"{where}.speaker"))
        moments.append(_moment(entry.get("time"), f"{where}.time"))
    if not any(text.strip() for text in texts):
        raise EmptyInput("every message is empty", field="messages")
    times = _on_one_clock(moments)
    return [Message(*fields) for fields in zip(speakers, times, texts, strict=True)]


def _listed(names: Iterable[object]) -> str:
    return f"{', '.join(map(str, names)) or 'nothing':.100}"


def _text(value: object, where: str) -> str:
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


def _speaker(value: object, where: str) -> str:
    if value is None:
        return WRITER
    if not isinstance(value, str) or not value.strip() or len(value) > 256:
        raise InvalidValue(
            f"{where} is {value!r:.60}; valid: a name of 1 to 256 characters", field=where
        )
    return value.encode("utf-8", "replace").decode("utf-8")


def _moment(value: object, where: str) -> float | datetime | None:
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


def _on_one_clock(moments: Sequence[float | datetime | None]) -> list[float | None]:
    dates = [moment for moment in moments if isinstance(moment, datetime)]
    if not dates:
        return [None if isinstance(moment, datetime) else moment for moment in moments]
    if any(isinstance(moment, float) for moment in moments):
        raise InvalidValue(
            "some times are seconds and some are dates; valid: one kind in a chat", field="messages"
        )
    if len({moment.tzinfo is None for moment in dates}) > 1:
        # To guess the missing offset would shift messages by hours.
        raise InvalidValue(
            "some dates have an offset from UTC and some have none; valid: one kind in a chat",
            field="messages",
        )
    origin = min(dates)
    return [
        (moment - origin).total_seconds() if isinstance(moment, datetime) else None
        for moment in moments
    ]


def out_of_order(messages: Sequence[Message]) -> int:
    """Count the messages that are earlier than the one before them."""
    times = [message.time for message in messages if message.time is not None]
    return sum(after < before for before, after in pairwise(times))

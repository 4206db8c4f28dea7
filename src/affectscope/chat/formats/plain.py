"""Plain text: a message a line, with the name of who wrote it where most lines have one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from affectscope.chat.formats.drafts import Draft, Tally
from affectscope.chat.formats.text import Text
from affectscope.chat.messages import LONGEST_MESSAGE
from affectscope.errors import PayloadTooLarge

NAMED = re.compile(
    r"\s*(?P<name>[^\W\d_][^:\uff1a\t\n]{0,39}?)\s*(?:\uff1a\s*|:\s+|:$)(?P<text>.*)", re.DOTALL
)
"""``Name: text``; at most forty characters, so that a clause before a colon is rarely a name."""

_MOST_WORDS = 4


def named(line: str) -> tuple[str, str] | None:
    """Return the name and the text of ``Name: text``, or None."""
    found = NAMED.fullmatch(line)
    if found is None or len(found["name"].split()) > _MOST_WORDS:
        return None
    return found["name"], found["text"]


def read_plain(text: Text, tally: Tally) -> Iterator[Draft]:
    """Yield a message a line; blank lines are none.

    Where more than half of two lines and more begin with a name, a line without one goes on with
    the message before.

    Args:
        text: Any text.
        tally: Told of messages without text.

    Raises:
        PayloadTooLarge: A message is longer than `LONGEST_MESSAGE`.
    """
    filled = with_name = 0
    for _, line in text.lines():
        filled += bool(line.strip())
        with_name += named(line) is not None
    if filled < 2 or with_name * 2 <= filled:
        for number, line in text.lines():
            if line.strip():
                yield Draft(None, None, line.strip(), text.where(number))
        return
    begun: tuple[str | None, list[str], int] | None = None
    size = 0
    for number, line in text.lines():
        if not line.strip():
            continue
        found = named(line)
        size += len(line) + 1
        if found is not None or begun is None:
            if begun is not None:
                yield from _message(text, tally, *begun)
            speaker, said = found or (None, line.strip())
            begun, size = (speaker, [said], number), len(line)
        else:
            begun[1].append(line.strip())
        if size > 2 * LONGEST_MESSAGE:
            raise PayloadTooLarge(
                f"the message of {text.where(begun[2])} is longer than {LONGEST_MESSAGE} bytes",
                limit=LONGEST_MESSAGE,
            )
    if begun is not None:
        yield from _message(text, tally, *begun)


def _message(
    text: Text, tally: Tally, speaker: str | None, lines: list[str], number: int
) -> Iterator[Draft]:
    said = "\n".join(lines).strip()
    if said:
        yield Draft(speaker, None, said, text.where(number))
    else:
        tally.leave_out("empty-messages", text.where(number))

"""Chats that WhatsApp exports as text, from iOS (brackets) and from Android (a dash)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from affectscope.chat.formats.dates import CLOCK, DATE, DateOrder, Order, date_of
from affectscope.chat.formats.drafts import Draft, Tally
from affectscope.chat.formats.text import Text
from affectscope.chat.messages import LONGEST_MESSAGE
from affectscope.errors import PayloadTooLarge

_MARKS = "\u200e\u200f\u202a\u202c\ufeff"
"""Characters that only tell the direction of writing; before a text, it is the program's."""

_START = re.compile(
    rf"[{_MARKS}]*(?P<open>\[)?{DATE}(?:[,،]|\s(?:um|à|at|kl\.|às)(?=\s))?\s+{CLOCK}[{_MARKS}]*"
    r"(?(open)\]\s?|\s[-\u2013]\s)(?P<rest>.*)",
    re.DOTALL,
)
_NAMED = re.compile(r"(?P<name>[^:\"\u201c\u201d]{1,120}?): ?(?P<text>.*)", re.DOTALL)
_OMITTED = re.compile(
    r"<[^<>\n]{3,60}>|(?:image|video|audio|sticker|gif|document|contact card|video note) omitted"
    r"|(?:bild|video|audio|sticker|gif|dokument|kontaktkarte) weggelassen"
    r"|null|POLL:.*|<attached: .*>",
    re.DOTALL | re.IGNORECASE,
)
_ATTACHED = re.compile(
    r"[^\n]{1,200}\.(?:jpe?g|png|webp|gif|mp4|3gp|mov|opus|mp3|m4a|aac|ogg|pdf|vcf|docx?|xlsx?|pptx?|zip"
    r"|txt|csv) \([^()\n]{3,60}\)(?:\n(?P<caption>.*))?",
    re.DOTALL | re.IGNORECASE,
)
_DELETED = re.compile(
    r"(?:This message was deleted|You deleted this message|Diese Nachricht wurde gelöscht"
    r"|Du hast diese Nachricht gelöscht|Se eliminó este mensaje|Eliminaste este mensaje"
    r"|Ce message a été supprimé|Vous avez supprimé ce message|Mensagem apagada"
    r"|Questo messaggio è stato eliminato|Hai eliminato questo messaggio)\.?"
)
_EDITED = re.compile(rf"(?:[{_MARKS}]<[^<>\n]{{3,60}}>|<This message was edited>)$")
_LONGEST_MARK = 70
"""Characters of what follows an edited message."""


def looks_like_whatsapp(head: str) -> bool:
    """Tell whether the first lines of a text begin as messages do."""
    lines = [line for line in head.split("\n")[:100] if line.strip()]
    starts = [_START.match(line) is not None for line in lines]
    return bool(starts) and (starts[0] or (sum(starts) > 1 and sum(starts) * 3 >= len(starts)))


def read_whatsapp(text: Text, tally: Tally) -> Iterator[Draft]:
    """Yield the messages that people wrote.

    The whole file decides whether day or month is first. A line that begins no message goes on with
    the one before. What the program wrote (joins, calls, media left out) is counted, not yielded.

    Args:
        text: The export.
        tally: Told what is left out.

    Raises:
        PayloadTooLarge: A message is longer than `LONGEST_MESSAGE`.
    """
    dates = DateOrder()
    for _, line in text.lines():
        if found := _START.match(line):
            dates.note(found)
    if dates.assumed:
        tally.assume("date-order-assumed", dates.order)
    begun: tuple[int, datetime, list[str]] | None = None
    size = 0
    for number, line in text.lines():
        start = _start(text, tally, number, line, dates.order)
        if start is not None:
            if begun is not None:
                yield from _message(text, tally, *begun)
            begun = (number, *start)
            size = len(line)
        elif begun is None:
            if line.strip(_MARKS + " "):
                tally.leave_out("lines-before-first", text.where(number))
        else:
            size += len(line) + 1
            if size > 2 * LONGEST_MESSAGE:
                raise PayloadTooLarge(
                    f"the message of {text.where(begun[0])} is longer than {LONGEST_MESSAGE} bytes",
                    limit=LONGEST_MESSAGE,
                )
            begun[2].append(line)
    if begun is not None:
        yield from _message(text, tally, *begun)


def _start(
    text: Text, tally: Tally, number: int, line: str, order: Order
) -> tuple[datetime, list[str]] | None:
    found = _START.match(line)
    if found is None:
        return None
    moment = date_of(found, order)
    if moment is None:
        tally.assume("impossible-dates", text.where(number))
        return None
    return moment, [found["rest"]]


def _message(
    text: Text, tally: Tally, number: int, moment: datetime, lines: list[str]
) -> Iterator[Draft]:
    where = text.where(number)
    named = _NAMED.fullmatch("\n".join(lines).rstrip())
    speaker = named["name"].strip(_MARKS + " ~\u202f\xa0") if named else ""
    if named is None or not speaker:
        tally.leave_out("system-messages", where)
        return
    said = named["text"]
    edited = _EDITED.search(said, max(0, len(said) - _LONGEST_MARK))
    if edited and said[: edited.start()].strip(_MARKS + " "):
        said = said[: edited.start()].rstrip()
    words = said.strip(_MARKS + " ")
    attached = _ATTACHED.fullmatch(words)
    if attached is not None:
        words = (attached["caption"] or "").strip(_MARKS + " \n")
        said = words
    if _DELETED.fullmatch(words):
        tally.leave_out("deleted-messages", where)
    elif (attached is not None and not words) or _OMITTED.fullmatch(words):
        tally.leave_out("media-messages", where)
    elif said.startswith("\u200e"):
        tally.leave_out("system-messages", where)
    elif not words:
        tally.leave_out("empty-messages", where)
    else:
        yield Draft(speaker, moment, said, where)

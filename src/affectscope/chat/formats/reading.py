"""Read a conversation in whatever form it comes; the content tells the form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from affectscope.affect import Notice
from affectscope.chat.formats.archives import MOST_UNPACKED, Part, unpack
from affectscope.chat.formats.cues import looks_like_subrip, looks_like_webvtt, read_cues
from affectscope.chat.formats.documents import (
    first_element,
    looks_like_json,
    looks_like_lines,
    read_json,
    read_ndjson,
)
from affectscope.chat.formats.drafts import Draft, Reader, Tally
from affectscope.chat.formats.plain import read_plain
from affectscope.chat.formats.slack import channel_of, is_slack_message, read_slack, users_of
from affectscope.chat.formats.table import delimiter_of, read_table
from affectscope.chat.formats.text import READABLE, Text
from affectscope.chat.formats.whatsapp import looks_like_whatsapp, read_whatsapp
from affectscope.chat.messages import MOST_MESSAGES, Clock, Message, check_speaker, check_text
from affectscope.errors import EmptyInput, InvalidValue, PayloadTooLarge, UnsupportedMedia

_READERS: dict[str, Reader] = {
    "json": read_json,
    "ndjson": read_ndjson,
    "csv": read_table,
    "text": read_plain,
    "whatsapp": read_whatsapp,
    "slack": partial(read_slack, users={}),
    "webvtt": read_cues,
    "subrip": read_cues,
}
FORMATS = tuple(_READERS)
"""Names of the formats that are read."""

_ENDINGS = {
    "json": "json", "ndjson": "ndjson", "jsonl": "ndjson", "csv": "csv", "tsv": "csv",
    "vtt": "webvtt", "srt": "subrip",
}  # fmt: skip
_TYPES = {
    "application/json": "json", "application/x-ndjson": "ndjson", "application/jsonl": "ndjson",
    "text/csv": "csv", "text/tab-separated-values": "csv", "text/vtt": "webvtt",
    "application/x-subrip": "subrip",
}  # fmt: skip
_TEXTS = (*_ENDINGS, "txt", "text", "log", "md")
"""Endings of files in a zip that may be conversations; pictures and voices lie beside them."""

_Drafts = Callable[[Tally], Iterator[Draft]]


@dataclass(frozen=True)
class Conversation:
    """A conversation as it was read.

    Attributes:
        messages: In the order of the input.
        format: One of `FORMATS`.
        notices: What was left out or assumed.
    """

    messages: list[Message]
    format: str
    notices: tuple[Notice, ...]


class OpenConversation:
    """A conversation that is read anew, message by message, whenever it is iterated over.

    Attributes:
        format: One of `FORMATS`.
        count: Number of messages.
        notices: What was left out or assumed.
    """

    def __init__(
        self, format: str, drafts: _Drafts, notices: Sequence[Notice], most: int | None
    ) -> None:
        self.format = format
        self._drafts = drafts
        self._clock = Clock()
        self.count = 0
        tally = Tally()
        filled = False
        for draft in drafts(tally):
            check_text(draft.text, draft.where)
            check_speaker(draft.speaker, f"the name in {draft.where}")
            self._clock.note(draft.moment, draft.where)
            filled = filled or bool(draft.text.strip())
            self.count += 1
            if most is not None and self.count > most:
                raise PayloadTooLarge(
                    f"more than {most} messages; at most {most} in one request",
                    field="messages",
                    limit=most,
                )
        self.notices = (*notices, *tally.notices)
        if not filled:
            left_out = "; ".join(notice.message for notice in self.notices)
            raise EmptyInput(
                f"there is no message with text in what was read as {format}"
                + (f": {left_out}" if left_out else ""),
                field="messages",
            )

    def __iter__(self) -> Iterator[Message]:
        for draft in self._drafts(Tally()):
            yield Message(
                check_speaker(draft.speaker, draft.where),
                self._clock.seconds(draft.moment),
                check_text(draft.text, draft.where),
                draft.end,
            )


def read_conversation(
    data: bytes | BinaryIO,
    name: str | None = None,
    content_type: str | None = None,
    *,
    part: str | None = None,
    most: int = MOST_MESSAGES,
) -> Conversation:
    """Read a whole conversation into memory.

    Args:
        data: Bytes, or a binary file.
        name: Name of the file; its ending decides only what the content leaves open.
        content_type: As a client says; likewise.
        part: Channel or file to read of a zip that holds several.
        most: Messages that are accepted.

    Returns:
        Its messages. Times of JSON are those given; dates count from the earliest.

    Raises:
        EmptyInput: No message with text.
        InvalidValue: A line that cannot be read, named; or `part` is needed or unknown.
        MalformedRequest: JSON that is none, by line.
        MissingField: JSON without the field that is needed, by line.
        PayloadTooLarge: Beyond a limit.
        UndecodableMedia: A damaged archive.
        UnsupportedMedia: No text, or an archive in an archive.
    """
    opened = open_conversation(data, name, content_type, part=part, most=most)
    return Conversation(list(opened), opened.format, opened.notices)


def open_conversation(
    data: bytes | BinaryIO,
    name: str | None = None,
    content_type: str | None = None,
    *,
    part: str | None = None,
    most: int | None = None,
) -> OpenConversation:
    """Read a conversation of any length, one message at a time.

    All of it is read once before this returns: what is wrong is known before the first message. The
    file must stay open as long as the conversation is iterated over.

    Args:
        data: Bytes, or a binary file.
        name: As `read_conversation` takes it.
        content_type: Likewise.
        part: Likewise.
        most: Messages that are accepted; any number where None.

    Raises:
        RequestError: As `read_conversation` says.
    """
    parts, zipped = unpack(data, name)
    if part is not None and not zipped:
        raise InvalidValue(
            f"part {part!r:.60} names something in a zip; this is none", field="part"
        )
    if zipped and any(channel_of(one.name) for one in parts):
        return _open_slack(parts, part, most)
    if zipped:
        chosen, hint = _choose(parts, part), None
        name = chosen.name
    else:
        (chosen,), hint = parts, _TYPES.get((content_type or "").partition(";")[0].strip().lower())
        name = chosen.name
    text = Text(chosen.open, chosen.name if zipped else "")
    ending = (name or "").rpartition(".")[2].lower()
    form = _form(text, _ENDINGS.get(ending) or hint)
    return OpenConversation(form, partial(_READERS[form], text), _encoding(text), most)


def _form(text: Text, hint: str | None) -> str:
    """Return the format that the content shows; the hint where it shows none."""
    head = text.head
    if looks_like_webvtt(head):
        return "webvtt"
    if looks_like_subrip(head):
        return "subrip"
    if looks_like_whatsapp(head):
        return "whatsapp"
    if looks_like_json(head):
        if head.lstrip("\ufeff \t\n").startswith("["):
            return "slack" if is_slack_message(first_element(text)) else "json"
        return "ndjson" if looks_like_lines(head, hint == "ndjson") else "json"
    if delimiter_of(head) is not None:
        return "csv"
    return hint or "text"


def _encoding(text: Text) -> list[Notice]:
    tally = Tally()
    if text.assumed:
        tally.assume("encoding-assumed", "Windows-1252")
    if text.damaged:
        tally.assume("damaged-characters", text.encoding)
    return list(tally.notices)


def _choose(parts: Sequence[Part], wanted: str | None) -> Part:
    found = {one.name: one for one in parts if one.name.rpartition(".")[2].lower() in _TEXTS}
    if not found:
        names = ", ".join(one.name for one in parts[:5]) or "nothing"
        raise UnsupportedMedia(f"the zip holds {names:.200}; valid: {READABLE}")
    chosen = found[_chosen(list(found), wanted)]
    _check_size([chosen])
    return chosen


def _chosen(names: Sequence[str], wanted: str | None) -> str:
    listed = ", ".join(sorted(names)[:20])
    if wanted is None:
        if len(names) > 1:
            raise InvalidValue(
                f"the archive holds {len(names)} conversations; 'part' must name one of: "
                f"{listed:.500}",
                field="part",
            )
        return names[0]
    if wanted not in names:
        raise InvalidValue(
            f"no part {wanted!r:.60} in the archive; valid: {listed:.500}", field="part"
        )
    return wanted


def _check_size(parts: Sequence[Part]) -> None:
    size = sum(one.size for one in parts)
    if size > MOST_UNPACKED:
        raise PayloadTooLarge(
            f"the archive unpacks to {size} bytes; at most {MOST_UNPACKED}", limit=MOST_UNPACKED
        )


def _open_slack(parts: Sequence[Part], wanted: str | None, most: int | None) -> OpenConversation:
    channels: dict[str, list[Part]] = {}
    for one in parts:
        if channel := channel_of(one.name):
            channels.setdefault(channel, []).append(one)
    days = sorted(channels[_chosen(list(channels), wanted)], key=lambda day: day.name)
    listed = [one for one in parts if one.name.rpartition("/")[2] == "users.json"][:1]
    _check_size([*days, *listed])
    users = users_of(Text(listed[0].open, listed[0].name)) if listed else {}

    def drafts(tally: Tally) -> Iterator[Draft]:
        for day in days:
            yield from read_slack(Text(day.open, day.name), tally, users)

    return OpenConversation("slack", drafts, (), most)

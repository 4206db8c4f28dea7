"""Exports of Slack: the days of a channel as JSON, and who its users are."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from affectscope.chat.formats.documents import elements
from affectscope.chat.formats.drafts import Draft, Tally
from affectscope.chat.formats.text import Text
from affectscope.errors import PayloadTooLarge

MOST_USERS = 100_000
_SAID = (None, "me_message", "thread_broadcast", "file_share", "file_comment", "reply_broadcast")
"""Kinds of messages that people write; all others tell of joins, topics, pins and the like."""

_SPAN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_DAY = re.compile(r"(?:(?P<channel>.*)/)?\d{4}-\d{2}-\d{2}\.json")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_slack_message(entry: Mapping[str, object] | None) -> bool:
    """Tell whether an entry of a list is a message as Slack writes it."""
    return entry is not None and "ts" in entry and ("type" in entry or "user" in entry)


def channel_of(path: str) -> str | None:
    """Return the channel whose day a file of an export is, or None."""
    found = _DAY.fullmatch(path)
    return None if found is None else (found["channel"] or "").rpartition("/")[2] or "channel"


def users_of(text: Text) -> dict[str, str]:
    """Return id to name of ``users.json``; a name that several have gets their ids.

    Raises:
        MalformedRequest: It is not JSON.
        PayloadTooLarge: More than `MOST_USERS`.
    """
    names: dict[str, str] = {}
    for _, entry in elements(text):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
            continue
        names[entry["id"]] = _name(entry) or entry["id"]
        if len(names) > MOST_USERS:
            raise PayloadTooLarge(f"{text.name!r} lists more than {MOST_USERS} users")
    shared = Counter(names.values())
    return {user: f"{name} ({user})" if shared[name] > 1 else name for user, name in names.items()}


def _name(entry: Mapping[str, object]) -> str | None:
    profile = entry.get("profile")
    places = [profile, entry] if isinstance(profile, Mapping) else [entry]
    for key in ("display_name", "real_name", "name"):
        for place in places:
            found = place.get(key)
            if isinstance(found, str) and found.strip():
                return found.strip()[:200]
    return None


def read_slack(text: Text, tally: Tally, users: Mapping[str, str]) -> Iterator[Draft]:
    """Yield the messages of one day of a channel that people wrote.

    Replies in threads stand where the file has them, by time. Messages of bots, of Slack itself, and
    files without words are counted, not yielded. Mentions become names.

    Args:
        text: The list of one day.
        tally: Told what is left out.
        users: Id to name.

    Raises:
        MalformedRequest: It is not JSON.
        InvalidValue: An entry is no message of Slack.
    """
    for line, entry in elements(text):
        where = text.where(line)
        if not isinstance(entry, Mapping):
            raise text.refusal(line, repr(entry)[:60], "an object with user, ts and text")
        moment = _moment(entry.get("ts"))
        if moment is None:
            raise text.refusal(
                line,
                f"ts {entry.get('ts')!r}"[:60],
                'seconds since 1970, such as "1700000000.0001"',
            )
        subtype, said = entry.get("subtype"), entry.get("text") or ""
        if not isinstance(said, str):
            raise text.refusal(line, f"text {said!r}"[:60], "text")
        if subtype == "bot_message" or entry.get("bot_id"):
            tally.leave_out("bot-messages", where)
        elif subtype == "tombstone":
            tally.leave_out("deleted-messages", where)
        elif subtype not in _SAID:
            tally.leave_out("system-messages", where)
        elif not said.strip():
            tally.leave_out("media-messages" if entry.get("files") else "empty-messages", where)
        else:
            yield Draft(_speaker(entry, users), moment, _plain(said, users), where)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return None
    try:
        return _EPOCH + timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        return None


def _speaker(entry: Mapping[str, object], users: Mapping[str, str]) -> str | None:
    user = entry.get("user")
    if isinstance(user, str) and user in users:
        return users[user]
    profile = entry.get("user_profile")
    named = _name(profile) if isinstance(profile, Mapping) else None
    if named is None and isinstance(user, str) and user.strip():
        named = user.strip()[:200]
    return named


def _plain(said: str, users: Mapping[str, str]) -> str:
    """Return a text without Slack's markup."""

    def spelled(found: re.Match[str]) -> str:
        kind, target, label = found[1], found[2], found[3]
        if kind == "@":
            return f"@{label or users.get(target, target)}"
        if kind == "#":
            return f"#{label or target}"
        if kind == "!":
            return label or f"@{target.partition('^')[0]}"
        return label or target.removeprefix("mailto:")

    return html.unescape(_SPAN.sub(spelled, said))

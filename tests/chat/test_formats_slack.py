"""Exports of Slack: channels, users, threads, and what people did not write."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import Conversation, read_conversation, slack
from affectscope.chat.messages import Message
from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, PayloadTooLarge

USERS = [
    {"id": "U1", "name": "ann", "profile": {"display_name": "Ann", "real_name": "Ann Lee"}},
    {"id": "U2", "name": "ben", "real_name": "Ben Ray", "profile": {"display_name": ""}},
    {"id": "U3", "name": "sam"},
    {"id": "U4", "name": "sam"},
    {"id": "U5", "profile": None},
    {"name": "nobody"},
    7,
]


def message(text: str, user: str | None = "U1", at: float = 0, **more: object) -> dict[str, object]:
    entry: dict[str, object] = {"type": "message", "text": text, "ts": f"{1_700_000_000 + at:.6f}"}
    return entry | ({"user": user} if user else {}) | more


def day(*messages: object) -> Conversation:
    found = read_conversation(json.dumps(messages).encode())
    assert found.format == "slack"
    return found


def export(files: dict[str, object]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return target.getvalue()


class TestDay:
    def test_times_count_from_the_first_message(self) -> None:
        found = day(message("a", at=1.5), message("b", "U2", at=2), message("c", at=2.25))

        assert found.messages == [
            Message("U1", 0.0, "a"),
            Message("U2", 0.5, "b"),
            Message("U1", 0.75, "c"),
        ]

    def test_replies_in_threads_are_messages(self) -> None:
        parent = message("a", thread_ts="1700000000.000000", replies=[{"user": "U2"}])
        reply = message("b", "U2", 5, thread_ts="1700000000.000000", parent_user_id="U1")
        cast = message("c", "U2", 6, subtype="thread_broadcast", root={"text": "a"})

        assert [one.text for one in day(parent, reply, cast).messages] == ["a", "b", "c"]

    def test_a_name_in_the_message_is_used(self) -> None:
        found = day(
            message("a", user_profile={"display_name": "", "real_name": "Ann Lee"}),
            message("b", None),
            message("c", "U9", user_profile=None),
        )

        assert [one.speaker for one in found.messages] == ["Ann Lee", "writer-1", "U9"]

    @pytest.mark.parametrize(
        ("entry", "code"),
        [
            (message("joined", subtype="channel_join"), "system-messages"),
            (message("set the topic", subtype="channel_topic"), "system-messages"),
            (message("build is green", None, subtype="bot_message"), "bot-messages"),
            (message("build is green", bot_id="B1"), "bot-messages"),
            (message("This message was deleted.", subtype="tombstone"), "deleted-messages"),
            (message("", files=[{"name": "a.png"}]), "media-messages"),
            (message(" "), "empty-messages"),
            (message("x") | {"text": None}, "empty-messages"),
        ],
    )
    def test_what_people_did_not_write_is_counted(
        self, entry: dict[str, object], code: str
    ) -> None:
        found = day(message("hi"), entry)

        assert [one.text for one in found.messages] == ["hi"]
        assert [notice.code for notice in found.notices] == [code]

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("<@U9> and <@U1|ann>", "@U9 and @ann"),
            ("in <#C1|general>, <#C2>", "in #general, #C2"),
            ("<!here> <!subteam^S1|@team> <!channel>", "@here @team @channel"),
            ("<https://a.org|this> <https://a.org> <mailto:a@b.c>", "this https://a.org a@b.c"),
            ("I &lt;3 you &amp; them", "I <3 you & them"),
            ("a < b", "a < b"),
        ],
    )
    def test_markup_becomes_words(self, text: str, plain: str) -> None:
        assert day(message(text)).messages[0].text == plain

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            (5, "line 1: '5' cannot be read; valid: an object"),
            ({"type": "message"}, "ts None"),
            (message("a") | {"ts": "noon"}, "seconds since 1970"),
            (message("a") | {"ts": True}, "ts True"),
            (message("a") | {"ts": "1e300"}, "ts '1e300'"),
            (message("a") | {"text": [1]}, "valid: text"),
        ],
    )
    def test_what_is_no_message_is_named(self, entry: object, said: str) -> None:
        with pytest.raises(InvalidValue, match=said):
            day(message("a"), entry)


class TestExport:
    def test_a_channel_is_read_day_by_day_with_names(self) -> None:
        files = {
            "channels.json": [{"name": "general"}],
            "users.json": USERS,
            "general/2023-11-16.json": [message("later <@U2>", "U3", 86_400)],
            "general/2023-11-15.json": [message("hi"), message("yo", "U2"), message("x", "U5")],
        }
        found = read_conversation(export(files))

        assert found.format == "slack"
        assert found.messages == [
            Message("Ann", 0.0, "hi"),
            Message("Ben Ray", 0.0, "yo"),
            Message("U5", 0.0, "x"),
            Message("sam (U3)", 86_400.0, "later @Ben Ray"),
        ]

    def test_several_channels_need_a_name(self) -> None:
        data = export({f"x/{name}/2023-11-15.json": [message(name)] for name in ("b", "a")})

        with pytest.raises(InvalidValue, match=r"2 conversations.*one of: a, b"):
            read_conversation(data)
        assert read_conversation(data, part="b").messages[0].text == "b"

    def test_days_without_a_folder_are_a_channel(self) -> None:
        assert read_conversation(export({"2023-11-15.json": [message("a")]})).messages

    def test_a_bad_line_is_named_with_its_day(self) -> None:
        with pytest.raises(MalformedRequest, match=r"'a/2023-11-15\.json' line 2"):
            read_conversation(export({"a/2023-11-15.json": "[\n{]"}))
        with pytest.raises(MalformedRequest, match=r"'users\.json' line 1"):
            read_conversation(export({"a/2023-11-15.json": [message("a")], "users.json": "{}"}))

    def test_a_quiet_channel_is_empty(self) -> None:
        with pytest.raises(EmptyInput, match="read as slack"):
            read_conversation(export({"a/2023-11-15.json": []}))

    def test_too_many_users_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(slack, "MOST_USERS", 3)

        with pytest.raises(PayloadTooLarge, match="more than 3 users"):
            read_conversation(export({"a/2023-11-15.json": [], "users.json": USERS}))


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    str.strip
)


class TestRoundTrip:
    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["U1", "U2"]), _TEXTS), min_size=1, max_size=8))
    def test_what_was_written_is_read(self, chat: list[tuple[str, str]]) -> None:
        entries = [
            message(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"), user, at)
            for at, (user, text) in enumerate(chat)
        ]
        found = read_conversation(export({"users.json": USERS, "general/2023-11-15.json": entries}))

        names = {"U1": "Ann", "U2": "Ben Ray"}
        assert [(one.speaker, one.text) for one in found.messages] == [
            (names[user], text) for user, text in chat
        ]

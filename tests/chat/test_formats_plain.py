"""Plain text: a message a line, with names where most lines have one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import open_conversation, read_conversation
from affectscope.chat.messages import LONGEST_MESSAGE, WRITER
from affectscope.errors import PayloadTooLarge


def said(text: str) -> list[tuple[str, str]]:
    found = read_conversation(text.encode())
    assert found.format == "text"
    return [(one.speaker, one.text) for one in found.messages]


class TestNames:
    def test_most_lines_decide(self) -> None:
        assert said("Ann: hi\nBen Lee: yo\nand this\n\nAnn: https://a.org") == [
            ("Ann", "hi"),
            ("Ben Lee", "yo\nand this"),
            ("Ann", "https://a.org"),
        ]
        assert said("One thing: this\nis a poem\nof three lines") == [
            (WRITER, "One thing: this"),
            (WRITER, "is a poem"),
            (WRITER, "of three lines"),
        ]

    def test_one_line_is_no_dialogue(self) -> None:
        assert said("Note: buy milk") == [(WRITER, "Note: buy milk")]

    @pytest.mark.parametrize(
        "line",
        [
            "https://a.org/x",
            "10:30 is fine",
            "what I wanted to say here: nothing",
            "a" * 41 + ": x",
            ":-) you",
        ],
    )
    def test_not_everything_before_a_colon_is_a_name(self, line: str) -> None:
        assert said(f"{line}\n{line}") == [(WRITER, line)] * 2

    def test_a_line_before_the_first_name_has_no_name(self) -> None:
        assert said("hello\nAnn: hi\nBen: yo") == [(WRITER, "hello"), ("Ann", "hi"), ("Ben", "yo")]

    def test_a_name_without_text_is_left_out(self) -> None:
        found = read_conversation(b"Ann:\nBen: yo\nAnn: hi")

        assert [one.text for one in found.messages] == ["yo", "hi"]
        assert [notice.code for notice in found.notices] == ["empty-messages"]

    def test_other_scripts_have_names_too(self) -> None:
        assert said("李明：你好\n王芳： 好\nАня: привет") == [
            ("李明", "你好"),
            ("王芳", "好"),
            ("Аня", "привет"),
        ]

    def test_a_message_without_end_is_refused(self) -> None:
        text = "Ann: a\nBen: b\n" * 50_000 + "Ann: a\n" + "more\n" * 40_000
        with pytest.raises(PayloadTooLarge, match=f"line 100001 is longer than {LONGEST_MESSAGE}"):
            open_conversation(text.encode())


_WORDS = st.from_regex(r"[a-zäß]([a-zA-Z0-9 äß,.!?']{0,40}[a-z!?])?", fullmatch=True)
_NAMES = st.from_regex(r"[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8})?", fullmatch=True)


class TestRoundTrip:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(_NAMES, _WORDS), min_size=2, max_size=10))
    def test_a_dialogue_is_read(self, chat: list[tuple[str, str]]) -> None:
        assert said("\n".join(f"{name}: {words}" for name, words in chat)) == chat

    @settings(max_examples=60, deadline=None)
    @given(st.lists(_WORDS, min_size=1, max_size=10))
    def test_lines_are_read(self, lines: list[str]) -> None:
        assert said("\n".join(lines)) == [(WRITER, line) for line in lines]

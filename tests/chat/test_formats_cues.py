"""Transcripts: cues become messages with a start and an end, said by whom they name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.chat.formats import Conversation, open_conversation, read_conversation
from affectscope.chat.messages import LONGEST_MESSAGE, WRITER, Message
from affectscope.errors import EmptyInput, InvalidValue, PayloadTooLarge


def webvtt(*cues: str, start: int = 1) -> Conversation:
    """Read cues of a second each, one after the other."""
    blocks = [
        f"00:00:{start + i:02}.000 --> 00:00:{start + i + 1:02}.000\n{cue}"
        for i, cue in enumerate(cues)
    ]
    found = read_conversation("\n\n".join(["WEBVTT", *blocks]).encode())
    assert found.format == "webvtt"
    return found


def said(found: Conversation) -> list[tuple[str, str]]:
    return [(one.speaker, one.text) for one in found.messages]


class TestWebVTT:
    def test_a_whole_file(self) -> None:
        text = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE
a comment --- of two
lines

intro
00:01.500 --> 00:04.000 align:start position:0%
<v Ann>Hello &amp; <i>hi</i></v>

01:00:03.000 --> 01:00:05.250
<v.loud Ben Lee>one
two</v>
<v Ann>three
"""
        assert read_conversation(text.encode()).messages == [
            Message("Ann", 1.5, "Hello & hi", 4.0),
            Message("Ben Lee", 3603.0, "one\ntwo", 3605.25),
            Message("Ann", 3603.0, "three", 3605.25),
        ]

    def test_overlapping_cues_stay_in_their_order(self) -> None:
        found = read_conversation(
            b"WEBVTT\n\n00:05.000 --> 00:09.000\n<v A>x\n\n00:04.000 --> 00:06.000\n<v B>y"
        )

        assert [(one.time, one.end) for one in found.messages] == [(5.0, 9.0), (4.0, 6.0)]

    def test_names_before_a_colon_count_where_most_have_them(self) -> None:
        assert said(webvtt("Ann Lee: hello", "Ben: hi", "and more")) == [
            ("Ann Lee", "hello"),
            ("Ben", "hi"),
            ("Ben", "and more"),
        ]
        assert said(webvtt("So: hello", "this is it", "and more")) == [
            (WRITER, "So: hello"),
            (WRITER, "this is it"),
            (WRITER, "and more"),
        ]

    def test_names_in_capitals_always_count(self) -> None:
        assert said(webvtt("hello", "- DR. O'NEIL: hi", "so", "ÉVA: yes")) == [
            (WRITER, "hello"),
            ("DR. O'NEIL", "hi"),
            ("DR. O'NEIL", "so"),
            ("ÉVA", "yes"),
        ]

    def test_lines_that_roll_on_are_said_once(self) -> None:
        found = webvtt("one", "one\ntwo", "two\nthree")

        assert [one.text for one in found.messages] == ["one", "two", "three"]
        assert found.notices[0].code == "repeated-lines"

    def test_captions_of_a_video_site_are_said_once(self) -> None:
        text = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.389 align:start position:0%
\x20
hello<00:00:00.480><c> and</c><00:00:00.800><c> welcome</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello and welcome
\x20

00:00:02.399 --> 00:00:05.000 align:start position:0%
hello and welcome
to<00:00:03.000><c> the</c><00:00:03.500><c> show</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
to the show
\x20
"""
        found = read_conversation(text.encode())

        assert [one.text for one in found.messages] == ["hello and welcome", "to the show"]

    def test_what_is_said_twice_stays(self) -> None:
        assert [one.text for one in webvtt("Yes.", "Yes.").messages] == ["Yes.", "Yes."]

    def test_a_cue_without_words_is_left_out(self) -> None:
        found = webvtt("one", "", "<i></i>", "&nbsp;", "two")

        assert [one.text for one in found.messages] == ["one", "two"]
        assert "3 messages without text" in found.notices[0].message

    def test_a_file_without_cues_is_empty(self) -> None:
        with pytest.raises(EmptyInput):
            read_conversation(b"WEBVTT\n\nNOTE nothing")


class TestSubRip:
    def test_a_whole_file(self) -> None:
        text = (
            "1\r\n00:00:01,000 --> 00:00:02,500\r\n{\\an8}<i>ANN: Hello</i>\r\nyou\r\n\r\n"
            "2\r\n00:00:03,000 --> 00:00:04,000 X1:0\r\n<font color='red'>more</font>\r\n"
        )
        found = read_conversation(b"\xef\xbb\xbf" + text.encode())

        assert found.format == "subrip"
        assert found.messages == [
            Message("ANN", 1.0, "Hello\nyou", 2.5),
            Message("ANN", 3.0, "more", 4.0),
        ]

    def test_a_missing_blank_line_is_forgiven(self) -> None:
        text = "1\n00:00:01,000 --> 00:00:02,000\none\n2\n00:00:03,000 --> 00:00:04,000\ntwo\n"

        assert [one.text for one in read_conversation(text.encode()).messages] == ["one", "two"]


class TestBadLines:
    @pytest.mark.parametrize(
        ("lines", "line", "found"),
        [
            ("00:01.000 -> 00:02.000\nhi", 3, "00:01.000 -> 00:02.000"),
            ("00:01.000 --> soon\nhi", 3, "00:01.000 --> soon"),
            ("00:99.000 --> 01:00.000\nhi", 3, "00:99.000"),
            ("00:03.000 --> 00:02.000\nhi", 3, "ends after it starts"),
            ("1\nhello\n", 4, "hello"),
            ("1\n\nhello\n", 3, "1"),
            ("00:01.000 --> 00:02.000\nhi\n\nlost", 6, "lost"),
        ],
    )
    def test_they_are_named(self, lines: str, line: int, found: str) -> None:
        with pytest.raises(InvalidValue, match=f"line {line}: .*{found}"):
            read_conversation(f"WEBVTT\n\n{lines}".encode())

    def test_what_stands_there_is_cut(self) -> None:
        with pytest.raises(InvalidValue) as caught:
            read_conversation(f"WEBVTT\n\n{'x' * 5_000}\n\n".encode())

        assert len(caught.value.detail) < 200

    def test_a_cue_without_end_is_refused(self) -> None:
        with pytest.raises(PayloadTooLarge, match=f"line 3 is longer than {LONGEST_MESSAGE}"):
            webvtt("more\n" * 40_000)

    @pytest.mark.parametrize("piece", ["<v ", "<v.a", "<", "&", "{\\", "- ", "<v a>", "A: "])
    def test_no_cue_takes_long(self, piece: str) -> None:
        cue = piece * (20_000 // len(piece)) + "x"

        assert open_conversation(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{cue}".encode()).count


_WORDS = st.from_regex(r"[a-zäß]([a-zA-Z0-9 äß,.!?'\"&<>]{0,40}[a-z!?])?", fullmatch=True)
_NAMES = st.from_regex(r"[A-Z][a-z]{1,8}( [A-Z][a-z]{1,8})?", fullmatch=True)


def _stamp(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


class TestRoundTrip:
    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(
            st.tuples(_NAMES, _WORDS, st.integers(0, 10**7), st.integers(100, 9000)),
            min_size=1,
            max_size=10,
        ),
        st.booleans(),
    )
    def test_what_was_written_is_read(
        self, cues: list[tuple[str, str, int, int]], subrip: bool
    ) -> None:
        blocks = [] if subrip else ["WEBVTT"]
        mark = "," if subrip else "."
        for number, (name, words, start, length) in enumerate(cues, 1):
            escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            payload = f"{name}: {escaped}" if subrip else f"<v {name}>{escaped}</v>"
            timing = f"{_stamp(start, mark)} --> {_stamp(start + length, mark)}"
            blocks.append(f"{number}\n{timing}\n{payload}")

        found = read_conversation("\n\n".join(blocks).encode())

        assert [(one.speaker, one.text) for one in found.messages] == [
            (name, words) for name, words, _, _ in cues
        ]
        assert [one.time for one in found.messages] == pytest.approx([c[2] / 1000 for c in cues])
        assert [one.end for one in found.messages] == pytest.approx(
            [(start + length) / 1000 for _, _, start, length in cues]
        )

"""Captions can be parsed by the rules of their formats, and say what was said, by whom and when."""

import html
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import Session
from affectscope.chat.formats import read_conversation
from affectscope.samples import sample
from affectscope.session import analyze, write
from affectscope.session.captions import cues, subrip, webvtt
from tests.session.speaking import HAPPY, line, session, voice

CLOCK = r"(\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3})"


@dataclass(frozen=True)
class Parsed:
    start: float
    end: float
    lines: list[str]


def parsed(text: str, point: str) -> list[Parsed]:
    """Return the cues of blocks that an empty line ends; anything that is no cue is an error."""
    found = []
    for block in text.split("\n\n"):
        lines = block.rstrip("\n").split("\n")
        match = re.fullmatch(f"{CLOCK} --> {CLOCK}", lines[0])
        assert match, lines
        assert lines[0].count(point) == 2
        h, m, s, ms, *end = map(int, match.groups())
        start = h * 3600 + m * 60 + s + ms / 1000
        h, m, s, ms = end
        assert not any("-->" in one for one in lines[1:])
        found.append(Parsed(start, h * 3600 + m * 60 + s + ms / 1000, lines[1:]))
    assert found == sorted(found, key=lambda cue: cue.start)
    return found


def parsed_webvtt(one: Session) -> list[Parsed]:
    head, note, *blocks = "".join(webvtt(one)).split("\n\n")
    assert head == "WEBVTT"
    assert note.startswith("NOTE ")
    found = parsed("\n\n".join(blocks), ".") if blocks else []
    for cue in found:
        for text in cue.lines:
            bare = re.sub(r"<v [^<>\n]+>|</v>|<c\.affect>|</c>", "", text)
            assert not {"<", ">"} & set(bare)
            assert not re.search(r"&(?!(amp|lt|gt);)", bare)
    return found


def parsed_subrip(one: Session) -> list[Parsed]:
    text = "".join(subrip(one))
    blocks = text.split("\n\n") if text else []
    numbers, cues = zip(*(block.split("\n", 1) for block in blocks), strict=True) or ((), ())
    assert list(numbers) == [str(number) for number in range(1, len(blocks) + 1)]
    return parsed("\n\n".join(cues), ",")


class TestText:
    def test_a_cue_names_the_speaker_and_what_the_voice_resembled(self) -> None:
        one = session(line(1, 2.5, "what a day"), tracks=(voice((1, 2.5, HAPPY)),))

        assert parsed_webvtt(one) == [
            Parsed(
                1,
                2.5,
                [
                    "<v speaker-1>what a day</v>",
                    "<c.affect>[resembling happy, 61% sure]</c>",
                ],
            )
        ]
        assert parsed_subrip(one) == [
            Parsed(1, 2.5, ["what a day", "[resembling happy, 61% sure]"])
        ]

    def test_where_the_analyzer_abstained_there_is_no_label(self) -> None:
        one = session(line(1, 2.5, "what a day"), tracks=(voice((1, 2.5, None)),))

        assert [cue.lines for cue in parsed_subrip(one)] == [["what a day"]]

    def test_several_speakers_are_named_in_subrip_too(self) -> None:
        one = session(line(1, 2, "hello", "Ann"), line(2, 3, "hi", "Ben & Co"))

        assert [cue.lines for cue in parsed_subrip(one)] == [["Ann: hello"], ["Ben & Co: hi"]]
        assert parsed_webvtt(one)[1].lines == ["<v Ben &amp; Co>hi</v>"]

    def test_a_speaker_without_a_name_has_no_tag(self) -> None:
        assert parsed_webvtt(session(line(1, 2, "hello", " ")))[0].lines == ["hello"]

    @pytest.mark.parametrize(
        "text", ["a < b & c > d", "x --> y", "<b>loud</b>", "</v><v Eve>", "&amp;", "{\\an8}up"]
    )
    def test_what_looks_like_markup_stays_text(self, text: str) -> None:
        one = session(line(1, 2, text))

        (cue,) = parsed_webvtt(one)
        assert html.unescape(re.sub(r"<[^>]*>", "", cue.lines[0])) == text
        (plain,) = parsed_subrip(one)
        assert plain.lines[0].replace("\u200b", "") == text
        assert not re.search(r"<[/a-z]|-->|\{\\", plain.lines[0])

    def test_lines_and_controls_do_not_break_a_cue(self) -> None:
        one = session(line(1, 2, "one\n\n2\r\n00:00:01.000\x00 three\x1b", "A\nB"))

        assert parsed_webvtt(one)[0].lines == ["<v A B>one 2 00:00:01.000 three</v>"]

    def test_without_words_there_are_no_cues(self) -> None:
        assert "".join(subrip(session(line(1, 2, " ")))) == ""
        assert parsed_webvtt(session()) == []


class TestTimes:
    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (0, 1.001, "00:00:00.000 --> 00:00:01.001"),
            (0.1 + 0.2, 4.35, "00:00:00.300 --> 00:00:04.350"),
            (59.9994, 60.9996, "00:01:00.000 --> 00:01:00.999"),
            (3599.9999, 3605, "01:00:00.000 --> 01:00:05.000"),
            (360_000, 3_600_001.5, "100:00:00.000 --> 1000:00:01.500"),
            (-1, 1, "00:00:00.000 --> 00:00:01.000"),
        ],
    )
    def test_hours_minutes_and_milliseconds(self, start: float, end: float, expected: str) -> None:
        one = session(line(start, end, "x"))

        assert expected in "".join(webvtt(one))
        assert expected.replace(".", ",") in "".join(subrip(one))

    @pytest.mark.parametrize(("start", "end"), [(1, 1), (1.0002, 1.0008), (-2, -1)])
    def test_no_cue_where_there_is_no_millisecond(self, start: float, end: float) -> None:
        assert list(cues(session(line(start, end, "x")))) == []

    def test_cues_are_in_order(self) -> None:
        one = session(line(5, 6, "b"), line(1, 9, "a"))

        assert [cue.text for cue in cues(one)] == ["a", "b"]

    @given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e3), st.text()), max_size=5))
    def test_never_longer_than_the_utterance(self, spans: list[tuple[float, float, str]]) -> None:
        lines = [line(start, start + length, text) for start, length, text in spans]
        one = session(*lines)

        for cue in cues(one):
            assert any(
                said.start - 1e-8 <= cue.start / 1000 < cue.end / 1000 <= said.end + 1e-8
                for said in lines
            )
        assert len(parsed_webvtt(one)) == len(list(cues(one)))


class TestAffect:
    def test_the_segment_that_overlaps_most_counts(self) -> None:
        sad = HAPPY.model_copy(update={"confidence": 0.5})
        one = session(
            line(1, 5, "x"), tracks=(voice((0, 2, HAPPY), (2, 4.5, sad), (4.5, 9, HAPPY)),)
        )

        (cue,) = cues(one)
        assert cue.affect == sad

    def test_that_of_another_speaker_or_time_does_not(self) -> None:
        one = session(
            line(1, 5, "x"),
            tracks=(voice((0, 1, HAPPY), (5, 6, HAPPY)), voice((1, 5, HAPPY), subject="Ben")),
        )

        assert [cue.affect for cue in cues(one)] == [None]


@pytest.mark.parametrize("ending", ["vtt", "SRT"])
def test_a_recording_becomes_a_file_that_the_chat_reads_back(tmp_path: Path, ending: str) -> None:
    one = analyze(sample("speech"))

    write(one, tmp_path / f"a.{ending}")

    data = (tmp_path / f"a.{ending}").read_bytes()
    messages = list(read_conversation(io.BytesIO(data)).messages)
    assert len(messages) == len(one.transcript) > 0
    for message, said in zip(messages, one.transcript, strict=True):
        assert message.text.startswith(said.text)
        assert message.time == pytest.approx(said.start, abs=1.1e-3)

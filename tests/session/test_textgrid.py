"""A TextGrid can be parsed by a strict reader, and its tiers have no gap and no overlap."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import Session, Word
from affectscope.errors import InvalidValue
from affectscope.samples import sample
from affectscope.session import analyze, write
from affectscope.session.textgrid import Interval, contiguous, textgrid
from tests.session.speaking import HAPPY, line, session, voice


class Reader:
    """Takes a file line by line; a line that is not as the format says is an error."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")

    def take(self, pattern: str) -> str:
        match = re.fullmatch(r"\s*" + pattern, self.lines.pop(0))
        assert match, (pattern, self.lines[:1])
        return match.group(1) if match.groups() else ""


def parsed(text: str) -> tuple[float, dict[str, list[Interval]]]:
    number, string = r"(-?\d+(?:\.\d+)?)", r'"((?:[^"]|"")*)"'
    reader = Reader(text)
    for fixed in ('File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0"):
        reader.take(re.escape(fixed))
    length = float(reader.take(f"xmax = {number}"))
    reader.take(r"tiers\? <exists>")
    tiers: dict[str, list[Interval]] = {}
    count = int(reader.take(r"size = (\d+)"))
    reader.take(r"item \[\]:")
    for item in range(1, count + 1):
        reader.take(rf"item \[{item}\]:")
        reader.take('class = "IntervalTier"')
        name = reader.take(f"name = {string}").replace('""', '"')
        reader.take("xmin = 0")
        assert float(reader.take(f"xmax = {number}")) == length
        tiers[name] = []
        for interval in range(1, int(reader.take(r"intervals: size = (\d+)")) + 1):
            reader.take(rf"intervals \[{interval}\]:")
            begin = float(reader.take(f"xmin = {number}"))
            end = float(reader.take(f"xmax = {number}"))
            tiers[name].append((begin, end, reader.take(f"text = {string}").replace('""', '"')))
    assert reader.lines == [""]
    for intervals in tiers.values():
        check(intervals, length)
    return length, tiers


def check(intervals: list[Interval], length: float) -> None:
    assert intervals[0][0] == 0
    assert intervals[-1][1] == length
    assert all(begin < end for begin, end, _ in intervals)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(intervals))


def tiers_of(one: Session) -> dict[str, list[Interval]]:
    return parsed("".join(textgrid(one)))[1]


class TestTiers:
    def test_words_phrases_and_affect_of_a_speaker(self) -> None:
        words = (Word(text="what", start=1, end=1.5), Word(text='"day"', start=1.75, end=2))
        one = session(
            line(1, 2.5, 'what "day"', words=words),
            tracks=(voice((1, 2.5, HAPPY), (4, 5, None)),),
        )

        assert tiers_of(one) == {
            "words (speaker-1)": [
                (0, 1, ""),
                (1, 1.5, "what"),
                (1.5, 1.75, ""),
                (1.75, 2, '"day"'),
                (2, 10, ""),
            ],
            "phrases (speaker-1)": [(0, 1, ""), (1, 2.5, 'what "day"'), (2.5, 10, "")],
            "affect (speaker-1)": [(0, 1, ""), (1, 2.5, "happy 0.61"), (2.5, 10, "")],
        }

    def test_every_speaker_has_tiers_of_their_own(self) -> None:
        one = session(
            line(1, 4, "hello", "Ann"),
            line(2, 3, "hi", "Ben"),
            tracks=(voice((2, 3, HAPPY), subject="Ben"),),
        )

        tiers = tiers_of(one)

        assert len(tiers) == 6
        assert tiers["phrases (Ann)"][1] == (1, 4, "hello")
        assert tiers["phrases (Ben)"][1] == (2, 3, "hi")
        assert tiers["affect (Ann)"] == [(0, 10, "")]

    def test_silence_is_one_empty_interval(self) -> None:
        assert tiers_of(session(tracks=(voice(),))) == {
            f"{name} (speaker-1)": [(0, 10, "")] for name in ("words", "phrases", "affect")
        }

    def test_what_outlasts_the_medium_lengthens_it(self) -> None:
        length, _ = parsed("".join(textgrid(session(line(9, 10.25, "x")))))

        assert length == 10.25

    @pytest.mark.parametrize("one", [session(), session(tracks=(voice(),), duration=0)])
    def test_without_a_voice_there_is_nothing_to_write(self, tmp_path: Path, one: Session) -> None:
        with pytest.raises(InvalidValue, match="no voice"):
            write(one, tmp_path / "a.TextGrid")

        assert not (tmp_path / "a.TextGrid").exists()


class TestContiguous:
    def test_of_two_that_overlap_the_second_begins_later(self) -> None:
        assert contiguous([(0, 2, "a"), (1, 3, "b")], 3) == [(0, 2, "a"), (2, 3, "b")]

    def test_what_has_no_time_of_its_own_is_named_by_its_neighbour(self) -> None:
        assert contiguous([(0, 2, "a"), (1, 2, "b")], 2) == [(0, 2, "a b")]
        assert contiguous([(1, 1, "a"), (1, 2, "b")], 2) == [(0, 1, ""), (1, 2, "a b")]
        assert contiguous([(1, 1, "a")], 2) == [(0, 2, "a")]

    @given(
        st.lists(st.tuples(st.floats(-1, 50), st.floats(0, 20), st.sampled_from("abc"))),
        st.floats(71, 100),
    )
    def test_no_gap_no_overlap_and_no_label_is_lost(
        self, given_: list[tuple[float, float, str]], length: float
    ) -> None:
        length = round(length, 6)

        found = contiguous([(begin, begin + size, label) for begin, size, label in given_], length)

        check(found, length)
        labels = " ".join(label for _, _, label in found).split()
        assert sorted(labels) == sorted(label for _, _, label in given_)


def test_a_recording_becomes_a_textgrid(tmp_path: Path) -> None:
    one = analyze(sample("speech"))

    write(one, tmp_path / "a.TextGrid")

    length, tiers = parsed((tmp_path / "a.TextGrid").read_text(encoding="utf-8"))
    assert length == pytest.approx(5.62, abs=0.05)
    words = [label for _, _, label in tiers["words (speaker-1)"] if label]
    assert " ".join(words) == " ".join(said.text for said in one.transcript)

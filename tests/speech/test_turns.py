"""Turns, pauses, gaps, overlaps, interruptions and backchannels are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.affect import FloorTransfers, SpeakerTurns, TurnTaking
from affectscope.speech.activity import PADDING_SECONDS
from affectscope.speech.turns import Spread, TurnStatistics

Talk = tuple[str, float, float]


def summed(*talks: Talk, duration: float = 60.0) -> TurnTaking:
    """Summarise who speaks from when to when, padded as the finder of speech does it."""
    statistics = TurnStatistics()
    for speaker, start, end in sorted(talks, key=lambda talk: talk[1]):
        statistics.add(speaker, start - PADDING_SECONDS, end + PADDING_SECONDS)
    return statistics.record(duration).summary


def speaker(summary: TurnTaking, name: str) -> SpeakerTurns:
    return next(one for one in summary.speakers if one.speaker == name)


def transfer(summary: TurnTaking, name: str, follows: str) -> FloorTransfers:
    return next(one for one in summary.transfers if (one.speaker, one.follows) == (name, follows))


class TestOneSpeaker:
    def test_speech_pauses_and_turns(self) -> None:
        summary = summed(("A", 1, 3), ("A", 4, 5), ("A", 10, 12), duration=20)

        one = speaker(summary, "A")
        assert (one.phrases, one.turns, one.pauses) == (3, 2, 1)
        assert (one.speaking, one.share) == (pytest.approx(5), 1.0)
        assert (one.turn_mean, one.turn_median) == (pytest.approx(3), pytest.approx(3))
        assert (one.pause_seconds, one.pause_median) == (pytest.approx(1), pytest.approx(1))
        assert summary.speech_ratio == pytest.approx(0.25)
        assert (summary.lapses, summary.lapse_seconds) == (1, pytest.approx(5))
        assert summary.transfers == ()
        assert summary.simultaneous == 0

    def test_a_phrase_cut_for_its_length_is_one_stretch(self) -> None:
        statistics = TurnStatistics()
        statistics.add("A", 0.0, 14.3)
        statistics.add("A", 14.3, 20.0)

        (one,) = statistics.record(30.0).summary.speakers
        assert (one.phrases, one.turns, one.pauses) == (2, 1, 0)
        assert one.speaking == pytest.approx(20.0 - 2 * PADDING_SECONDS)

    def test_nobody_speaks(self) -> None:
        summary = summed(duration=5)

        assert (summary.speech_ratio, summary.speakers, summary.transfers) == (0, (), ())
        assert summed(duration=0).speech_ratio == 0


class TestTwoSpeakers:
    def test_a_gap_is_a_transfer(self) -> None:
        summary = summed(("A", 0, 2), ("B", 2.3, 4), ("A", 4.5, 6), ("B", 6.9, 8))

        assert [(one.speaker, one.share) for one in summary.speakers] == [
            ("A", pytest.approx(3.5 / 6.3)),
            ("B", pytest.approx(2.8 / 6.3)),
        ]
        b_after_a = transfer(summary, "B", "A")
        assert (b_after_a.transfers, b_after_a.gaps, b_after_a.overlaps) == (2, 2, 0)
        assert b_after_a.gap_seconds == pytest.approx(1.2)
        assert b_after_a.gap_median == b_after_a.offset_median == pytest.approx(0.6)
        assert transfer(summary, "A", "B").offset_median == pytest.approx(0.5)
        assert [one.turns for one in summary.speakers] == [2, 2]

    def test_a_short_overlap_is_no_interruption(self) -> None:
        summary = summed(("A", 0, 2), ("B", 1.8, 4))

        one = transfer(summary, "B", "A")
        assert (one.overlaps, one.gaps, one.interruptions) == (1, 0, 0)
        assert (one.overlap_seconds, one.overlap_median) == (pytest.approx(0.2), 0.2)
        assert one.offset_median == pytest.approx(-0.2)
        assert one.gap_median is None
        assert summary.simultaneous == pytest.approx(0.2)
        assert summary.speech == pytest.approx(4)

    def test_who_speaks_on_while_the_other_stops_interrupts(self) -> None:
        summary = summed(("A", 0, 5), ("B", 4, 8))

        assert speaker(summary, "B").interruptions == 1
        assert transfer(summary, "B", "A").interruptions == 1
        assert speaker(summary, "A").interruptions == 0

    def test_what_lies_inside_the_others_speech_takes_no_turn(self) -> None:
        summary = summed(("A", 0, 5), ("B", 2, 2.5), ("A", 5.5, 7), ("B", 7.4, 9))

        assert speaker(summary, "B").backchannels == 1
        assert speaker(summary, "B").turns == 1
        assert speaker(summary, "A").turn_mean == pytest.approx(7)
        assert transfer(summary, "B", "A").gap_median == pytest.approx(0.4)

    def test_who_is_talked_over_and_goes_on_after_a_cut_keeps_the_floor(self) -> None:
        statistics = TurnStatistics()
        statistics.add("A", 0.0, 15.0)
        statistics.add("B", 14.0, 16.0)
        statistics.add("A", 15.0, 20.0)

        summary = statistics.record(30.0).summary
        assert speaker(summary, "B").backchannels == 1
        assert summary.transfers == ()

    def test_after_a_lapse_nobody_follows_anybody(self) -> None:
        summary = summed(("A", 0, 2), ("B", 6, 8))

        assert summary.transfers == ()
        assert (summary.lapses, [one.turns for one in summary.speakers]) == (1, [1, 1])


def test_three_speakers_make_pairs() -> None:
    summary = summed(("A", 0, 2), ("B", 2.2, 4), ("C", 3, 3.5), ("C", 4.4, 6), ("A", 5, 7))

    assert {(one.speaker, one.follows) for one in summary.transfers} == {
        ("B", "A"),
        ("C", "B"),
        ("A", "C"),
    }
    assert speaker(summary, "C").backchannels == 1


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.floats(0, 50), st.floats(0.3, 15.0)), max_size=30)
)
def test_times_add_up(drawn: list[tuple[str, float, float]]) -> None:
    ends = {"A": -1.0, "B": -1.0, "C": -1.0}
    statistics, marks = TurnStatistics(), np.zeros((3, 8000))
    for name, start, length in sorted(drawn, key=lambda one: one[1]):
        if start < ends[name] + 0.4:
            continue
        ends[name] = start + length
        statistics.add(name, start - PADDING_SECONDS, start + length + PADDING_SECONDS)
        marks["ABC".index(name), round(start * 100) : round((start + length) * 100)] = 1

    summary = statistics.record(100.0).summary
    tolerance = 0.02 * len(drawn) + 0.001
    assert summary.speech == pytest.approx(marks.any(0).sum() / 100, abs=tolerance)
    assert summary.simultaneous == pytest.approx((marks.sum(0) > 1).sum() / 100, abs=tolerance)
    assert sum(one.speaking for one in summary.speakers) == pytest.approx(
        marks.sum() / 100, abs=tolerance
    )
    turns = sum(one.turns for one in summary.speakers)
    transfers = sum(one.transfers for one in summary.transfers)
    assert turns == (1 + transfers + summary.lapses if summary.speakers else 0)


@given(st.lists(st.floats(-20, 20), min_size=1))
def test_the_median_is_right_to_ten_milliseconds(values: list[float]) -> None:
    spread = Spread()
    for value in values:
        spread.add(value)

    assert spread.median == pytest.approx(float(np.median(values)), abs=0.0051)
    assert spread.mean == pytest.approx(float(np.mean(values)), abs=1e-9)


def test_the_median_of_nothing_is_none() -> None:
    assert (Spread().median, Spread().mean) == (None, None)

"""Speech is found where it is, in pieces that respect pauses."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.activity import LONGEST_SECONDS, Speech, SpeechFinder
from tests.speech.signals import RATE, silence, spoken, tone


def found(signal: NDArray[np.float32], size: int = 16_000, start: float = 0.0) -> list[Speech]:
    finder, phrases = SpeechFinder(), []
    for at in range(0, len(signal), size):
        phrases += finder.feed(signal[at : at + size], start + at / RATE)
    return phrases + list(finder.finish())


def test_a_sentence_between_silences_is_found_in_its_place() -> None:
    sentence = spoken()

    phrases = found(np.concatenate([silence(3), sentence, silence(3)]))

    assert phrases[0].start == pytest.approx(3.0, abs=0.25)
    assert phrases[-1].end == pytest.approx(3 + len(sentence) / RATE, abs=0.6)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(phrases))


def test_the_samples_are_those_of_the_interval() -> None:
    signal = np.concatenate([silence(1), spoken(), silence(1)])

    for phrase in found(signal):
        first = round(phrase.start * RATE)
        assert np.array_equal(phrase.samples, signal[first : first + len(phrase.samples)])


@pytest.mark.parametrize("size", [160, 1000, 512, 50_000])
def test_how_the_signal_is_cut_makes_no_difference(size: int) -> None:
    signal = np.concatenate([silence(1), spoken(), silence(1)])

    wanted, got = found(signal), found(signal, size)

    assert [(p.start, len(p.samples)) for p in got] == [(p.start, len(p.samples)) for p in wanted]


def test_a_signal_may_start_late() -> None:
    signal = np.concatenate([silence(1), spoken(), silence(1)])

    assert found(signal, start=7.5)[0].start == pytest.approx(found(signal)[0].start + 7.5)


@pytest.mark.parametrize(
    "signal",
    [silence(2), tone(2), np.zeros(0, np.float32), np.zeros(10, np.float32)],
    ids=["silence", "tone", "nothing", "less than a chunk"],
)
def test_where_nobody_speaks_nothing_is_found(signal: NDArray[np.float32]) -> None:
    assert found(signal) == []


def test_speech_without_pause_is_cut() -> None:
    # Removing its quiet parts leaves speech that never pauses.
    sentence = spoken()
    loud = sentence[np.abs(sentence) > 0.01]
    signal = np.tile(loud, int(40 * RATE / len(loud)) + 1)

    phrases = found(signal)

    assert len(phrases) > 1
    assert all(p.end - p.start <= LONGEST_SECONDS for p in phrases)
    assert sum(len(p.samples) for p in phrases) > 0.8 * len(signal)


class TestUnderway:
    """What can be told of a segment before it ends."""

    def test_a_pause_shows_what_the_segment_will_be(self) -> None:
        signal = np.concatenate([silence(1), spoken(), silence(1)])
        finder, shown, ended = SpeechFinder(), [], []
        for at in range(0, len(signal), 512):
            phrases = list(finder.feed(signal[at : at + 512], at / RATE))
            if phrases:
                ended.append((phrases[0], shown[-1]))
                assert finder.underway is None
            if finder.pause == pytest.approx(0.16):
                shown.append(finder.so_far())

        assert len(ended) == 2
        for phrase, before in ended:
            assert before.start == phrase.start
            assert np.array_equal(before.samples, phrase.samples)

    def test_nothing_is_told_too_early(self) -> None:
        finder = SpeechFinder()
        assert (finder.underway, finder.so_far(), finder.pause) == (None, None, 0.0)
        signal = np.concatenate([silence(1), spoken()])
        at = 0
        while finder.underway is None:
            list(finder.feed(signal[at : at + 512], 7 + at / RATE))
            at += 512

        assert finder.underway == pytest.approx(7 + at / RATE, abs=0.2)
        assert finder.so_far() is None

"""A long phrase is judged window by window as well, and a short one is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.affect import Affect, affect_from
from affectscope.speech.activity import Speech
from affectscope.speech.logmel import RATE
from affectscope.speech.sliding import STEP_SECONDS, WINDOW_SECONDS, windows

LOUD = affect_from("ravdess-8", [0, 0, 0, 0, 1, 0, 0, 0])


def judge(samples: NDArray[np.float32]) -> tuple[Affect | None, str | None]:
    assert len(samples) == WINDOW_SECONDS * RATE
    return (LOUD, None) if samples.mean() > 0.5 else (None, "quiet")


@pytest.mark.parametrize("seconds", [1.0, 3.0, 5.9])
def test_a_short_phrase_has_none(seconds: float) -> None:
    assert windows(Speech(1.0, np.zeros(round(seconds * RATE), np.float32)), judge) == ()


@pytest.mark.parametrize("seconds", [6.0, 7.3, 15.0, 15.2])
def test_they_cover_the_phrase(seconds: float) -> None:
    phrase = Speech(20.0, np.zeros(round(seconds * RATE), np.float32))

    found = windows(phrase, judge)

    starts = [one.start for one in found]
    assert found[0].start == 20.0
    assert found[-1].end == pytest.approx(phrase.end, abs=1e-3)
    assert all(one.end - one.start == pytest.approx(WINDOW_SECONDS) for one in found)
    assert (np.diff(starts) >= STEP_SECONDS - 1e-3).all()
    assert (np.diff(starts) <= WINDOW_SECONDS).all()
    assert len(found) * WINDOW_SECONDS <= 2 * seconds


def test_each_says_what_it_holds() -> None:
    samples = np.concatenate([np.zeros(8 * RATE), np.ones(7 * RATE)]).astype(np.float32)

    found = windows(Speech(0.0, samples), judge)

    assert [one.affect is not None for one in found] == [one.start >= 6.5 for one in found]
    assert {one.abstained for one in found} == {None, "quiet"}

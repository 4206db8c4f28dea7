"""A long phrase is judged window by window as well, and a short one is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.affect import Affect, Window, affect_from
from affectscope.speech.activity import Speech
from affectscope.speech.logmel import BANDS, RATE, log_mel
from affectscope.speech.sliding import STEP_SECONDS, WINDOW_SECONDS, windows
from tests.speech.signals import silence

LOUD = affect_from("ravdess-8", [0, 0, 0, 0, 1, 0, 0, 0])


def judge(mels: NDArray[np.float32]) -> tuple[Affect | None, str | None]:
    assert mels.shape == (298, BANDS)
    return (LOUD, None) if mels.mean() > -14 else (None, "quiet")


def told(phrase: Speech) -> tuple[Window, ...]:
    return windows(phrase, log_mel(phrase.samples), judge)


@pytest.mark.parametrize("seconds", [1.0, 3.0, 5.9])
def test_a_short_phrase_has_none(seconds: float) -> None:
    assert told(Speech(1.0, np.zeros(round(seconds * RATE), np.float32))) == ()


@pytest.mark.parametrize("seconds", [6.0, 7.3, 15.0, 15.2])
def test_they_cover_the_phrase(seconds: float) -> None:
    phrase = Speech(20.0, np.zeros(round(seconds * RATE), np.float32))

    found = told(phrase)

    starts = [one.start for one in found]
    assert found[0].start == 20.0
    # Frames of the front end begin every 10 ms.
    assert phrase.end - 0.01 < found[-1].end <= phrase.end
    assert all(one.end - one.start == pytest.approx(WINDOW_SECONDS) for one in found)
    assert (np.diff(starts) >= STEP_SECONDS - 0.011).all()
    assert (np.diff(starts) <= WINDOW_SECONDS).all()
    assert len(found) * WINDOW_SECONDS <= 2 * seconds


def test_each_says_what_it_holds() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 7 * RATE).astype(np.float32)

    found = told(Speech(0.0, np.concatenate([silence(8.0), noise])))

    assert [one.affect is not None for one in found] == [one.start >= 6.5 for one in found]
    assert {one.abstained for one in found} == {None, "quiet"}

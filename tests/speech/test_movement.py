"""Trajectories that move together correlate, at once or a little later."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.speech.movement import FIGURES, MOST, movement
from affectscope.speech.pitch import Pitch

NO_VOICE = Pitch(np.full(300, np.nan), np.zeros(300))


def moving(rows: int = 300) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (rows, 14)).astype(np.float32)


def test_what_moves_together_correlates() -> None:
    cepstra = moving()
    cepstra[:, 1] = cepstra[:, 0]
    cepstra[:, 2] = -cepstra[:, 0]

    found = movement(NO_VOICE, cepstra)

    assert tuple(found) == FIGURES
    assert found["cepstrum_0_with_cepstrum_1_after_0"] == pytest.approx(np.arctanh(MOST), rel=0.6)
    assert found["cepstrum_0_with_cepstrum_2_after_0"] < -1
    assert found["cepstrum_3_with_cepstrum_4_after_0"] == pytest.approx(0, abs=0.2)


def test_what_follows_later_correlates_at_that_delay() -> None:
    cepstra = moving()
    cepstra[15:, 5] = cepstra[:-15, 3]

    found = movement(NO_VOICE, cepstra)

    assert found["cepstrum_5_with_cepstrum_3_after_15"] > 1
    assert found["cepstrum_3_with_cepstrum_5_after_15"] == pytest.approx(0, abs=0.2)
    assert found["cepstrum_5_with_cepstrum_3_after_6"] == pytest.approx(0, abs=0.2)


def test_the_pitch_is_bridged_and_without_voice_still() -> None:
    cepstra, voiced = moving(), np.arange(300) % 3 > 0
    cepstra[:, 0] = np.sin(np.arange(300) / 20)
    pitch = Pitch(np.where(voiced, 100 * 2 ** cepstra[:, 0], np.nan), voiced * 0.9)

    assert movement(pitch, cepstra)["pitch_with_cepstrum_0_after_0"] > 1
    assert movement(NO_VOICE, cepstra)["pitch_with_cepstrum_0_after_0"] == 0


@pytest.mark.parametrize("frames", [0, 9, 10, 20, 39, 40])
def test_what_is_too_short_for_a_delay_is_not_told(frames: int) -> None:
    found = movement(Pitch(NO_VOICE.hertz[:frames], NO_VOICE.strength[:frames]), moving(frames))

    assert bool(found) == (frames >= 10)
    told = {name.rpartition("_")[2] for name, value in found.items() if np.isfinite(value)}
    assert told == {str(delay) for delay in (0, 6, 15, 30) if frames - delay >= 10}


def test_what_stays_the_same_correlates_with_nothing() -> None:
    found = movement(NO_VOICE, np.ones((300, 14), np.float32))

    assert set(found.values()) == {0.0}

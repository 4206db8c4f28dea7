"""How a pitch goes is told of pitches that are known."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.speech.intonation import FIGURES, intonation
from affectscope.speech.pitch import Pitch


def told(semitones: np.ndarray, voiced: np.ndarray | None = None) -> dict[str, float]:
    """Return what is told of a pitch in semitones above 100 Hz, and a level that falls by 2."""
    voiced = np.full(len(semitones), True) if voiced is None else voiced
    hertz = np.where(voiced, 100 * 2 ** (semitones / 12), np.nan)
    level = np.linspace(0, -2, len(semitones)).astype(np.float32)
    return intonation(Pitch(hertz, np.where(voiced, 0.9, 0.0)), level)


def test_a_rising_pitch() -> None:
    found = told(np.linspace(0, 10, 101))

    assert tuple(found) == FIGURES
    assert found["pitch_mean"] == pytest.approx(5)
    assert found["pitch_percentile_50"] == pytest.approx(5)
    assert found["pitch_percentile_95"] == pytest.approx(9.5)
    assert (found["pitch_lowest"], found["pitch_highest"]) == pytest.approx((0, 10))
    assert found["pitch_first"] == pytest.approx(0.35)
    assert found["pitch_last"] == pytest.approx(9.65)
    assert found["pitch_fall_to_last_third"] == pytest.approx(-6.7, abs=0.1)
    assert found["pitch_peak_place"] == pytest.approx(1, abs=0.02)
    assert (found["pitch_step"], found["pitch_rise"]) == pytest.approx((0.1, 0.1))
    assert found["pitch_fall"] == 0
    assert found["pitch_weighted"] < found["pitch_mean"]
    assert found["pitch_loudest"] == pytest.approx(0)
    assert found["pitch_contour_1"] < 0 < found["level_contour_1"]
    assert found["pitch_contour_2"] == pytest.approx(0, abs=0.05)


def test_the_shape_of_a_contour_is_that_of_its_cosines() -> None:
    bow = np.cos(2 * np.pi * np.arange(200) / 200)

    found = told(5 + 3 * bow)

    assert found["pitch_contour_2"] == pytest.approx(3, abs=0.1)
    others = [found[f"pitch_contour_{number}"] for number in (1, 3, 4, 5, 6, 7)]
    assert others == pytest.approx([0] * 6, abs=0.1)


def test_voiced_stretches() -> None:
    voiced = np.tile(np.repeat([True, False], [40, 10]), 4)

    found = told(np.zeros(200), voiced)

    assert found["voiced_stretches_per_second"] == pytest.approx(2)
    assert found["voiced_stretch_mean"] == found["voiced_stretch_longest"] == np.log(0.4)
    assert found["voiced_share_of_loud"] == pytest.approx(0.8)
    # No step is counted over a gap.
    assert found["pitch_step"] == 0


def test_with_little_voice_nothing_is_told() -> None:
    assert told(np.zeros(19)) == {}
    assert told(np.zeros(200), np.arange(200) < 19) == {}
    assert told(np.zeros(0)) == {}

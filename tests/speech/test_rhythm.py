"""A level that beats so many times a second is found in the band of that frequency."""

from __future__ import annotations

import numpy as np
import pytest

from affectscope.speech.rhythm import BANDS_HZ, FIGURES, rhythm


@pytest.mark.parametrize(("low", "high"), BANDS_HZ)
@pytest.mark.parametrize("seconds", [2.5, 20.0])
def test_the_band_of_a_beat_is_the_strongest(low: float, high: float, seconds: float) -> None:
    times = np.arange(round(seconds * 100)) / 100
    level = np.sin(2 * np.pi * np.sqrt(low * high) * times).astype(np.float32)

    found = rhythm(level)

    assert tuple(found) == FIGURES
    assert max(found, key=lambda name: found[name]) == f"rhythm_{low:g}_to_{high:g}_hz"


def test_how_loud_it_is_makes_no_difference() -> None:
    level = np.random.default_rng(0).normal(0, 1, 200).astype(np.float32)

    assert rhythm(level - 5) == pytest.approx(rhythm(level), abs=1e-3)


def test_of_a_moment_nothing_is_told() -> None:
    assert rhythm(np.zeros(9, np.float32)) == {}

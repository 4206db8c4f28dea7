"""Spectra of windows of 50 ms hold the power of the signal, however many there are."""

import numpy as np
import pytest

from affectscope.speech.spectra import SPECTRUM, hann, spectra
from tests.speech.signals import silence, tone


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (799, 0), (800, 1), (960, 2), (5_999, 33), (16_000, 96)]
)
def test_frames_of_a_signal(samples: int, frames: int) -> None:
    found = spectra(np.ones(samples, np.float32))

    assert len(found) == frames
    assert found.autocorrelation.shape == (frames, 270)
    assert found.peaks.shape == (frames,)


def test_the_power_is_that_of_the_signal() -> None:
    power = spectra(tone(1, 1000, level=0.5)).power
    two_sided = 2 * power.sum(axis=1) / (SPECTRUM * np.sum(hann() ** 2))

    assert two_sided == pytest.approx(0.125, rel=1e-3)


def test_a_constant_is_no_sound() -> None:
    found = spectra(tone(1, 200) + np.float32(0.5))

    assert found.samples.mean() == pytest.approx(0, abs=1e-6)
    assert found.peaks.max() == pytest.approx(0.3, abs=1e-3)


def test_a_periodic_signal_resembles_itself_a_period_later() -> None:
    lags = spectra(tone(1, 200)).autocorrelation

    assert lags[:, 0] == pytest.approx(1)
    assert lags[:, 80] == pytest.approx(1, abs=0.01)
    assert lags[:, 40] == pytest.approx(-1, abs=0.02)


def test_silence_resembles_nothing() -> None:
    assert not spectra(silence(1)).autocorrelation.any()

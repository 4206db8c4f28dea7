"""Recordings are described by what limits them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from affectscope.speech.signal_quality import level_dbfs, quality_flags
from tests.speech.signals import silence, spoken, tone


def test_a_clean_sentence_has_no_flag() -> None:
    assert quality_flags(spoken()) == ()


def test_clipping_is_seen() -> None:
    assert "clipped" in quality_flags(np.clip(spoken() * 20, -1, 1))


def test_a_whisper_from_afar_is_quiet() -> None:
    assert "quiet" in quality_flags(spoken() * 0.01)


def test_a_telephone_is_narrow() -> None:
    spectrum = np.fft.rfft(spoken())
    spectrum[int(len(spectrum) * 3400 / 8000) :] = 0

    assert "narrow-band" in quality_flags(np.fft.irfft(spectrum).astype(np.float32))


@pytest.mark.parametrize("level", [1.0, 0.1, 0.01])
def test_the_level_of_a_tone_is_known(level: float) -> None:
    expected = 20 * np.log10(level / np.sqrt(2))

    assert level_dbfs(tone(1, level=level)) == pytest.approx(expected, abs=0.01)


def test_silence_has_a_finite_level() -> None:
    assert level_dbfs(silence(1)) == -120
    assert level_dbfs(np.zeros(0, np.float32)) == -120


@given(arrays.arrays(np.float32, st.integers(0, 2000), elements=st.floats(-1, 1, width=32)))
def test_any_samples_are_described(samples: np.ndarray) -> None:  # type: ignore[type-arg]
    assert set(quality_flags(samples)) <= {"clipped", "quiet", "narrow-band"}

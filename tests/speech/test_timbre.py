"""Timbre is told by cepstral coefficients: their mean, spread and change, and those without voice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dct

from affectscope.speech.sound import Sound
from affectscope.speech.timbre import COEFFICIENTS, FIGURES, timbre
from tests.speech.signals import spoken, tone


def test_the_transform_is_the_orthonormal_cosine_transform() -> None:
    sound = Sound(spoken())
    voiced = sound.spoken_pitch.voiced
    whole = dct(sound.spoken, axis=1, norm="ortho")

    found = timbre(sound.cepstra, voiced)

    assert tuple(found) == FIGURES
    for number in range(1, COEFFICIENTS):
        wanted = whole[:, number]
        assert found[f"cepstrum_{number}_mean"] == pytest.approx(wanted.mean(), abs=1e-3)
        assert found[f"cepstrum_{number}_deviation"] == pytest.approx(wanted.std(), abs=1e-3)
        assert found[f"cepstrum_{number}_unvoiced"] == pytest.approx(
            wanted[~voiced].mean(), abs=1e-3
        )


def test_what_stays_the_same_changes_less() -> None:
    still, moving = (
        timbre(sound.cepstra, sound.spoken_pitch.voiced)
        for sound in (Sound(tone(1.0)), Sound(spoken()))
    )

    assert still["cepstrum_0_change"] < moving["cepstrum_0_change"]


def test_of_voice_throughout_nothing_is_said_of_the_rest() -> None:
    cepstra = np.random.default_rng(0).normal(0, 1, (50, COEFFICIENTS)).astype(np.float32)

    found = timbre(cepstra, np.arange(50) >= 4)

    assert np.isnan([found[f"cepstrum_{number}_unvoiced"] for number in range(COEFFICIENTS)]).all()
    assert np.isfinite(found["cepstrum_1_mean"])


@pytest.mark.parametrize("frames", [0, 1, 6])
def test_what_is_too_short_to_change_has_no_timbre(frames: int) -> None:
    assert timbre(np.zeros((frames, COEFFICIENTS), np.float32), np.zeros(frames, bool)) == {}

"""Levels follow the A-weighting; differences of level are found, pauses are no softness."""

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.loudness import levels, loudness
from affectscope.speech.signal_quality import level_dbfs
from affectscope.speech.spectra import spectra
from tests.speech.signals import silence, tone
from tests.speech.voices import pulses, vowel


def loudness_of(samples: NDArray[np.float32]) -> dict[str, float]:
    return loudness(levels(spectra(samples)))


@pytest.mark.parametrize(
    ("hertz", "weight"),
    # IEC 61672-1, table 3.
    [(125, -16.1), (250, -8.6), (500, -3.2), (1000, 0.0), (2000, 1.2), (4000, 1.0)],
)
def test_tones_are_weighted_as_the_standard_says(hertz: float, weight: float) -> None:
    samples = tone(1, hertz, level=0.1)

    assert loudness_of(samples)["loudness_db"] == pytest.approx(
        level_dbfs(samples) + weight, abs=0.15
    )


@pytest.mark.parametrize("decibels", [-20, -6, 6])
def test_a_louder_voice_is_louder_by_as_much(decibels: float) -> None:
    voice = vowel(pulses(140, 1).samples, level=0.2)
    louder = (voice * 10 ** (decibels / 20)).astype(np.float32)

    assert loudness_of(louder)["loudness_db"] - loudness_of(voice)["loudness_db"] == pytest.approx(
        decibels, abs=0.01
    )


def test_pauses_do_not_make_a_voice_fainter() -> None:
    voice = vowel(pulses(140, 1).samples)
    paused = np.concatenate([silence(1), voice, silence(1)])

    assert loudness_of(paused)["loudness_db"] == pytest.approx(
        loudness_of(voice)["loudness_db"], abs=0.3
    )


def test_the_range_lies_between_soft_and_loud() -> None:
    loud = vowel(pulses(140, 1).samples)
    soft = (loud * 10 ** (-12 / 20)).astype(np.float32)

    assert loudness_of(loud)["loudness_range_db"] < 0.1
    assert loudness_of(np.concatenate([loud, soft]))["loudness_range_db"] == pytest.approx(
        12, abs=0.2
    )


@pytest.mark.parametrize(
    "samples",
    [silence(1), np.full(16_000, 0.5, np.float32), tone(1, 1000, level=1e-4), silence(0)],
    ids=["silence", "constant", "below the gate", "nothing"],
)
def test_silence_has_no_level(samples: NDArray[np.float32]) -> None:
    assert loudness_of(samples) == {}


def test_a_short_sound_has_a_level_and_no_range() -> None:
    assert set(loudness_of(tone(0.1, 1000))) == {"loudness_db"}

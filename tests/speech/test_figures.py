"""Every figure of a manner is there for speech, and what cannot be told of a sound is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.speech.figures import FIGURES, LOGARITHMIC, figures
from affectscope.speech.prosody import MEASURES, prosody_of
from affectscope.speech.sound import Sound
from tests.speech.signals import silence, spoken, tone


def of(samples: NDArray[np.float32]) -> dict[str, float]:
    sound = Sound(samples)
    return figures(sound, prosody_of(sound))


def test_speech_has_all_of_them() -> None:
    found = of(spoken())

    assert len(set(FIGURES)) == len(FIGURES)
    assert set(found) == {*FIGURES, *MEASURES}
    assert all(math.isfinite(value) for value in found.values())
    assert all(found[name] > 0 for name in LOGARITHMIC)


def test_how_loud_a_recording_is_changes_nothing_but_the_loudness() -> None:
    loud, soft = of(spoken()), of(spoken() * np.float32(0.1))

    assert soft.pop("loudness_db") == pytest.approx(loud.pop("loudness_db") - 20, abs=0.1)
    # Frames at the edge of being voiced may change sides.
    close = [abs(soft[name] - loud[name]) <= 0.1 + 0.1 * abs(loud[name]) for name in loud]
    assert np.mean(close) > 0.97


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(1, np.float32),
        tone(0.02),
        tone(0.2),
        silence(2.0),
        tone(2.0),
        np.ones(32_000, np.float32),
        np.random.default_rng(0).normal(0, 0.3, 32_000).astype(np.float32),
        np.where(np.arange(32_000) == 20_000, 1.0, 0.0).astype(np.float32),
    ],
    ids=["sample", "moment", "short", "silence", "tone", "constant", "noise", "click"],
)
def test_other_sounds_have_some_and_none_is_infinite(samples: NDArray[np.float32]) -> None:
    found = of(samples)

    assert set(found) <= {*FIGURES, *MEASURES}
    assert not any(math.isinf(value) for value in found.values())

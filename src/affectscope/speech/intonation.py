"""How the pitch of a phrase goes: where it lies, how it moves, and where the voice sets in and ends."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.pitch import LEAST_CONTOUR_FRAMES, Pitch
from affectscope.speech.spectra import HOP_SECONDS

REFERENCE_HZ = 100.0
"""Pitch is told in semitones above."""

PERCENTILES = (5, 10, 25, 50, 75, 90, 95)
COSINES = 7
"""Cosines by which the shape of a contour is described, from half a period on."""

POINTS = 64
"""Of a contour, evenly spaced from the first voiced frame to the last."""

LOUD = 3.0
"""How far below the usual level a loud frame may be: the natural logarithm of 13 dB."""

EDGE = 8
"""Voiced frames that are a beginning or an end: 80 ms."""

FIGURES = (
    *(f"pitch_percentile_{percent}" for percent in PERCENTILES),
    "pitch_mean",
    "pitch_skewness",
    "pitch_highest",
    "pitch_lowest",
    "pitch_weighted",
    "pitch_loudest",
    "pitch_first",
    "pitch_last",
    "pitch_middle_third",
    "pitch_fall_to_middle_third",
    "pitch_fall_to_last_third",
    "pitch_peak_place",
    "pitch_step",
    "pitch_rise",
    "pitch_fall",
    "voicing_strength",
    "voicing_strength_deviation",
    "voiced_share_of_loud",
    "voiced_stretch_mean",
    "voiced_stretch_longest",
    "voiced_stretches_per_second",
    *(f"pitch_contour_{number}" for number in range(1, COSINES + 1)),
    *(f"level_contour_{number}" for number in range(1, COSINES + 1)),
)
"""Names of what `intonation` returns: pitch in semitones above 100 Hz, levels in natural logarithms
of energy, stretches as the natural logarithm of seconds, places and shares from 0 to 1."""

Reals = NDArray[np.float64]


def intonation(path: Pitch, level: NDArray[np.float32]) -> dict[str, float]:
    """Return `FIGURES` of a phrase; nothing where fewer than 20 frames (.2 s) are voiced.

    Args:
        path: The pitch of its spoken part.
        level: Of the same frames, natural logarithm of the energy relative to the usual one.
    """
    (places,) = np.nonzero(path.voiced)
    if len(places) < LEAST_CONTOUR_FRAMES:
        return {}
    pitch = 12 * np.log2(path.hertz[places] / REFERENCE_HZ)
    strength, loud = path.strength[places], level[places].astype(np.float64)
    first, middle, last = np.array_split(pitch, 3)
    mean, deviation = pitch.mean(), pitch.std()
    weight = np.exp(loud)
    values = [
        *np.percentile(pitch, PERCENTILES),
        mean,
        ((pitch - mean) ** 3).mean() / (deviation**3 + 0.1),
        pitch.max(),
        pitch.min(),
        (weight * pitch).sum() / weight.sum(),
        pitch[loud.argmax()],
        pitch[:EDGE].mean(),
        pitch[-EDGE:].mean(),
        middle.mean(),
        first.mean() - middle.mean(),
        first.mean() - last.mean(),
        pitch.argmax() / len(pitch),
        *_steps(pitch, places),
        strength.mean(),
        strength.std(),
        path.voiced[level > -LOUD].mean(),
        *_stretches(path.voiced),
        *_shape(places, pitch),
        *_shape(places, loud),
    ]
    return dict(zip(FIGURES, map(float, values), strict=True))


def _steps(pitch: Reals, places: NDArray[np.intp]) -> list[float]:
    """Return the mean step from frame to frame, that of those up, and that of those down."""
    steps = np.diff(pitch)[np.diff(places) == 1]
    up, down = np.maximum(steps, 0), np.minimum(steps, 0)
    return [
        float(np.abs(steps).mean()) if len(steps) else 0.0,
        float(up.sum() / max(1, (up > 0).sum())),
        float(down.sum() / max(1, (down < 0).sum())),
    ]


def _stretches(voiced: NDArray[np.bool_]) -> list[float]:
    """Return how long voiced stretches are in the mean and at most, and how many a second."""
    edges = np.flatnonzero(np.diff(np.pad(voiced.astype(np.int8), 1)))
    seconds = (edges[1::2] - edges[::2]) * HOP_SECONDS
    return [
        float(np.log(seconds.mean())),
        float(np.log(seconds.max())),
        len(seconds) / (len(voiced) * HOP_SECONDS),
    ]


def _shape(places: NDArray[np.intp], values: Reals) -> Reals:
    """Return how much of each cosine is in a contour, gaps being bridged by lines."""
    contour = np.interp(np.linspace(places[0], places[-1], POINTS), places, values)
    return np.asarray(_cosines() @ (contour - contour.mean()))


@cache
def _cosines() -> Reals:
    numbers = np.arange(1, COSINES + 1)[:, None]
    return np.cos(np.pi * numbers * (np.arange(POINTS) + 0.5) / POINTS) * (2 / POINTS)

"""The timbre of a phrase: mel-frequency cepstral coefficients, their mean, spread and change."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import BANDS, WINDOW, log_mel, spoken

COEFFICIENTS = 14
"""Of the 64 that there are; the first is the level."""

_STEP = 3
"""Frames of 10 ms from which to which change is counted."""

FIGURES = tuple(
    f"cepstrum_{number}_{kind}"
    for kind in ("mean", "deviation", "change")
    for number in range(COEFFICIENTS)
    # The mean level is that of the microphone, and is taken off by the front end.
    if (number, kind) != (0, "mean")
)
"""Names of what `timbre` returns."""


def timbre(samples: NDArray[np.float32]) -> dict[str, float]:
    """Return `FIGURES` of a phrase, in natural logarithms of energy.

    Args:
        samples: Mono float32 [n] at 16 kHz.

    Returns:
        Nothing for a phrase that is too short to change.
    """
    if len(samples) < WINDOW:
        return {}
    coefficients = spoken(log_mel(samples)) @ _cosines()
    if len(coefficients) <= 2 * _STEP:
        return {}
    change = np.diff(coefficients[::_STEP], axis=0)
    values = np.concatenate(
        [coefficients[:, 1:].mean(0), coefficients.std(0), change.std(0)], dtype=np.float64
    )
    return dict(zip(FIGURES, values.tolist(), strict=True))


@cache
def _cosines() -> NDArray[np.float32]:
    """Return the orthonormal cosine transform, float32 [64, 14], of log-mel energies.

    It gives mel-frequency cepstral coefficients (Davis and Mermelstein 1980).
    """
    bands, numbers = np.arange(BANDS)[:, None], np.arange(COEFFICIENTS)
    cosines = np.sqrt(2 / BANDS) * np.cos(np.pi * (bands + 0.5) * numbers / BANDS)
    cosines[:, 0] /= np.sqrt(2)
    return np.asarray(cosines, np.float32)

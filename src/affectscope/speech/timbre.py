"""The timbre of a phrase: mel-frequency cepstral coefficients, their mean, spread and change."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import BANDS

COEFFICIENTS = 14
"""Of the 64 that there are; the first is the level."""

STEP = 3
"""Frames of 10 ms from which to which change is counted."""

LEAST_UNVOICED = 5
"""Frames without voice below which nothing is said of their timbre."""

FIGURES = tuple(
    f"cepstrum_{number}_{kind}"
    for kind in ("mean", "deviation", "change", "unvoiced")
    for number in range(COEFFICIENTS)
    # The mean level is that of the microphone, and is taken off by the front end.
    if (number, kind) != (0, "mean")
)
"""Names of what `timbre` returns."""


def cepstra(mels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return mel-frequency cepstral coefficients [frames, 14] of log-mel energies [frames, 64].

    Source: Davis, S. & Mermelstein, P. (1980). Comparison of parametric representations for
    monosyllabic word recognition. IEEE Trans. ASSP, 28(4), 357-366.
    """
    return mels @ _cosines()


def timbre(cepstra: NDArray[np.float32], voiced: NDArray[np.bool_]) -> dict[str, float]:
    """Return `FIGURES` of a phrase, in natural logarithms of energy.

    Args:
        cepstra: Of its spoken part, float32 [frames, 14].
        voiced: Which of the frames are voiced [frames]; what is said of the others is NaN where
            there are too few.

    Returns:
        Nothing for a phrase that is too short to change.
    """
    if len(cepstra) <= 2 * STEP:
        return {}
    unvoiced = cepstra[~voiced]
    values = np.concatenate(
        [
            cepstra[:, 1:].mean(0),
            cepstra.std(0),
            np.diff(cepstra[::STEP], axis=0).std(0),
            unvoiced.mean(0) if len(unvoiced) >= LEAST_UNVOICED else np.full(COEFFICIENTS, np.nan),
        ],
        dtype=np.float64,
    )
    return dict(zip(FIGURES, values.tolist(), strict=True))


@cache
def _cosines() -> NDArray[np.float32]:
    """Return the orthonormal cosine transform, float32 [64, 14]."""
    bands, numbers = np.arange(BANDS)[:, None], np.arange(COEFFICIENTS)
    cosines = np.sqrt(2 / BANDS) * np.cos(np.pi * (bands + 0.5) * numbers / BANDS)
    cosines[:, 0] /= np.sqrt(2)
    return np.asarray(cosines, np.float32)

"""How loud a phrase is, and how much that varies: levels weighted as the ear hears.

Sources: IEC 61672-1:2013, annex E (A-weighting); the gates and the percentiles are those of
ITU-R BS.1770-5 and EBU Tech 3342, on windows of 50 ms instead of 400 ms and 3 s, for a phrase is
short.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.spectra import SPECTRUM, Reals, Spectra, frequencies, hann

SILENT_DB = -70.0
"""Frames below count for nothing, wherever they are."""

LEVEL_GATE_DB, RANGE_GATE_DB = 10.0, 20.0
"""Below the mean by more, a frame does not count for the level, and for the range."""

LEAST_RANGE_FRAMES = 20
"""Frames below which there is no range: 0.2 s, about a syllable."""


def levels(spectra: Spectra) -> NDArray[np.float64]:
    """Return the A-weighted level of each frame, in decibels against a mean square of 1.

    A tone of 1 kHz has the same level as `level_dbfs` says. Not below -120.
    """
    power = np.einsum("fb,b->f", spectra.power, _weights()).astype(np.float64)
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-12)))


def loudness(levels: NDArray[np.float64]) -> dict[str, float]:
    """Return how loud a phrase is; nothing where no frame exceeds -70 dB.

    Args:
        levels: Decibels of its frames, as `levels` says.

    Returns:
        ``loudness_db``, the level of the mean power without frames 10 dB below it, so that pauses
        do not make a voice fainter; ``loudness_range_db``, from the 10th to the 95th percentile of
        the frames without those 20 dB below the mean.
    """
    heard = levels[levels > SILENT_DB]
    if not len(heard):
        return {}
    whole = _mean(heard)
    measures = {"loudness_db": _mean(heard[heard > whole - LEVEL_GATE_DB])}
    spoken = heard[heard > whole - RANGE_GATE_DB]
    if len(spoken) >= LEAST_RANGE_FRAMES:
        low, high = np.percentile(spoken, [10, 95])
        measures["loudness_range_db"] = float(high - low)
    return measures


def _mean(levels: NDArray[np.float64]) -> float:
    return float(10.0 * np.log10(np.mean(10.0 ** (levels / 10.0))))


@cache
def _weights() -> Reals:
    """Weights of the bins, float32 [513], which make a mean square of squared magnitudes."""
    f = frequencies() ** 2
    response = (12194.0**2 * f**2) / (
        (f + 20.6**2) * np.sqrt((f + 107.7**2) * (f + 737.9**2)) * (f + 12194.0**2)
    )
    weights = response**2 * 10.0 ** (2.0 / 10.0)
    # All bins but the first and the last stand for their mirror images too.
    weights[1:-1] *= 2.0
    return np.asarray(weights / (SPECTRUM * np.sum(hann() ** 2)), np.float32)

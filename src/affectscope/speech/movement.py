"""How pitch, level and timbre of a phrase move together.

Correlations of trajectories with one another, now and a little later, tell how tightly a voice is
coordinated, whatever its pitch and timbre are. Source of the idea: Williamson, J. et al. (2013). Vocal
biomarkers of depression based on motor incoordination. Proc. AVEC, 41-48.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.intonation import REFERENCE_HZ
from affectscope.speech.pitch import LEAST_FRAMES, Pitch

TRAJECTORIES = ("pitch", *(f"cepstrum_{number}" for number in range(8)))
"""The first cepstral coefficient is the level."""

DELAYS = (0, 6, 15, 30)
"""Frames of 10 ms: within a sound, from sound to sound, and about a syllable and two."""

LEAST_OVERLAP = 10
"""Frames that a delay leaves at least; with fewer, nothing is said of it."""

STILL = 0.1
"""Added to deviations, in semitones or logarithms: what hardly moves does not correlate."""

MOST = 0.95
"""Correlations beyond count as this one, for the logarithm below goes to infinity."""

FIGURES = tuple(
    f"{one}_with_{other}_after_{delay}"
    for delay in DELAYS
    for i, one in enumerate(TRAJECTORIES)
    for j, other in enumerate(TRAJECTORIES)
    # With no delay one with the other is the other with the one.
    if delay or i < j
)
"""Names of what `movement` returns: Fisher's transform of correlations."""


def movement(path: Pitch, cepstra: NDArray[np.float32]) -> dict[str, float]:
    """Return `FIGURES` of a phrase, NaN where it is too short for one.

    Args:
        path: The pitch of its spoken part; gaps are bridged, and with no voice it is still.
        cepstra: Of the same frames, float32 [frames, 14].

    Returns:
        Nothing for a phrase that no delay leaves enough of.
    """
    if len(cepstra) < LEAST_OVERLAP:
        return {}
    trajectories = np.column_stack([_bridged(path), cepstra[:, : len(TRAJECTORIES) - 1]])
    trajectories = (trajectories - trajectories.mean(0)) / (trajectories.std(0) + STILL)
    values = np.concatenate([_correlations(trajectories, delay) for delay in DELAYS])
    return dict(zip(FIGURES, values.tolist(), strict=True))


def _bridged(path: Pitch) -> NDArray[np.float64]:
    (voiced,) = np.nonzero(path.voiced)
    if len(voiced) < LEAST_FRAMES:
        return np.zeros(len(path.hertz))
    semitones = 12 * np.log2(path.hertz[voiced] / REFERENCE_HZ)
    return np.asarray(np.interp(np.arange(len(path.hertz)), voiced, semitones))


def _correlations(trajectories: NDArray[np.float64], delay: int) -> NDArray[np.float64]:
    """Return Fisher's transform of correlations of trajectories [frames, n] of deviation 1."""
    frames, count = trajectories.shape
    if frames - delay < LEAST_OVERLAP:
        found = np.full((count, count), np.nan)
    else:
        found = trajectories[delay:].T @ trajectories[: frames - delay] / (frames - delay)
    some = found.ravel() if delay else found[np.triu_indices(count, 1)]
    return np.asarray(np.arctanh(np.clip(some, -MOST, MOST)))

"""The pitch of a voice: autocorrelation of each frame, and the cheapest path through its peaks.

Sources: Boersma, P. (1993). Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound. Proc. Institute of Phonetic Sciences, Amsterdam, 17,
97-110; the costs are those that the paper and Praat use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import RATE
from affectscope.speech.spectra import (
    HOP_SECONDS,
    LAGS,
    SPECTRUM,
    Reals,
    Spectra,
    window_autocorrelation,
)

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0

VOICING, SILENCE = 0.45, 0.03
"""Autocorrelation that a voiced frame exceeds, and the share of the phrase's peak that it reaches."""

OCTAVE, OCTAVE_JUMP, ONSET = 0.01, 0.35, 0.14
"""Costs: of an octave lower, of a jump by an octave, of a change between voiced and unvoiced."""

CANDIDATES = 5
"""Peaks of the autocorrelation that the path may choose from in each frame."""

FLOOR, CEILING = 0.75, 1.5
"""Against the quartiles of a phrase, what lies beyond is creak or an error and no contour.

Source: De Looze, C. & Hirst, D. (2008). Detecting changes in key and range for the automatic
modelling and coding of intonation. Proc. Speech Prosody, 135-138.
"""

LEAST_FRAMES = 5
"""Voiced frames below which nothing is said of the pitch: 50 ms, a few cycles of a low voice."""

LEAST_CONTOUR_FRAMES = 20
"""Voiced frames below which there is no contour to describe: 0.2 s, about a syllable."""

FAINT = 0.003
"""Peak of full scale, -50 dB, that a phrase is taken to reach at least: noise below is no voice."""

_BLOCK = 64
_SHORTEST, _LONGEST = int(RATE / HIGHEST_HZ), LAGS - 2


@dataclass(frozen=True)
class Pitch:
    """The path of the pitch.

    Attributes:
        hertz: float64 [frames], NaN where a frame is unvoiced.
        strength: Autocorrelation at the period, float64 [frames] in [0, 1]; 0 where unvoiced.
    """

    hertz: NDArray[np.float64]
    strength: NDArray[np.float64]

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Which frames are voiced."""
        return self.strength > 0


def pitch(spectra: Spectra) -> Pitch:
    """Return the pitch of every frame, 60 to 500 Hz."""
    count = len(spectra)
    hertz, strength = np.full(count, np.nan), np.zeros(count)
    if not count:
        return Pitch(hertz, strength)
    parts = [_candidates(spectra.autocorrelation[rows]) for rows in _blocks(count)]
    lags = np.concatenate([part[0] for part in parts])
    heights = np.concatenate([part[1] for part in parts])
    chosen = _path(lags, heights, _unvoiced(spectra.peaks))
    voiced = np.flatnonzero(chosen < CANDIDATES)
    for rows in _blocks(len(voiced)):
        frames = voiced[rows]
        periods, r = _refined(spectra.power[frames], lags[frames, chosen[frames]])
        hertz[frames], strength[frames] = RATE / periods, r
    return Pitch(hertz, strength)


def contour(path: Pitch) -> dict[str, float]:
    """Return what is measured of a pitch contour; what there is too little voice for is left out.

    Returns:
        ``voiced_share`` in [0, 1] of the frames; ``pitch_hz_median``; ``pitch_semitones_range``,
        from the 5th to the 95th percentile; ``pitch_semitones_deviation``, the standard deviation;
        ``pitch_slope``, semitones a second of the least-squares line.
    """
    if not len(path.hertz):
        return {}
    voiced = np.flatnonzero(path.voiced)
    measures = {"voiced_share": len(voiced) / len(path.hertz)}
    if len(voiced) < LEAST_FRAMES:
        return measures
    low, high = np.percentile(path.hertz[voiced], [25, 75])
    voiced = np.flatnonzero((path.hertz >= FLOOR * low) & (path.hertz <= CEILING * high))
    measures["pitch_hz_median"] = float(np.median(path.hertz[voiced]))
    if len(voiced) < LEAST_CONTOUR_FRAMES:
        return measures
    semitones = 12.0 * np.log2(path.hertz[voiced])
    low, high = np.percentile(semitones, [5, 95])
    slope, _ = np.polyfit(voiced * HOP_SECONDS, semitones, 1)
    return {
        **measures,
        "pitch_semitones_range": float(high - low),
        "pitch_semitones_deviation": float(np.std(semitones)),
        "pitch_slope": float(slope),
    }


def _blocks(count: int) -> Iterator[slice]:
    """Yield the frames in blocks that fit into the cache of a core."""
    for first in range(0, count, _BLOCK):
        yield slice(first, first + _BLOCK)


def _candidates(r: Reals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return lags in samples and heights of the highest peaks, each [frames, CANDIDATES].

    Where a frame has fewer peaks, the others have a height below that of anything.

    Args:
        r: Autocorrelation, float32 [frames, lags].
    """
    here = r[:, _SHORTEST : _LONGEST + 1]
    before, after = r[:, _SHORTEST - 1 : _LONGEST], r[:, _SHORTEST + 1 : _LONGEST + 2]
    score = np.where(
        (here > before) & (here >= after) & (here > 0), here - _lowness(), np.float32(-1)
    )
    columns = np.argpartition(-score, CANDIDATES, axis=1)[:, :CANDIDATES]

    def at(values: Reals) -> NDArray[np.float64]:
        return np.take_along_axis(values, columns, axis=1).astype(np.float64)

    shift, height = top(at(before), at(here), at(after))
    return columns + _SHORTEST + shift, np.where(at(score) > -1, np.minimum(height, 1.0), -9.0)


@cache
def _lowness() -> Reals:
    """Cost of a lag: that of the octaves between its frequency and the highest."""
    lags = np.arange(_SHORTEST, _LONGEST + 1)
    return (OCTAVE * np.log2(LOWEST_HZ * lags / RATE)).astype(np.float32)


def _unvoiced(peaks: Reals) -> NDArray[np.float64]:
    """Strength of no voice at all, higher where a frame is faint against the phrase [frames]."""
    # Not the very loudest frame: a click would make a whole phrase faint.
    loud = max(float(np.percentile(peaks, 90)), FAINT)
    return np.asarray(VOICING + np.maximum(0.0, 2.0 - peaks / loud * (1 + VOICING) / SILENCE))


def _path(
    lags: NDArray[np.float64], heights: NDArray[np.float64], unvoiced: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return the column of the best candidate of each frame, CANDIDATES where it is unvoiced."""
    octaves = -np.log2(LOWEST_HZ * lags / RATE)
    local = np.column_stack([heights + OCTAVE * octaves, unvoiced])
    costs = np.full((len(lags) - 1, CANDIDATES + 1, CANDIDATES + 1), ONSET)
    costs[:, CANDIDATES, CANDIDATES] = 0.0
    costs[:, :-1, :-1] = OCTAVE_JUMP * np.abs(octaves[:-1, :, None] - octaves[1:, None, :])
    best = local[0]
    origins = np.empty((len(costs), CANDIDATES + 1), np.intp)
    for frame, cost in enumerate(costs):
        ways = best[:, None] - cost
        origins[frame] = ways.argmax(axis=0)
        best = ways.max(axis=0) + local[frame + 1]
    chosen = np.empty(len(lags), np.intp)
    chosen[-1] = best.argmax()
    for frame in range(len(costs) - 1, -1, -1):
        chosen[frame] = origins[frame, chosen[frame + 1]]
    return chosen


def _refined(
    power: Reals, lags: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return periods in samples and autocorrelation there, of the whole band [voiced].

    The autocorrelation between samples is the cosine transform of the power, exactly.
    """
    bins = np.arange(power.shape[1], dtype=np.float32) * np.float32(2 * np.pi / SPECTRUM)
    angles = bins * lags[:, None].astype(np.float32)
    # Bins between the first and the last stand for their mirror images too.
    power = power * np.where((bins > 0) & (bins < np.pi), np.float32(2), np.float32(1))
    even, odd = power * np.cos(angles), power * np.sin(angles)
    # The cosine of a sum: the same two products serve all three places.
    step = 0.25
    # einsum stays on this core, where a product of matrices would wake the threads of BLAS.
    level = np.einsum("fb,b->f", even, np.cos(bins * step))
    lean = np.einsum("fb,b->f", odd, np.sin(bins * step))
    whole = power.sum(axis=1)
    r = [
        sums / whole / np.interp(lags + shift, np.arange(LAGS), window_autocorrelation())
        for shift, sums in ((-step, level + lean), (0.0, even.sum(axis=1)), (step, level - lean))
    ]
    shift, height = top(*r)
    return lags + step * shift, np.clip(height, 1e-3, 1.0)


def top(
    before: NDArray[np.float64], here: NDArray[np.float64], after: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return place, in steps from the middle, and height of the top of a parabola."""
    bend = before - 2.0 * here + after
    tilt = 0.5 * (before - after)
    place = np.divide(tilt, bend, out=np.zeros_like(bend), where=bend < 0)
    place = np.clip(place, -1.0, 1.0)
    return place, here - 0.5 * tilt * place

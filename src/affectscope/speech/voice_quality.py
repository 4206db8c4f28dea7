"""How a voice is produced: noise beside the harmonics, slope of the spectrum, and its cycles.

Sources: Boersma, P. (1993), as in `affectscope.speech.pitch`, for the harmonics-to-noise ratio;
Boersma, P. & Weenink, D., Praat: doing phonetics by computer, manual pages "PointProcess: Get
jitter (local)", "Get shimmer (local)" and "Sound & Pitch: To PointProcess (cc)" for the cycles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import RATE
from affectscope.speech.pitch import LEAST_FRAMES, LOWEST_HZ, Pitch, top
from affectscope.speech.spectra import HOP, SPECTRUM, WINDOW, Reals, Spectra, frequencies

STEADY_FRAMES, STEADY_SEMITONES, STEADY_STRENGTH = 10, 1.0, 0.5
"""A stretch of 0.1 s is steady where its pitch varies by a semitone at most and is that clear."""

CYCLES = 6
"""Cycles in a row that are followed at least where a stretch is divided."""

LEAST_CYCLES = 20
"""Pairs of cycles in a row below which jitter and shimmer are not told."""

PERIOD_FACTOR, AMPLITUDE_FACTOR = 1.3, 1.6
"""Cycles that differ by more are no neighbours but an error, as Praat takes it."""

TILT_HZ = 4000.0
"""The tilt is that of the harmonics below; a telephone lets little more through."""

TILT_STEP = 2
"""Frames from one whose tilt is measured to the next: they overlap by more than a half."""

LEAST_HARMONICS, FAINTEST = 4, 1e-7
"""Harmonics that a line is fitted to at least, and the share of the power that each has at least.

What is fainter by 70 dB than all of them is what the window leaks.
"""

_TILT_BINS = int(TILT_HZ * SPECTRUM / RATE) + 2

_PURE = 1.0 - 1e-6


@dataclass(frozen=True)
class Cycles:
    """Cycles of the voice, row by row of those that follow one another.

    Attributes:
        periods: Seconds, float64 [stretches, cycles]; NaN behind the last of a stretch.
        amplitudes: Root mean square of each cycle, likewise.
    """

    periods: NDArray[np.float64]
    amplitudes: NDArray[np.float64]


def voice_quality(spectra: Spectra, path: Pitch) -> dict[str, float]:
    """Return what is measured of the voice; what there is too little of is left out.

    Returns:
        ``harmonics_to_noise_db``, the median of 10 log10(r / (1 - r)) over voiced frames, r being
        the autocorrelation at the period; ``spectral_tilt_db_per_octave``; ``jitter_local_percent`` and
        ``shimmer_local_percent``, the mean difference of neighbouring cycles in period and in
        amplitude, in percent of the mean.
    """
    measures: dict[str, float] = {}
    voiced = np.flatnonzero(path.voiced)
    if len(voiced) >= LEAST_FRAMES:
        r = np.minimum(path.strength[voiced], _PURE)
        measures["harmonics_to_noise_db"] = float(np.median(10.0 * np.log10(r / (1.0 - r))))
        tilt = spectral_tilt(spectra.power[voiced], path.hertz[voiced])
        if tilt is not None:
            measures["spectral_tilt_db_per_octave"] = tilt
    found = cycles(spectra.samples, path)
    jitter = _difference(found.periods, PERIOD_FACTOR)
    if jitter is not None:
        measures["jitter_local_percent"] = jitter
    shimmer = _difference(found.amplitudes, AMPLITUDE_FACTOR)
    if shimmer is not None:
        measures["shimmer_local_percent"] = shimmer
    return measures


def spectral_tilt(power: Reals, hertz: NDArray[np.float64]) -> float | None:
    """Return the slope of the harmonics in decibels an octave, the median of the frames.

    The level of a harmonic is that of the band half a pitch to either side of it. A line is fitted
    over the logarithm of frequency; each octave weighs the same, however many harmonics it has.

    Args:
        power: float32 [frames, bins] of voiced frames.
        hertz: Their pitch, float64 [frames].

    Returns:
        None where no frame has four harmonics with any power below 4 kHz.
    """
    power, hertz = power[::TILT_STEP, :_TILT_BINS], hertz[::TILT_STEP]
    count = (TILT_HZ / hertz - 0.5).astype(int)
    numbers = np.arange(1, count.max() + 1)
    edges = hertz[:, None] * (np.arange(len(numbers) + 1) + 0.5)
    sums = np.cumsum(power, axis=1, dtype=np.float64)
    # The sum up to and with a bin stands for the half way to the next one.
    place = np.minimum(edges / frequencies()[1] - 0.5, power.shape[1] - 1.001)
    whole = place.astype(int)
    rows = np.arange(len(power))[:, None]
    below, above = sums[rows, whole], sums[rows, whole + 1]
    levels = np.diff(below + (place - whole) * (above - below), axis=1)
    good = (numbers <= count[:, None]) & (levels > sums[:, -1:] * FAINTEST)
    weights = good / numbers
    x = np.log2(numbers) + np.log2(hertz)[:, None]
    y = 10.0 * np.log10(np.where(good, levels, 1.0))
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    spread = (weights * x * x).sum(axis=1)
    slopes = (weights * x * y).sum(axis=1) / np.maximum(spread, 1e-9)
    slopes = slopes[good.sum(axis=1) >= LEAST_HARMONICS]
    return float(np.median(slopes)) if len(slopes) else None


def cycles(samples: Reals, path: Pitch) -> Cycles:
    """Return the cycles of the voice where it is steady.

    From the highest peak of a steady stretch of 0.1 s, the next cycle lies where the signal
    resembles most the period around the peak, between 0.8 and 1.25 periods later. All stretches
    are walked at once.

    Args:
        samples: Mono float32 [n].
        path: Its pitch.
    """
    firsts, periods = _steady(path)
    if not len(firsts):
        return Cycles(np.zeros((0, 0)), np.zeros((0, 0)))
    # A stretch of a high voice is divided: more to walk at once, and fewer steps to go.
    parts = np.maximum(1, (STEADY_FRAMES * HOP / (CYCLES * periods)).astype(int))
    lengths = np.repeat(STEADY_FRAMES * HOP / parts, parts)
    within = np.arange(len(lengths)) - np.repeat(np.cumsum(parts) - parts, parts)
    first = np.repeat(firsts * HOP, parts) + within * lengths + WINDOW // 2
    periods = np.repeat(periods, parts)
    counts = (lengths / periods).astype(int)
    order = np.argsort(-counts)
    first, periods, counts = first[order], periods[order], counts[order]
    longest = int(RATE / LOWEST_HZ) + 1
    padding = 3 * longest
    signal = np.pad(samples, padding)
    first = first.astype(int) + padding
    reach = np.arange(longest)
    stretch = np.abs(signal[first[:, None] + reach])
    stretch[reach >= periods[:, None]] = 0
    marks = _walk(signal, first + stretch.argmax(axis=1), periods, counts)
    return Cycles(np.diff(marks, axis=1) / RATE, _amplitudes(signal, marks, periods))


def _steady(path: Pitch) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the first frames of steady stretches, and the period there in samples."""
    size = STEADY_FRAMES + 1
    if len(path.hertz) < size:
        return np.zeros(0, np.intp), np.zeros(0)
    semitones = np.lib.stride_tricks.sliding_window_view(12.0 * np.log2(path.hertz), size)
    strength = np.lib.stride_tricks.sliding_window_view(path.strength, size)
    steady = (np.ptp(semitones, axis=1) <= STEADY_SEMITONES) & (
        strength.min(axis=1) >= STEADY_STRENGTH
    )
    firsts: list[int] = []
    for frame in np.flatnonzero(steady).tolist():
        if not firsts or frame >= firsts[-1] + STEADY_FRAMES:
            firsts.append(frame)
    chosen = np.array(firsts, np.intp)
    return chosen, RATE / 2.0 ** (np.median(semitones[chosen], axis=1) / 12.0)


def _walk(
    signal: Reals,
    first: NDArray[np.intp],
    periods: NDArray[np.float64],
    counts: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return where cycles begin, in samples [rows, cycles + 1]; NaN behind the last of a row.

    Args:
        signal: float32 [n], with some periods to spare at both ends.
        first: Where to begin, [rows].
        periods: About how long a cycle is, in samples [rows].
        counts: Cycles to go, [rows], in falling order.
    """
    marks = np.full((len(first), counts[0] + 1), np.nan)
    marks[:, 0] = first
    half, nearest = (periods / 2).astype(int)[:, None], (0.8 * periods).astype(int)
    lags = np.arange(int((0.45 * periods).max()) + 3)
    widest = int(half.max())
    width = 2 * widest + 1
    inside = (np.abs(np.arange(-widest, widest + 1)) <= half).astype(np.float32)
    beyond = np.where(lags > (0.45 * periods)[:, None], -9.0, 0.0)
    patterns = np.lib.stride_tricks.sliding_window_view(signal, width)
    stretches = np.lib.stride_tricks.sliding_window_view(signal, width + len(lags) - 1)
    energies = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64))])
    for step in range(counts[0]):
        size = int(np.count_nonzero(counts > step))
        row = np.arange(size)
        here = marks[:size, step]
        centre = np.rint(here).astype(int)
        start = centre + nearest[:size]
        ahead = np.lib.stride_tricks.sliding_window_view(stretches[start - widest], width, axis=1)
        product = np.einsum("bw,blw->bl", patterns[centre - widest] * inside[:size], ahead)
        middle = start[:, None] + lags
        energy = energies[middle + half[:size] + 1] - energies[middle - half[:size]]
        score = product / np.sqrt(np.maximum(energy, 1e-12)) + beyond[:size]
        best = score[:, 1:-1].argmax(axis=1) + 1
        shift, _ = top(score[row, best - 1], score[row, best], score[row, best + 1])
        # The place is counted from the rounded mark, where the pattern lies.
        marks[:size, step + 1] = here + nearest[:size] + best + shift
    return marks


def _amplitudes(
    signal: Reals, marks: NDArray[np.float64], periods: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the root mean square from each mark to the next, NaN where there is none."""
    sums = np.concatenate([[0.0], np.cumsum(signal.astype(np.float64) ** 2)])
    # A quarter of a period ahead of the peak, where little depends on the exact place.
    edges = marks - periods[:, None] / 4
    energy = np.interp(edges, np.arange(len(sums)), sums)
    return np.asarray(np.sqrt(np.maximum(np.diff(energy, axis=1), 0) / np.diff(edges, axis=1)))


def _difference(values: NDArray[np.float64], factor: float) -> float | None:
    """Return the mean difference of neighbours in percent of the mean; None where they are few."""
    before, after = values[:, :-1], values[:, 1:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    pairs = (low > 0) & (high <= factor * low)
    if pairs.sum() < LEAST_CYCLES:
        return None
    mean = 0.5 * (before[pairs] + after[pairs]).mean()
    return float(100.0 * (high[pairs] - low[pairs]).mean() / mean)

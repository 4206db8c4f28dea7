"""What a recording is worth: level, noise, bandwidth, clipping and music, measured on a phrase.

Sources: the noise is found as its lowest values in each band of frequency, corrected for being the
lowest, after Martin, R. (2001), Noise power spectral density estimation based on optimal smoothing
and minimum statistics, IEEE Trans. Speech and Audio Processing 9(5), 504-512. Music is found by peaks
of the spectrum that stay where they are, after Hawley, M. (1993), Structure out of sound, PhD thesis,
MIT; the modulation at 4 Hz of Scheirer, E. & Slaney, M. (1997), Proc. ICASSP, 1331-1334, finds music
alone, but not behind speech. The limits are those of ``python -m training.signal_quality``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import RATE

QUIET_DBFS = -50.0
"""Level below which a segment counts as quiet."""

NOISY_DB = 10.0
"""Signal-to-noise ratio below which a segment counts as noisy."""

NARROW_HERTZ = 4250.0
"""Bandwidth below which a segment counts as narrow-band: a telephone's ends at 3.4 to 4 kHz."""

FULL_SCALE, FULL_SCALE_SHARE = 0.999, 0.002
"""From this share of samples at full scale on, a segment counts as clipped."""

CLIPPED_SHARE = 0.003
"""So does one with more of its samples in flat tops, wherever these lie."""

MUSIC_PEAKS = 13.0
"""Steady peaks from which a segment counts as one with music."""

UNHEARD_DB = 3.0
"""A voice is not judged below this ratio to the noise.

About there the voice model has lost half of what it knows beyond chance. Clipping and a narrow band
cost it little, and music no more than other noise of its level.
"""

MEASURES = ("snr_db", "bandwidth_hz", "clipped_share", "steady_peaks")
"""What is measured, by name."""

WINDOW, HOP = 1024, 512
"""Samples of a window (64 ms) and of a hop (32 ms)."""

BIN_HZ, BAND = RATE / WINDOW, 5
"""Hertz from one frequency to the next, and how many of them make a band."""

TOGETHER = 16
"""Frames that are transformed at once: they fit into the cache of a core."""

LEAST_FRAMES = 15
"""Frames below which there is no ratio of signal to noise: 0.5 s, which holds no pause."""

LOWEST_HZ = 60.0
"""Below lies what no voice has, and many microphones do."""

NOISE_SHARE, NOISE_BIAS = 0.05, 3.2
"""Of the powers of a band the share that lies below its noise, and what makes up for it."""

MOST_DB, LEAST_DB = 60.0, -10.0
"""Ratios beyond are told as these."""

EDGE_SHARE, EDGE_DB = 0.95, 50.0
"""The bandwidth ends where a band is not within 50 dB of the strongest in 5 % of the time."""

TOP_QUANTILE, TOP = 0.999, 0.95
"""Flat tops are what lies above 95 % of the 99.9th percentile of one polarity."""

BLOCK, STEP = 12, 6
"""Frames of 0.4 s over which a peak must stay, and from one such stretch to the next."""

PEAK_HZ, PEAK_DB, FAR = (94.0, 5000.0), 10.0, 5
"""Where peaks are looked for, and by how many decibels one stands out from what is 2 to 5 bands of
16 Hz away, at its lowest."""

Reals = NDArray[np.float32]


@dataclass(frozen=True)
class SignalQuality:
    """What a segment is worth.

    Attributes:
        flags: Of ``clipped``, ``quiet``, ``noisy``, ``narrow-band``, ``music``, those that apply.
        measures: ``snr_db``, -10 to 60; ``bandwidth_hz``, up to 8000; ``clipped_share``, samples in
            flat tops, 0 to 1; ``steady_peaks``, peaks of the spectrum that stay for 0.4 s, in the
            mean. What there is no evidence for is left out.
        abstain: ``quiet`` or ``noisy`` where that keeps the voice from being judged, else None.
    """

    flags: tuple[str, ...]
    measures: dict[str, float]
    abstain: str | None


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """Return the root-mean-square level in decibels of full scale; -120 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10.0 * float(np.log10(max(power, 1e-12)))


def signal_quality(samples: NDArray[np.float32]) -> SignalQuality:
    """Measure what a segment is worth.

    Args:
        samples: Mono float32 [n] in [-1, 1] at 16 kHz.
    """
    if not len(samples):
        return SignalQuality((), {}, None)
    measures: dict[str, float] = {}
    flags: list[str] = []
    share = flat_tops(samples)
    if share is not None:
        measures["clipped_share"] = share
    if (share or 0.0) > CLIPPED_SHARE or _full_scale(samples) > FULL_SCALE_SHARE:
        flags.append("clipped")
    if level_dbfs(samples) < QUIET_DBFS:
        flags.append("quiet")
    power = _power(samples)
    if len(power) and float(power.max()) > 0.0:
        measures.update(_spectral(power))
    if measures.get("snr_db", MOST_DB) < NOISY_DB:
        flags.append("noisy")
    if measures.get("bandwidth_hz", RATE / 2) < NARROW_HERTZ:
        flags.append("narrow-band")
    if measures.get("steady_peaks", 0.0) >= MUSIC_PEAKS:
        flags.append("music")
    return SignalQuality(tuple(flags), measures, _abstain(flags, measures))


def _abstain(flags: list[str], measures: dict[str, float]) -> str | None:
    if "quiet" in flags:
        return "quiet"
    return "noisy" if measures.get("snr_db", MOST_DB) < UNHEARD_DB else None


def _spectral(power: Reals) -> dict[str, float]:
    lowest, count = int(LOWEST_HZ / BIN_HZ) + 1, (WINDOW // 2 - int(LOWEST_HZ / BIN_HZ)) // BAND
    bands = power[:, lowest : lowest + count * BAND].reshape(len(power), count, BAND).sum(axis=2)
    measures = {"bandwidth_hz": bandwidth(bands)}
    if len(power) >= LEAST_FRAMES:
        measures["snr_db"] = signal_to_noise(bands)
    if len(power) >= BLOCK:
        measures["steady_peaks"] = steady_peaks(power)
    return measures


def _full_scale(samples: Reals) -> float:
    return float(np.mean(np.abs(samples) >= FULL_SCALE))


def flat_tops(samples: Reals) -> float | None:
    """Return the share of samples in flat tops, of the polarity that has more; None in silence.

    It is 0.001 at least, and about 0.0016 of speech that nothing has clipped.
    """
    most = 0.0
    for polarity in (samples, -samples):
        place = int(TOP_QUANTILE * (len(samples) - 1))
        top = TOP * float(np.partition(polarity, place)[place])
        if top > 0.0:
            most = max(most, float(np.count_nonzero(polarity >= top)) / len(samples))
    return most or None


def _power(samples: Reals) -> Reals:
    """Return squared magnitudes under a Hann window, float32 [frames, 513]."""
    count = max(0, 1 + (len(samples) - WINDOW) // HOP)
    power = np.empty((count, WINDOW // 2 + 1), np.float32)
    for first in range(0, count, TOGETHER):
        stretch = samples[first * HOP : (first + TOGETHER - 1) * HOP + WINDOW]
        frames = np.lib.stride_tricks.sliding_window_view(stretch, WINDOW)[::HOP]
        transform = np.fft.rfft(frames * _hann(), axis=1)
        power[first : first + TOGETHER] = transform.real**2 + transform.imag**2
    return power


@cache
def _hann() -> Reals:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


def signal_to_noise(bands: Reals) -> float:
    """Return the ratio of the power of the signal to that of the noise, in decibels.

    Noise is what a band falls below in 5 % of the time: in pauses between words, beneath
    consonants and between them. Speech in the background counts as signal for the most part.

    Args:
        bands: Power of bands of 78 Hz, float32 [frames, bands], 15 frames at least.
    """
    place = int(NOISE_SHARE * (len(bands) - 1))
    floor = np.partition(bands, place, axis=0)[place]
    noise = float(floor.sum(dtype=np.float64)) * NOISE_BIAS
    signal = float(bands.sum(dtype=np.float64)) / len(bands) - noise
    if signal >= noise * 10.0 ** (MOST_DB / 10.0):
        return MOST_DB
    return 10.0 * float(np.log10(max(signal / noise, 10.0 ** (LEAST_DB / 10.0))))


def bandwidth(bands: Reals) -> float:
    """Return the highest frequency at which there is something, in hertz.

    Args:
        bands: Power of bands of 78 Hz, float32 [frames, bands].
    """
    place = int(EDGE_SHARE * (len(bands) - 1))
    levels = np.partition(bands, place, axis=0)[place]
    limit = float(levels.max()) * 10.0 ** (-EDGE_DB / 10.0)
    highest = int(np.flatnonzero(levels >= limit)[-1])
    return LOWEST_HZ + (highest + 1) * BAND * BIN_HZ


def steady_peaks(power: Reals) -> float:
    """Return how many peaks of the spectrum stay where they are for 0.4 s, in the mean.

    Harmonics of a speaking voice glide, and noise has no peaks; notes are held.

    Args:
        power: float32 [frames, 513], 12 frames at least.
    """
    low, high = (int(edge / BIN_HZ) for edge in PEAK_HZ)
    levels = 10.0 * np.log10(power[:, low:high] + np.float32(1e-10))
    starts = range(0, len(levels) - BLOCK + 1, STEP)
    floors = np.stack([levels[first : first + BLOCK].min(axis=0) for first in starts])
    # The mean of what is 2 to 5 bands away on either side.
    sums = np.cumsum(np.pad(floors, ((0, 0), (FAR + 1, FAR)), mode="edge"), axis=1)
    wide = sums[:, 2 * FAR + 1 :] - sums[:, : -2 * FAR - 1]
    near = floors.copy()
    near[:, 1:] += floors[:, :-1]
    near[:, :-1] += floors[:, 1:]
    around = (wide - near)[:, 1:-1] / (2 * FAR - 2)
    middle = floors[:, 1:-1]
    peaks = (middle > floors[:, :-2]) & (middle > floors[:, 2:]) & (middle > around + PEAK_DB)
    return float(np.count_nonzero(peaks)) / len(floors)

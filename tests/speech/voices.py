"""Voices of which everything is known: pulses of the vocal folds, through formants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FORMANTS = ((700, 80), (1200, 90), (2600, 120), (3500, 180))
"""Hertz and bandwidth of an open vowel."""


@dataclass(frozen=True)
class Pulses:
    """A pulse a cycle, limited to what 16 kHz can hold, at times that lie between samples."""

    samples: NDArray[np.float64]
    times: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @property
    def jitter(self) -> float:
        """Mean difference of neighbouring periods, in percent of the mean."""
        return _difference(np.diff(self.times))

    @property
    def shimmer(self) -> float:
        """Mean difference of neighbouring sizes, in percent of the mean."""
        return _difference(self.sizes)


def _difference(values: NDArray[np.float64]) -> float:
    return float(100 * np.abs(np.diff(values)).mean() / values.mean())


def pulses(
    hertz: float | Callable[[float], float],
    seconds: float,
    *,
    jitter: float = 0.0,
    shimmer: float = 0.0,
) -> Pulses:
    """Return pulses of a pitch that may depend on time; jitter and shimmer are deviations."""
    rng = np.random.default_rng(7)
    times, now = [], 0.01
    while now < seconds - 0.01:
        times.append(now)
        period = 1 / (hertz(now) if callable(hertz) else hertz)
        now += period * (1 + jitter * rng.standard_normal())
    sizes = 1 + shimmer * rng.standard_normal(len(times))
    samples = np.zeros(round(seconds * RATE))
    reach = np.arange(-32, 33)
    for time, size in zip(times, sizes, strict=True):
        places = round(time * RATE) + reach
        distance = places - time * RATE
        samples[places] += size * np.sinc(distance) * np.cos(np.pi * distance / 66) ** 2
    return Pulses(samples, np.array(times), sizes)


def vowel(source: NDArray[np.float64], level: float = 0.3) -> NDArray[np.float32]:
    """Return a source through the formants; the peak is the level."""
    size = 2 * len(source)
    place = 2j * np.pi * np.fft.rfftfreq(size, 1 / RATE)
    response = np.ones(len(place), complex)
    for hertz, width in FORMANTS:
        pole = -np.pi * width + 2j * np.pi * hertz
        response *= abs(pole) ** 2 / ((place - pole) * (place - pole.conjugate()))
    return scaled(np.fft.irfft(np.fft.rfft(source, size) * response)[: len(source)], level)


def tilted(source: NDArray[np.float64], decibels: float) -> NDArray[np.float32]:
    """Return a source whose spectrum falls by so many decibels an octave above 50 Hz."""
    hertz = np.maximum(np.fft.rfftfreq(len(source), 1 / RATE), 50)
    gain = 10 ** (decibels * np.log2(hertz / 50) / 20)
    return scaled(np.fft.irfft(np.fft.rfft(source) * gain, len(source)))


def noisy(samples: NDArray[np.float32], decibels: float) -> NDArray[np.float32]:
    """Return the signal with white noise that lies so many decibels below it."""
    noise = np.random.default_rng(3).standard_normal(len(samples))
    power = np.mean(samples.astype(float) ** 2) / 10 ** (decibels / 10)
    return (samples + noise * np.sqrt(power)).astype(np.float32)


def syllables(
    count: int, seconds: float = 0.2, hertz: float = 130.0, pauses: dict[int, float] | None = None
) -> NDArray[np.float32]:
    """Return "da-da-da": vowels that swell and fade, with a pause before those that are named."""
    length = round(seconds * RATE)
    swell = np.sin(np.pi * np.arange(length) / length)
    parts = []
    for number in range(count):
        parts.append(np.zeros(round((pauses or {}).get(number, 0.0) * RATE), np.float32))
        parts.append((vowel(pulses(hertz, seconds).samples) * swell).astype(np.float32))
    return np.concatenate(parts)


def scaled(samples: NDArray[np.float64], level: float = 0.3) -> NDArray[np.float32]:
    """Return the signal with that peak."""
    return (samples * (level / np.abs(samples).max())).astype(np.float32)

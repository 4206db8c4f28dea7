"""Log-mel energies, the front end of the voice model; training and product share this one piece."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples a second that the front end takes."""

WINDOW, HOP, SPECTRUM = 400, 160, 512
"""Samples of a window (25 ms), of a hop (10 ms), and of the Fourier transform."""

BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 60.0, 7600.0
FLOOR = 1e-10
"""Added to band energies: about -100 dB of full scale, below the noise of any real recording."""

RANGE = 14.0
"""How far below the usual level of a clip energies are told apart: the logarithm of 61 dB."""

LOUD = 6.9
"""How far below the loudest frames a loud one may be: the natural logarithm of 30 dB."""

MARGIN = 10
"""Frames that are kept before the first loud frame, and after the last."""


def _mel(hertz: float) -> float:
    """Hertz to mel: 2595 log10(1 + f / 700). O'Shaughnessy, D. (1987). Speech Communication."""
    return 2595.0 * math.log10(1.0 + hertz / 700.0)


@cache
def _filters() -> NDArray[np.float32]:
    """Triangular filters with equal spacing on the mel scale, float32 [257, 64]."""
    edges_mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins = np.arange(SPECTRUM // 2 + 1)[:, None] * (RATE / SPECTRUM)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: NDArray[np.float32] = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    return filters


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(WINDOW).astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the natural logarithm of mel band energies.

    Args:
        samples: Mono, 16 kHz, float32 [n] in [-1, 1].

    Returns:
        float32 [frames, 64] with frames = 1 + (n - 400) // 160; [0, 64] for fewer than 400 samples.
        Memory is about 4 KB a frame while it runs.
    """
    if len(samples) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    spectrum = np.fft.rfft(frames * _window(), SPECTRUM, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) / SPECTRUM
    energies: NDArray[np.float32] = np.log(power @ _filters() + np.float32(FLOOR))
    return energies


def energy(mels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the natural logarithm of the energy of each frame, all bands together, [frames].

    Args:
        mels: float32 [frames, 64], natural logarithms below 80.
    """
    # Not np.logaddexp, which takes ten times as long.
    return np.asarray(np.log(np.exp(mels).sum(axis=1)))


def spoken_part(mels: NDArray[np.float32]) -> tuple[slice, NDArray[np.float32]]:
    """Return where a clip goes from its first loud frame to its last, and that relative to its level.

    Loud is what is less than 30 dB below the usual level, which is the 95th percentile of all; in
    noise that is everything. A tenth of a second is kept on both sides. How far a speaker was from
    the microphone, and how it was amplified, say nothing of the voice, so energies count from the
    usual level, and what is more than 61 dB below it counts as silence.

    Args:
        mels: float32 [frames, 64], as `log_mel` gives them, at least one.

    Returns:
        Which frames, and float32 [those frames, 64], from -14 up.
    """
    level = energy(mels)
    usual = np.float32(np.percentile(level, 95))
    (loud,) = np.nonzero(level > usual - LOUD)
    part = slice(max(0, loud[0] - MARGIN), loud[-1] + 1 + MARGIN)
    return part, np.log(np.exp(mels[part] - usual) + np.exp(np.float32(-RANGE)))


def spoken(mels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the frames of a `spoken_part`, relative to its level."""
    return spoken_part(mels)[1]

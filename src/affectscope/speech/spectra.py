"""Short-time spectra of one phrase: computed once, and read by every measure of prosody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import RATE

WINDOW, HOP = 800, 160
"""Samples of a window, 50 ms or three periods of the lowest pitch, and of a hop, 10 ms."""

SPECTRUM = 1024
"""Samples of the Fourier transform. Lags beyond 224 wrap, where the window is all but closed."""

LAGS = 270
"""Samples of the autocorrelation that are kept: one period of 60 Hz, and one to look beyond."""

HOP_SECONDS = HOP / RATE

HIGHEST = 64.0
"""Against full scale; a sample beyond is damage, and the power of one can be infinite."""

_BINS = SPECTRUM // 2 + 1
_PASS_HZ, _STOP_HZ = 2000.0, 4000.0
_BLOCK = 32
"""Frames that are transformed at once: they fit into the cache of a core."""

Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Spectra:
    """What the measures share.

    Attributes:
        samples: The signal without its mean, float32 [n].
        power: Squared magnitudes under a Hann window, float32 [frames, 513], 0 to 8 kHz.
        autocorrelation: Of what lies below some 3 kHz, float32 [frames, 270]; 1 at lag 0, or all 0
            where a frame is empty, and divided by that of the window.
        peaks: Largest magnitude of each frame, float32 [frames].
    """

    samples: Reals
    power: Reals
    autocorrelation: Reals
    peaks: Reals

    def __len__(self) -> int:
        return len(self.power)


def spectra(samples: Reals) -> Spectra:
    """Return the spectra of windows of 50 ms every 10 ms.

    Args:
        samples: Mono float32 [n] at 16 kHz, finite.

    Returns:
        ``1 + (n - 800) // 160`` frames; none where the signal is shorter than a window.
    """
    count = max(0, 1 + (len(samples) - WINDOW) // HOP)
    if len(samples):
        samples = np.clip(samples, -HIGHEST, HIGHEST)
        samples = samples - np.float32(samples.mean(dtype=np.float64))
    power = np.empty((count, _BINS), np.float32)
    autocorrelation = np.empty((count, LAGS), np.float32)
    peaks = np.empty(count, np.float32)
    for first in range(0, count, _BLOCK):
        block = slice(first, min(count, first + _BLOCK))
        stretch = samples[first * HOP : (block.stop - 1) * HOP + WINDOW]
        frames = np.lib.stride_tricks.sliding_window_view(stretch, WINDOW)[::HOP]
        # The mean under the window: a click at its edge then leaves no step behind.
        frames = frames - np.einsum("fn,n->f", frames, hann() / hann().sum())[:, None]
        peaks[block] = np.abs(frames).max(axis=1)
        transform = np.fft.rfft(frames * hann(), SPECTRUM, axis=1)
        power[block] = transform.real**2 + transform.imag**2
        lags = np.fft.irfft(power[block] * _low_pass(), SPECTRUM, axis=1)[:, :LAGS]
        whole = np.maximum(lags[:, :1], np.float32(1e-9))
        autocorrelation[block] = lags / (whole * window_autocorrelation().astype(np.float32))
    return Spectra(samples, power, autocorrelation, peaks)


@cache
def hann() -> Reals:
    """The window, float32 [800]."""
    # At the midpoints of the samples, so that no sample has the weight 0.
    return (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)).astype(np.float32)


@cache
def frequencies() -> NDArray[np.float64]:
    """Hertz of the bins, float64 [513]."""
    return np.arange(_BINS, dtype=np.float64) * (RATE / SPECTRUM)


@cache
def window_autocorrelation() -> NDArray[np.float64]:
    """Autocorrelation of the window, float64 [270], 1 at lag 0."""
    lags = np.fft.irfft(np.abs(np.fft.rfft(hann(), SPECTRUM)) ** 2)[:LAGS]
    return np.asarray(lags / lags[0], np.float64)


@cache
def _low_pass() -> Reals:
    """Weights of the bins: what is below 2 kHz, falling to nothing at 4 kHz.

    Peaks of the autocorrelation then are wide against a sample, and a parabola finds their tops.
    """
    place = np.clip((frequencies() - _PASS_HZ) / (_STOP_HZ - _PASS_HZ), 0, 1)
    return (0.5 + 0.5 * np.cos(np.pi * place)).astype(np.float32)

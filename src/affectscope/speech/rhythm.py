"""How fast the level of a phrase varies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.spectra import HOP_SECONDS

BANDS_HZ = ((0.5, 1.5), (1.5, 3.0), (3.0, 5.0), (5.0, 8.0), (8.0, 16.0), (16.0, 30.0))
"""As words, syllables and single sounds come, and as a rough voice beats."""

FIGURES = tuple(f"rhythm_{low:g}_to_{high:g}_hz" for low, high in BANDS_HZ)
"""Names of what `rhythm` returns."""

LEAST_FRAMES = 10

_SMALLEST = 1024
_FAINTEST = 1e-3


def rhythm(level: NDArray[np.float32]) -> dict[str, float]:
    """Return `FIGURES`: the natural logarithm of the mean power of the level in each band.

    Args:
        level: Of the frames of a spoken part, natural logarithm of the energy [frames].

    Returns:
        Nothing for fewer than 10 frames.
    """
    if len(level) < LEAST_FRAMES:
        return {}
    size = max(_SMALLEST, 1 << (len(level) - 1).bit_length())
    course = (level - level.mean()) * np.hanning(len(level))
    power = np.abs(np.fft.rfft(course, size)) ** 2 / len(level)
    hertz = np.fft.rfftfreq(size, HOP_SECONDS)
    bands = [power[(hertz >= low) & (hertz < high)].mean() for low, high in BANDS_HZ]
    return dict(zip(FIGURES, np.log(np.array(bands) + _FAINTEST).tolist(), strict=True))

"""What a recording is worth: clipping, level and bandwidth, measured on a spoken segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import RATE

CLIPPED_SHARE = 0.002
"""Share of samples at full scale from which a segment counts as clipped."""

QUIET_DBFS = -50.0
"""Level below which a segment counts as quiet."""

NARROW_HERTZ = 3600.0
"""A telephone band ends below; wide-band speech has fricatives above."""

NARROW_SHARE = 1e-4
"""Share of energy above `NARROW_HERTZ` below which a segment counts as narrow-band."""


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """Return the root-mean-square level in decibels of full scale; -120 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10.0 * float(np.log10(max(power, 1e-12)))


def quality_flags(samples: NDArray[np.float32]) -> tuple[str, ...]:
    """Return what limits a segment.

    Args:
        samples: Mono float32 [n] in [-1, 1] at 16 kHz.

    Returns:
        Of ``clipped``, ``quiet``, ``narrow-band``, those that apply.
    """
    if not len(samples):
        return ()
    flags = []
    if float(np.mean(np.abs(samples) >= 0.999)) > CLIPPED_SHARE:
        flags.append("clipped")
    if level_dbfs(samples) < QUIET_DBFS:
        flags.append("quiet")
    power = np.abs(np.fft.rfft(samples)) ** 2
    edge = int(len(samples) * NARROW_HERTZ / RATE)
    total = float(power.sum())
    if total > 0 and float(power[edge:].sum()) / total < NARROW_SHARE:
        flags.append("narrow-band")
    return tuple(flags)

"""How fast somebody speaks: syllables by peaks of the voice's energy, and pauses within a phrase.

Source: de Jong, N. H. & Wempe, T. (2009). Praat script to detect syllable nuclei and measure speech
rate automatically. Behavior Research Methods, 41(2), 385-390.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.spectra import HOP_SECONDS, Reals, Spectra, frequencies

QUIET_DB = 25.0
"""A frame that is so much fainter than the loudest ones is silent."""

DIP_DB = 3.0
"""Two nuclei are two only where the level falls so far between them.

The source has 2 dB on longer windows. Of 1, 2 and 3 dB this one counts acted English and Polish
sentences with the least bias.
"""

PAUSE_SECONDS = 0.25
"""A shorter silence may be the closure of a plosive.

Source: de Jong, N. H. & Bosker, H. R. (2013). Choosing a threshold for silent pauses to measure
second language fluency. Proc. DiSS.
"""

SHORTEST_SECONDS = 0.5
"""Of less sound a rate says nothing: one syllable more or less would double it."""

_LOW_HZ, _HIGH_HZ = 300.0, 3000.0


def speech_rate(
    spectra: Spectra, levels: NDArray[np.float64], voiced: NDArray[np.bool_]
) -> dict[str, float]:
    """Return how fast a phrase is spoken, between its first and its last sound.

    Args:
        spectra: Of the phrase.
        levels: Decibels of its frames, A-weighted.
        voiced: Which of its frames are voiced.

    Returns:
        ``speech_rate_sps`` and ``articulation_rate_sps``, syllables a second with and without the
        pauses; ``pauses``, how many there are; ``pause_share``, their part of the time in [0, 1].
        Nothing where there is no voice or less than half a second of sound.
    """
    if not voiced.any():
        return {}
    loud = levels >= np.percentile(levels, 99) - QUIET_DB
    sounding = np.flatnonzero(loud)
    first, last = int(sounding[0]), int(sounding[-1])
    seconds = (last + 1 - first) * HOP_SECONDS
    gaps = np.diff(sounding) - 1
    long = gaps[gaps * HOP_SECONDS >= PAUSE_SECONDS]
    paused = float(long.sum()) * HOP_SECONDS
    count = len(nuclei(np.where(loud, _vowels(spectra), -np.inf), voiced))
    if seconds - paused < SHORTEST_SECONDS or not count:
        return {}
    return {
        "speech_rate_sps": count / seconds,
        "articulation_rate_sps": count / (seconds - paused),
        "pauses": float(len(long)),
        "pause_share": paused / seconds,
    }


def nuclei(levels: NDArray[np.float64], voiced: NDArray[np.bool_]) -> list[int]:
    """Return the frames of syllables: voiced peaks of the level with a dip between any two.

    Args:
        levels: Decibels, float64 [frames]; minus infinity where it is silent.
        voiced: Which frames are voiced.
    """
    edged = np.concatenate([[-np.inf], levels, [-np.inf]])
    peaks = np.flatnonzero((levels > edged[:-2]) & (levels >= edged[2:]) & voiced)
    found: list[int] = []
    for peak in peaks.tolist():
        if found:
            before = found[-1]
            dip = levels[before : peak + 1].min()
            if min(levels[before], levels[peak]) - dip < DIP_DB:
                if levels[peak] > levels[before]:
                    found[-1] = peak
                continue
        found.append(peak)
    return found


@cache
def _band() -> Reals:
    """Weights of the bins: where vowels are strong, without hum below and fricatives above."""
    hertz = frequencies()
    return ((hertz >= _LOW_HZ) & (hertz <= _HIGH_HZ)).astype(np.float32)


def _vowels(spectra: Spectra) -> NDArray[np.float64]:
    """Return decibels of each frame between 300 and 3000 Hz, smoothed over three frames."""
    power = np.einsum("fb,b->f", spectra.power, _band()).astype(np.float64)
    smooth = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    return np.asarray(10.0 * np.log10(np.maximum(smooth, 1e-9)))

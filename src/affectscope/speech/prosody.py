"""How something was said: pitch, loudness, tempo and quality of a voice, in measured units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.loudness import loudness
from affectscope.speech.pitch import contour
from affectscope.speech.rate import speech_rate
from affectscope.speech.sound import Sound
from affectscope.speech.voice_quality import voice_quality

MEASURES: dict[str, str] = {
    "pitch_hz_median": "hertz, 60 to 500: the median pitch of voiced frames",
    "pitch_semitones_range": "semitones from the 5th to the 95th percentile of the pitch",
    "pitch_semitones_deviation": "semitones: standard deviation of the pitch",
    "pitch_slope": "semitones a second: the line through the pitch, rising above 0",
    "voiced_share": "0 to 1: part of the phrase in which the vocal folds vibrate",
    "loudness_db": "decibels of full scale, A-weighted, without pauses",
    "loudness_range_db": "decibels from the 10th to the 95th percentile of the level",
    "speech_rate_sps": "syllables a second from the first sound to the last",
    "articulation_rate_sps": "syllables a second without the pauses",
    "pauses": "silences of 0.25 s and more within the phrase",
    "pause_share": "0 to 1: part of the phrase that is pause",
    "jitter_local_percent": "percent: mean difference of neighbouring periods",
    "shimmer_local_percent": "percent: mean difference of neighbouring amplitudes",
    "spectral_tilt_db_per_octave": "decibels an octave: slope of the harmonics below 4 kHz",
    "harmonics_to_noise_db": "decibels, up to 60: periodic against other power where voiced",
}
"""Every measure of `prosody` with its unit and what it is."""


def prosody(samples: NDArray[np.float32]) -> dict[str, float]:
    """Return what can be measured of a phrase; where evidence is missing, so is the measure.

    Args:
        samples: Mono float32 [n] in [-1, 1] at 16 kHz, finite: one phrase of one voice.

    Returns:
        Some of `MEASURES`, in their order; none for fewer than 800 samples (50 ms) or silence.
    """
    return prosody_of(Sound(samples))


def prosody_of(sound: Sound) -> dict[str, float]:
    """Return the `prosody` of a sound of which more is asked."""
    loud = loudness(sound.levels)
    if not loud:
        return {}
    found = {
        **contour(sound.pitch),
        **loud,
        **speech_rate(sound.spectra, sound.levels, sound.pitch.voiced),
        **voice_quality(sound.spectra, sound.pitch),
    }
    return {name: found[name] for name in MEASURES if name in found}

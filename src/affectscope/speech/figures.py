"""Every figure by which the manner of a phrase is described."""

from __future__ import annotations

from collections.abc import Mapping

from affectscope.speech import intonation, movement, rhythm, timbre
from affectscope.speech.sound import Sound

LOGARITHMIC = (
    "pitch_hz_median",
    "speech_rate_sps",
    "articulation_rate_sps",
    "jitter_local_percent",
    "shimmer_local_percent",
)
"""Those that are read as logarithms: ratios and rates."""

FIGURES = (
    *LOGARITHMIC,
    "pitch_semitones_range",
    "pitch_semitones_deviation",
    "pitch_slope",
    "loudness_db",
    "loudness_range_db",
    "spectral_tilt_db_per_octave",
    "harmonics_to_noise_db",
    *timbre.FIGURES,
    *intonation.FIGURES,
    *rhythm.FIGURES,
    *movement.FIGURES,
)
"""Of prosody those that a phrase of any length has and that are no count; all of the others."""


def figures(sound: Sound, prosody: Mapping[str, float]) -> dict[str, float]:
    """Return what there is of `FIGURES`, and all prosody; what cannot be told is left out or NaN.

    Args:
        sound: A phrase.
        prosody: Its prosody, and maybe more that does not matter.
    """
    path = sound.spoken_pitch
    return {
        **prosody,
        **timbre.timbre(sound.cepstra, path.voiced),
        **intonation.intonation(path, sound.level),
        **rhythm.rhythm(sound.level),
        **movement.movement(path, sound.cepstra),
    }

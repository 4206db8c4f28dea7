"""One stretch of speech, and what several measures of it share: each computed once, when asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import WINDOW, energy, log_mel, spoken_part
from affectscope.speech.loudness import levels
from affectscope.speech.pitch import Pitch, pitch
from affectscope.speech.spectra import Spectra, spectra
from affectscope.speech.timbre import cepstra


class Sound:
    """A phrase of one voice.

    Args:
        samples: Mono float32 [n], n >= 1, in [-1, 1] at 16 kHz, finite.
    """

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self.samples = samples

    @cached_property
    def mels(self) -> NDArray[np.float32]:
        """Log-mel energies [frames, 64]; less than a window is repeated until it is one."""
        samples = self.samples
        return log_mel(np.resize(samples, WINDOW) if len(samples) < WINDOW else samples)

    @cached_property
    def _part(self) -> tuple[slice, NDArray[np.float32]]:
        return spoken_part(self.mels)

    @property
    def spoken(self) -> NDArray[np.float32]:
        """The spoken part of them, relative to its level, [frames or fewer, 64]."""
        return self._part[1]

    @cached_property
    def level(self) -> NDArray[np.float32]:
        """Natural logarithm of the energy of the spoken part, relative to its level, [frames]."""
        return energy(self.spoken)

    @cached_property
    def cepstra(self) -> NDArray[np.float32]:
        """Cepstral coefficients of the spoken part, [frames or fewer, 14]."""
        return cepstra(self.spoken)

    @cached_property
    def spectra(self) -> Spectra:
        """What prosody is measured by."""
        return spectra(self.samples)

    @cached_property
    def levels(self) -> NDArray[np.float64]:
        """Decibels of each of their frames, A-weighted."""
        return levels(self.spectra)

    @cached_property
    def pitch(self) -> Pitch:
        """The path of the pitch through them."""
        return pitch(self.spectra)

    @cached_property
    def spoken_pitch(self) -> Pitch:
        """The pitch in the frames of `spoken`; the last, which its longer window lacks, have none."""
        part, _ = self._part
        missing = max(0, len(self.mels) - len(self.pitch.hertz))
        return Pitch(
            hertz=np.pad(self.pitch.hertz, (0, missing), constant_values=np.nan)[part],
            strength=np.pad(self.pitch.strength, (0, missing))[part],
        )

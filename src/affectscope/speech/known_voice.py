"""The voice of one speaker, better known with every phrase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.figures import figures
from affectscope.speech.manner import Floats, OwnManner
from affectscope.speech.sound import Sound
from affectscope.speech.voice import VoiceModel


@dataclass(frozen=True)
class Judged:
    """What was found of a phrase.

    Attributes:
        shares: Probabilities [8] over ``ravdess-8``.
        by_sound: Those by its sound alone.
        place: Where it is among manners, but for its sound; None where that cannot be told.
    """

    shares: NDArray[np.float32]
    by_sound: NDArray[np.float32]
    place: Floats | None


class KnownVoice:
    """Judges what a speaker's voice resembles, by its sound and by its manner.

    Args:
        model: Of voices.
    """

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._own = OwnManner(model.manner)

    def judge(self, sound: Sound, prosody: Mapping[str, float]) -> Judged:
        """Judge a phrase of which the prosody is known."""
        by_sound = self._model.predict(sound.mels)
        place = self._model.manner.place(figures(sound, prosody))
        return Judged(self._own.weighed(by_sound, place), by_sound, place)

    def judge_part(self, mels: NDArray[np.float32], phrase: Judged) -> NDArray[np.float32]:
        """Return probabilities [8] of a part of a phrase, whose manner is that of the phrase.

        Args:
            mels: Log-mel energies of the part, float32 [frames, 64].
            phrase: What was found of the whole.
        """
        return self._own.weighed(self._model.predict(mels), phrase.place)

    def learn(self, phrase: Judged) -> None:
        """Get to know the speaker by a phrase."""
        self._own.add(phrase.shares, phrase.by_sound, phrase.place)

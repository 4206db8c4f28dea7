"""The embedded engine: pocketsphinx with the models that come with it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Word
from affectscope.speech import process
from affectscope.speech.activity import Speech
from affectscope.speech.recognizer import FRAMES_A_SECOND, Found
from affectscope.speech.transcript import Transcript, mean_confidence

SLOPE, OFFSET = 0.423, 0.523
"""Of the logistic curve from the logit of a posterior to that of the share of words right."""


class PocketSphinx:
    """The embedded engine: small, offline, American English, weak on noise and accents.

    It runs in processes of its own, which all engines share; other threads run meanwhile.

    Args:
        recognizers: The processes; those that all share where absent.
    """

    name = "pocketsphinx"

    def __init__(self, recognizers: process.Recognizers | None = None) -> None:
        self._own = recognizers

    @property
    def _recognizers(self) -> process.Recognizers:
        return self._own or process.recognizers

    def load(self) -> None:
        """Start a process and load the acoustic and the language model there.

        Raises:
            ModelUnavailable: They cannot be loaded.
        """
        self._recognizers.warm_up()

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said; text is lower case without punctuation.

        Raises:
            ModelUnavailable: The models cannot be loaded.
            Unavailable: The search failed twice, or stood still.
        """
        if not len(speech.samples):
            return Transcript("", (), 0.0)
        found = self._recognizers.words(pcm(speech.samples))
        words = tuple(_word(one, speech) for one in found)
        return Transcript(
            text=" ".join(word.text for word in words),
            words=words,
            confidence=mean_confidence(words),
        )


def _word(found: Found, speech: Speech) -> Word:
    # The end frame still belongs to the word.
    end = speech.start + (found.last + 1) / FRAMES_A_SECOND
    return Word(
        text=found.text,
        start=speech.start + found.first / FRAMES_A_SECOND,
        end=min(end, speech.end),
        confidence=confidence(found.posterior),
    )


def confidence(posterior: float) -> float:
    """Return how likely a word is right, from the posterior that the search gives it.

    The search knows only what it did not give up, so it is sure of much that is wrong. The curve is
    that of `training.word_confidence`.
    """
    inside = min(max(posterior, 1e-3), 1 - 1e-3)
    logit = math.log(inside / (1 - inside))
    return 1.0 / (1.0 + math.exp(-(SLOPE * logit + OFFSET)))


def pcm(samples: NDArray[np.float32]) -> bytes:
    """Return samples as the recognizer takes them: 16 bits, levelled.

    The peak is brought to 0.7, for the acoustic model expects close speech of ordinary level.
    """
    peak = float(np.max(np.abs(samples))) if len(samples) else 0.0
    gain = np.float32(min(0.7 / peak, 30.0)) if peak > 0 else np.float32(1.0)
    whole: NDArray[np.int16] = (np.clip(samples * gain, -1.0, 1.0) * 32767).astype("<i2")
    return whole.tobytes()

"""What is said of speakers by networks, temperatures and manners that were made without them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.manner import MannerModel, heard_in_turn
from training.calibration import softmax, temperature
from training.voice.manner import fit
from training.voice.model import Committee
from training.voice.prepare import FOLDS, LABELS, Clip
from training.voice.train import logits_of

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


class Unheard:
    """Judges each speaker by what the other folds made.

    Args:
        pairs: One for each fold.
        clips: Of all speakers.
        damaged: The same in other ways of recording, from which manners are learnt too.

    Attributes:
        temperature: Fitted on what pairs say of speakers that they never heard, all together.
        manner: Likewise.
    """

    def __init__(
        self, pairs: Sequence[Committee], clips: list[Clip], damaged: Sequence[list[Clip]]
    ) -> None:
        self._pairs = pairs
        self._folds = np.array([clip.fold for clip in clips])
        logits = self._logits(clips)
        everywhere = np.arange(len(clips))
        others = [everywhere[self._folds != fold] for fold in range(FOLDS)]
        self._temperatures = [_temperature(logits, clips, places) for places in others]
        self.temperature = _temperature(logits, clips, everywhere)
        versions = [clips, *damaged]
        self._manners = [_manner(versions, places) for places in others]
        self.manner = _manner(versions, everywhere)

    def judge(self, clips: list[Clip]) -> tuple[Floats, Floats, Floats]:
        """Judge clips, the same as before or those damaged.

        Returns:
            Probabilities [n, 8] of each by itself, of each after others of its speaker, and of each
            after others of its speaker with the same emotion, as if somebody had no other.
        """
        alone = self._by_sound(self._logits(clips))
        speakers = [clip.speaker for clip in clips]
        monotonous = [f"{clip.speaker} {clip.label}" for clip in clips]
        return alone, self._after(clips, alone, speakers), self._after(clips, alone, monotonous)

    def _after(self, clips: list[Clip], alone: Floats, recordings: list[str]) -> Floats:
        found = np.empty_like(alone)
        for fold, manner in enumerate(self._manners):
            places = np.flatnonzero(self._folds == fold)
            found[places] = heard_in_turn(
                manner,
                [recordings[i] for i in places],
                [clips[i].manner for i in places],
                alone[places],
            )
        return found

    def _logits(self, clips: list[Clip]) -> Floats:
        logits = np.empty((len(clips), len(LABELS)), np.float32)
        for fold, pair in enumerate(self._pairs):
            places = np.flatnonzero(self._folds == fold)
            logits[places] = logits_of(pair, [clips[i] for i in places])
        return logits

    def _by_sound(self, logits: Floats) -> Floats:
        return softmax(logits / np.array(self._temperatures, np.float32)[self._folds, None])


def _manner(versions: Sequence[list[Clip]], places: Places) -> MannerModel:
    clips = [clips[i] for clips in versions for i in places]
    recordings = [
        f"{number} {clips[i].speaker}" for number, clips in enumerate(versions) for i in places
    ]
    return fit(clips, recordings)


def _temperature(logits: Floats, clips: list[Clip], places: Places) -> float:
    """Return the temperature for some clips; both corpora count the same."""
    acted = np.array([clip.corpus == "ravdess" for clip in clips])[places]
    more = round((~acted).sum() / acted.sum()) - 1
    even = np.concatenate([places, np.tile(places[acted], more)])
    gold = np.array([clip.label for clip in clips])[even]
    return temperature(logits[even], lambda shares: shares.argmax(1) == gold, softmax)

"""What is said of speakers by networks, temperatures and manners that were made without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.manner import MannerModel, heard_in_turn
from training.calibration import softmax, temperature
from training.voice.manner import Examples, fit
from training.voice.model import VoiceNet
from training.voice.prepare import FOLDS, LABELS, Clip
from training.voice.train import logits_of

DAMAGED_WEIGHT = 0.1
"""How much a damaged clip counts beside the same as it was, where manners are learnt. With more, they
are better in such damage and worse without."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Probabilities [n, 8] of clips.

    Attributes:
        alone: Of each by itself.
        in_turn: Of each after others of its speaker.
        monotonous: Of each after others of its speaker with the same emotion, as if somebody had
            no other.
    """

    alone: Floats
    in_turn: Floats
    monotonous: Floats


class Unheard:
    """Judges each speaker by what the other folds made.

    Args:
        networks: One for each fold.
        versions: The clips of all speakers as they are, and in other ways of recording, always in
            the same order.

    Attributes:
        temperature: Fitted on what networks say of speakers that they never heard, all together.
        manner: Likewise.
    """

    def __init__(self, networks: Sequence[VoiceNet], versions: Mapping[str, list[Clip]]) -> None:
        self._versions = versions
        clips = next(iter(versions.values()))
        self._folds = np.array([clip.fold for clip in clips])
        logits = {name: self._logits(networks, some) for name, some in versions.items()}
        plain = next(iter(logits.values()))
        everywhere = np.arange(len(clips))
        others = [everywhere[self._folds != fold] for fold in range(FOLDS)]
        self.temperature = _temperature(plain, clips, everywhere)
        each = np.array([_temperature(plain, clips, places) for places in others], np.float32)
        self._shares = {
            name: softmax(some / each[self._folds, None]) for name, some in logits.items()
        }
        self._manners = [self._manner(places) for places in others]
        self.manner = self._manner(everywhere)

    def judge(self, version: str) -> Judged:
        """Judge the clips in one way of recording."""
        clips = self._versions[version]
        speakers = [clip.speaker for clip in clips]
        one_emotion = [f"{clip.speaker} {clip.label}" for clip in clips]
        each = [str(number) for number in range(len(clips))]
        return Judged(*(self._heard(version, names) for names in (each, speakers, one_emotion)))

    def _heard(self, version: str, recordings: list[str]) -> Floats:
        clips, shares = self._versions[version], self._shares[version]
        found = np.empty_like(shares)
        for fold, manner in enumerate(self._manners):
            places = np.flatnonzero(self._folds == fold)
            found[places] = heard_in_turn(
                manner,
                [recordings[i] for i in places],
                [manner.place(clips[i].figures) for i in places],
                shares[places],
            )
        return found

    def _logits(self, networks: Sequence[VoiceNet], clips: list[Clip]) -> Floats:
        logits = np.empty((len(clips), len(LABELS)), np.float32)
        for fold, network in enumerate(networks):
            places = np.flatnonzero(self._folds == fold)
            logits[places] = logits_of(network, [clips[i] for i in places])
        return logits

    def _manner(self, places: Places) -> MannerModel:
        """Fit manners to some clips in all versions."""
        clips = [clips[i] for clips in self._versions.values() for i in places]
        names = [name for name in self._versions for _ in places]
        plain = names[0]
        # Both corpora count the same.
        counts = Counter(clip.corpus for clip in clips)
        return fit(
            Examples(
                figures=[clip.figures for clip in clips],
                shares=np.concatenate([self._shares[name][places] for name in self._versions]),
                gold=np.array([clip.label for clip in clips]),
                recordings=[
                    f"{name} {clip.speaker}" for name, clip in zip(names, clips, strict=True)
                ],
                weight=np.array(
                    [
                        (1.0 if name == plain else DAMAGED_WEIGHT) / counts[clip.corpus]
                        for name, clip in zip(names, clips, strict=True)
                    ]
                ),
            )
        )


def _temperature(logits: Floats, clips: list[Clip], places: Places) -> float:
    """Return the temperature for some clips; both corpora count the same."""
    acted = np.array([clip.corpus == "ravdess" for clip in clips])[places]
    more = round((~acted).sum() / acted.sum()) - 1
    even = np.concatenate([places, np.tile(places[acted], more)])
    gold = np.array([clip.label for clip in clips])[even]
    return temperature(logits[even], lambda shares: shares.argmax(1) == gold, softmax)

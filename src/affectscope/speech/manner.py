"""What the manner of a phrase says of its emotion, beside how its speaker usually speaks.

How high or loud a voice is says little by itself, as voices and microphones differ more than emotions
do. How far a phrase departs from what is usual for its speaker says much.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from affectscope.errors import ModelUnavailable

Floats = NDArray[np.float64]

MEMORY = 60.0
"""Phrases after which what is usual no longer depends on earlier ones much: voices get tired, and
microphones are moved."""

MOST = 2.5
"""Departures from what is usual for a speaker are taken for no larger than this: little beyond was
seen in training, and squares get large."""

FARTHEST = 10.0
"""Likewise departures from what is usual for all: no voice and no microphone is further off."""


class MannerModel(BaseModel):
    """A model of manners, by `training/voice/manner.py`.

    Attributes:
        figures: Names of m figures of prosody and timbre.
        logarithmic: Those that are taken as logarithms.
        mean: [m], over emotions and speakers.
        deviation: [m], the unit of departures.
        persistence: [m], after so many phrases half of a speaker's departure is believed: the variance
            from phrase to phrase over that from speaker to speaker.
        expected: [labels, m], mean departure of each emotion.
        constant: [labels], logits.
        linear: [labels, m], logits for each departure.
        squared: [labels, m], logits for each squared departure.
        sound: 0 to 1, how much the sound counts where manners count fully: part of what they say
            is the same.
        patience: After so many phrases manners count half.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: tuple[str, ...]
    logarithmic: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    persistence: tuple[float, ...]
    expected: tuple[tuple[float, ...], ...]
    constant: tuple[float, ...]
    linear: tuple[tuple[float, ...], ...]
    squared: tuple[tuple[float, ...], ...]
    sound: float
    patience: float

    def values(self, manner: Mapping[str, float]) -> Floats:
        """Return figures [m], some as logarithms; nan where one is missing."""
        values = [manner.get(name, math.nan) for name in self.figures]
        # What is counted or is a ratio is at least zero; of zero there is no logarithm.
        logs = [
            math.log(max(value, 1e-2)) if name in self.logarithmic else value
            for name, value in zip(self.figures, values, strict=True)
        ]
        return np.array(logs)

    def read(self, manner: Mapping[str, float]) -> Floats:
        """Return figures as departures [m] from what is usual for all; nan where one is missing."""
        departures = (self.values(manner) - self.mean) / self.deviation
        return np.asarray(np.clip(departures, -FARTHEST, FARTHEST))

    def evidence(self, departures: Floats) -> Floats:
        """Return logits [..., labels] for departures [..., m] from what is usual for a speaker."""
        straight = departures @ np.array(self.linear).T
        return np.asarray(self.constant + straight + departures**2 @ np.array(self.squared).T)


def read_manner(path: Path) -> MannerModel:
    """Read a model of manners.

    Raises:
        ModelUnavailable: It cannot be read or is not valid.
    """
    try:
        return MannerModel.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelUnavailable(f"{path.name} is not a readable model: {error}") from error


class UsualManner:
    """How one speaker usually speaks, learnt from one phrase after the other.

    Of every phrase that part of the departure is left that its emotion does not explain; its mean,
    drawn towards zero as long as there are few, is the speaker's own (the best linear unbiased
    prediction of a random effect, Henderson 1975). So a calm speaker does not become what calm is
    measured by, as far as it is heard that they are calm.

    Args:
        model: What manners say.
    """

    def __init__(self, model: MannerModel) -> None:
        self._model = model
        self._sums = np.zeros(len(model.figures))
        self._counts = np.zeros(len(model.figures))
        self._phrases = 0.0

    def weighed(
        self, shares: NDArray[np.float32], manner: Mapping[str, float]
    ) -> NDArray[np.float32]:
        """Return probabilities after looking at the manner too.

        With no phrase before, they are those that were given.

        Args:
            shares: Probabilities [labels] by the sound of the phrase alone.
            manner: Figures of the phrase, as `prosody` and `timbre` give them.
        """
        weight = self._phrases / (self._phrases + self._model.patience)
        usual = self._sums / (self._counts + self._model.persistence)
        departures = np.nan_to_num(np.clip(self._model.read(manner) - usual, -MOST, MOST))
        sound = 1 - weight * (1 - self._model.sound)
        logits = sound * np.log(np.maximum(shares, 1e-12))
        logits += weight * self._model.evidence(departures)
        found = np.exp(logits - logits.max())
        return np.asarray(found / found.sum(), np.float32)

    def add(self, shares: NDArray[np.float32], manner: Mapping[str, float]) -> None:
        """Learn from a phrase.

        Args:
            shares: Its probabilities [labels], as `weighed` gave them.
            manner: Likewise.
        """
        rest = self._model.read(manner) - shares @ np.array(self._model.expected)
        there = np.isfinite(rest)
        fading = 1 - 1 / MEMORY
        self._sums = fading * self._sums + np.where(there, rest, 0.0)
        self._counts = fading * self._counts + there
        self._phrases = fading * self._phrases + 1


def heard_in_turn(
    model: MannerModel,
    speakers: Sequence[str],
    manners: Sequence[Mapping[str, float]],
    shares: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return probabilities [n, labels] of clips of which each speaker's are heard as one recording.

    They are heard in random order, always the same: corpora are sorted by emotion.

    Args:
        model: What manners say.
        speakers: Whose each clip is.
        manners: Of each clip, as `prosody` and `timbre` give them.
        shares: Probabilities [n, labels] by the sound of each clip alone.
    """
    usual: dict[str, UsualManner] = defaultdict(partial(UsualManner, model))
    found = np.empty_like(shares)
    for place in np.random.default_rng(0).permutation(len(speakers)):
        one = usual[speakers[place]]
        found[place] = one.weighed(shares[place], manners[place])
        one.add(found[place], manners[place])
    return found

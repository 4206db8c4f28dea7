"""What the manner of a phrase says of its emotion, and how each speaker shows each emotion.

How high or loud a voice is says little by itself, as voices and microphones differ more than emotions
do. How a phrase departs from what else its speaker says tells much.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from affectscope.errors import ModelUnavailable

Floats = NDArray[np.float64]

MEMORY = 200.0
"""Phrases after which earlier ones count little: voices get tired, and microphones are moved."""

ENOUGH_RANGE = 0.25
"""Of the variance that emotions have in the mean of speakers, part that a speaker's own phrases have to
have beyond that of one emotion, for what was learnt of the speaker to count fully. Phrases of all
emotions reached it with every unheard speaker, and those of one emotion mostly not; it was chosen by
looking at these."""

FIRST_RANGE, FIRST_PHRASES = 0.12, 4.0
"""The range that is supposed at first, and the phrases that this supposition counts for."""

LEAST_SHARE = 1e-6
"""Smaller probabilities are taken for this one: no phrase tells that much."""

FARTHEST = 10.0
"""Departures from what is usual for all are taken for no larger than this, in deviations."""


class MannerModel(BaseModel):
    """A model of manners, by `training/voice/manner.py`.

    A phrase is a place in a space of few directions: those in which emotions differ most beside how
    phrases of one emotion by one speaker do, which have variance 1 in each. A speaker's own place
    for an emotion is drawn about the expected one: by something that is the same for all their
    emotions, and by something that is not. What the sound of a phrase resembles is part of its
    place, for it too is biased for each speaker, in a way that is learnt.

    Attributes:
        figures: Names of m figures, of `affectscope.speech.figures`.
        logarithmic: Those that are read as logarithms.
        mean: [m + labels], over emotions and speakers, of figures and of logits.
        deviation: [m + labels], the unit of departures.
        directions: [m + labels, d], what a departure adds to the place.
        expected: [labels, d], places of the emotions.
        speakers: [d], variance from speaker to speaker, whatever the emotion.
        ways: [d], variance from speaker to speaker of one emotion beside the others.
        by_figures: So many directions, the first, are made of figures; the others are made of logits.
        weight: [d], how much a direction counts,
        sound: and how much the sound by itself does: part of what they say is the same.
        credence: 0 to 1, how much a phrase teaches: what is heard in it may be wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: tuple[str, ...]
    logarithmic: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    directions: tuple[tuple[float, ...], ...]
    expected: tuple[tuple[float, ...], ...]
    speakers: tuple[float, ...]
    ways: tuple[float, ...]
    by_figures: int
    weight: tuple[float, ...]
    sound: float
    credence: float

    def place(self, figures: Mapping[str, float]) -> Floats | None:
        """Return where a phrase is [d], but for its sound.

        A figure that is not known is taken for the mean. None where more than half are not known.
        """
        values = figure_values(figures, self.figures, self.logarithmic)
        if np.isfinite(values).mean() < 0.5:
            return None
        return self._moved(values, slice(None, len(self.figures)))

    def with_sound(self, place: Floats, shares: NDArray[np.float32]) -> Floats:
        """Return where a phrase is [d] that sounds so.

        Args:
            place: But for its sound.
            shares: Probabilities [labels] by the sound of the phrase alone.
        """
        return place + self._moved(logits_of(shares), slice(len(self.figures), None))

    def _moved(self, values: Floats, some: slice) -> Floats:
        mean, deviation, directions = self._arrays
        departures = (values - mean[some]) / deviation[some]
        return np.asarray(
            np.nan_to_num(np.clip(departures, -FARTHEST, FARTHEST)) @ directions[some]
        )

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        return np.array(self.mean), np.array(self.deviation), np.array(self.directions)


def figure_values(
    figures: Mapping[str, float], names: Sequence[str], logarithmic: Sequence[str]
) -> Floats:
    """Return figures in order of their names, some as logarithms; NaN where one is missing."""
    values = [figures.get(name, math.nan) for name in names]
    # What is counted or is a ratio is at least zero; of zero there is no logarithm.
    logs = [
        math.log(max(value, 1e-2)) if name in logarithmic else value
        for name, value in zip(names, values, strict=True)
    ]
    return np.array(logs)


def logits_of(shares: NDArray[np.float32]) -> Floats:
    """Return logarithms of probabilities [..., labels] less their mean."""
    logits = np.log(np.maximum(shares, LEAST_SHARE).astype(np.float64))
    return np.asarray(logits - logits.mean(-1, keepdims=True))


def read_manner(path: Path) -> MannerModel:
    """Read a model of manners.

    Raises:
        ModelUnavailable: It cannot be read or is not valid.
    """
    try:
        return MannerModel.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelUnavailable(f"{path.name} is not a readable model: {error}") from error


class OwnManner:
    """How one speaker shows each emotion, learnt from one phrase after the other.

    The places of a speaker's emotions have a normal distribution, which begins as the one that all
    speakers have, and phrases make it narrower: a mixed model with a random intercept and random
    slopes (Laird and Ware 1982). A phrase counts for each emotion by its probability. So a calm
    speaker does not become what calm is measured by, as far as it is heard that they are calm; and
    while little was heard of a speaker, places say little, for they may be anywhere.

    One cluster of phrases may be any emotion of a speaker who is not known. So as long as phrases
    differ by little more than those of one emotion do, they are judged as a stranger's.

    Args:
        model: What manners say.
    """

    def __init__(self, model: MannerModel) -> None:
        self._model = model
        labels, directions = np.shape(model.expected)
        one = np.eye(labels)
        # The same for each direction: [d, labels, labels].
        covariance = (
            np.array(model.speakers)[:, None, None] + np.array(model.ways)[:, None, None] * one
        )
        self._precision = np.linalg.inv(covariance)
        self._pull = self._precision @ np.array(model.expected).T[:, :, None]
        self._counts = np.zeros(labels)
        self._sums = np.zeros((directions, labels))
        self._range = _Range(np.array(model.expected)[:, : model.by_figures])
        self._learn()
        self._strangers = self._means, self._variances

    def weighed(self, shares: NDArray[np.float32], place: Floats | None) -> NDArray[np.float32]:
        """Return probabilities after looking at the manner too.

        Args:
            shares: Probabilities [labels] by the sound of the phrase alone.
            place: Of the phrase, as `MannerModel.place` gives it; without, the probabilities are
                those that were given.
        """
        if place is None:
            return shares
        where, own = self._model.with_sound(place, shares), self._range.share()
        evidence = own * _likelihood(where, self._means, self._variances)
        evidence += (1 - own) * _likelihood(where, *self._strangers)
        logits = self._model.sound * logits_of(shares) + np.array(self._model.weight) @ evidence
        found = np.exp(logits - logits.max())
        return np.asarray(found / found.sum(), np.float32)

    def add(
        self,
        judged: NDArray[np.float32],
        shares: NDArray[np.float32],
        place: Floats | None,
    ) -> None:
        """Learn from a phrase.

        Args:
            judged: Its probabilities [labels], as `weighed` gave them.
            shares: Likewise.
            place: Likewise.
        """
        if place is None:
            return
        where = self._model.with_sound(place, shares)
        fading, credence = 1 - 1 / MEMORY, self._model.credence * judged.astype(np.float64)
        self._counts = fading * self._counts + credence
        self._sums = fading * self._sums + where[:, None] * credence
        self._range.add(where[: self._model.by_figures])
        self._learn()

    def _learn(self) -> None:
        """Find means and variances [d, labels] of the speaker's places, given what was heard."""
        covariance = np.linalg.inv(self._precision + np.diag(self._counts))
        self._means = (covariance @ (self._pull + self._sums[:, :, None]))[:, :, 0]
        self._variances = np.diagonal(covariance, axis1=1, axis2=2)


class _Range:
    """How far the phrases of a speaker differ.

    Args:
        expected: Places of the emotions [labels, d].
    """

    def __init__(self, expected: Floats) -> None:
        self._emotions = expected.var(0).sum()
        self._phrases = 0.0
        self._sum, self._squares = np.zeros(expected.shape[1]), np.zeros(expected.shape[1])

    def add(self, place: Floats) -> None:
        """Look at a phrase, at a place [d]."""
        fading = 1 - 1 / MEMORY
        self._phrases = fading * self._phrases + 1
        self._sum = fading * self._sum + place
        self._squares = fading * self._squares + place**2

    def share(self) -> float:
        """Return 0 where phrases differ no more than those of one emotion, 1 where they do enough."""
        seen = 0.0
        if self._phrases > 1.5:
            mean = self._sum / self._phrases
            variance = (self._squares / self._phrases - mean**2) * self._phrases
            beyond = (variance / (self._phrases - 1) - 1).sum()
            seen = self._phrases * beyond / self._emotions
        found = (seen + FIRST_PHRASES * FIRST_RANGE) / (self._phrases + FIRST_PHRASES)
        return float(np.clip(found / ENOUGH_RANGE, 0, 1))


def _likelihood(place: Floats, means: Floats, variances: Floats) -> Floats:
    """Return logarithms [d, labels], but for a constant, of a place [d] given each emotion."""
    variance = 1 + variances
    return np.asarray(-0.5 * ((place[:, None] - means) ** 2 / variance + np.log(variance)))


def heard_in_turn(
    model: MannerModel,
    speakers: Sequence[str],
    places: Sequence[Floats | None],
    shares: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return probabilities [n, labels] of clips of which each speaker's are heard as one recording.

    They are heard in random order, always the same: corpora are sorted by emotion.

    Args:
        model: What manners say.
        speakers: Whose each clip is.
        places: Of each clip, as `MannerModel.place` gives them.
        shares: Probabilities [n, labels] by the sound of each clip alone.
    """
    own: dict[str, OwnManner] = defaultdict(partial(OwnManner, model))
    found = np.empty_like(shares)
    for clip in np.random.default_rng(0).permutation(len(speakers)):
        speaker = own[speakers[clip]]
        found[clip] = speaker.weighed(shares[clip], places[clip])
        speaker.add(found[clip], shares[clip], places[clip])
    return found

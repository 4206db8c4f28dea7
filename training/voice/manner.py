"""Fit what the manner of a phrase says of its emotion, and how much speakers differ in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, eigh

from affectscope.affect import vocabulary
from affectscope.speech.figures import FIGURES, LOGARITHMIC
from affectscope.speech.manner import FARTHEST, MannerModel, figure_values, logits_of

LABELS = len(vocabulary("ravdess-8").labels)
DIRECTIONS = LABELS - 1
"""So many tell the means of all emotions apart, by figures and again by logits."""

SHRINKAGE_OF_FIGURES, SHRINKAGE_OF_LOGITS = 0.3, 0.05
"""Of correlations: there are many figures for so few clips, and few logits."""

MOST = 4.0
"""Departures from a speaker's mean are taken for no larger while directions are sought."""

LEAST_VARIANCE = 0.005

SOUND, WEIGHT_OF_FIGURES, WEIGHT_OF_LOGITS = 0.2, 0.4, 0.3
CREDENCE = 0.4
"""How much these count beside each other, and how much a phrase teaches. Chosen by looking at recall
and calibration on unheard speakers of both corpora; where emotions do not change, less of the last
would do less harm."""

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Clips to learn manners from.

    Attributes:
        figures: Of each clip.
        shares: Its probabilities by the sound alone, of a network that never heard its speaker,
            float32 [n, labels].
        gold: Its label, int [n]; there is a clip of each label.
        recordings: The name of what has one manner: a speaker by one way of recording.
        weight: How much each clip counts, of positive sum, float [n].
    """

    figures: Sequence[Mapping[str, float]]
    shares: NDArray[np.float32]
    gold: Labels
    recordings: Sequence[str]
    weight: Floats


def fit(examples: Examples) -> MannerModel:
    """Fit a model of manners: linear discriminants of what speakers do not explain.

    Source: Fisher, R. (1936). The use of multiple measurements in taxonomic problems. Annals of
    Eugenics, 7(2), 179-188. Variances are those of a two-way table of speakers and emotions.
    """
    figures = np.stack([figure_values(one, FIGURES, LOGARITHMIC) for one in examples.figures])
    by_figures = _fitted(figures, examples, SHRINKAGE_OF_FIGURES)
    by_logits = _fitted(logits_of(examples.shares), examples, SHRINKAGE_OF_LOGITS)

    def both(name: str) -> object:
        return _plain(np.concatenate([by_figures[name], by_logits[name]], axis=-1))

    return MannerModel.model_validate(
        {
            "figures": FIGURES,
            "logarithmic": LOGARITHMIC,
            "mean": both("mean"),
            "deviation": both("deviation"),
            "directions": _plain(block_diag(by_figures["directions"], by_logits["directions"])),
            "expected": both("expected"),
            "speakers": both("speakers"),
            "ways": both("ways"),
            "by_figures": DIRECTIONS,
            "weight": (WEIGHT_OF_FIGURES,) * DIRECTIONS + (WEIGHT_OF_LOGITS,) * DIRECTIONS,
            "sound": SOUND,
            "credence": CREDENCE,
        }
    )


def _fitted(read: Floats, examples: Examples, shrinkage: float) -> dict[str, Floats]:
    """Return what `MannerModel` says of some figures [n, m]."""
    gold, weight = examples.gold, examples.weight / examples.weight.sum()
    names, who = np.unique(examples.recordings, return_inverse=True)
    deviation = np.nanstd(read, 0)
    read = read / deviation
    mean, own = _effects(read, gold, who, len(names))
    read = np.clip(read - mean, -FARTHEST, FARTHEST)
    relative = np.nan_to_num(np.clip(read - own[who], -MOST, MOST))
    directions, expected = _discriminants(relative, gold, weight, shrinkage)
    places = np.nan_to_num(read) @ directions
    within, speakers, ways = _variances(places, expected, gold, who, weight)
    return {
        "mean": mean * deviation,
        "deviation": deviation,
        "directions": directions / np.sqrt(within),
        "expected": expected / np.sqrt(within),
        "speakers": speakers / within,
        "ways": ways / within,
    }


def _effects(read: Floats, gold: Labels, who: Labels, speakers: int) -> tuple[Floats, Floats]:
    """Return the mean [m], and what speakers [speakers, m] add to it, whatever they express."""
    mean = np.nanmean(read, 0)
    own = np.zeros((speakers, read.shape[1]))
    for _ in range(10):
        rest = read - mean - own[who]
        expected = np.stack([np.nanmean(rest[gold == one], 0) for one in range(LABELS)])
        mean, expected = mean + expected.mean(0), expected - expected.mean(0)
        rest = read - mean - expected[gold]
        own = np.stack([np.nanmean(rest[who == one], 0) for one in range(speakers)])
        own -= own.mean(0)
    return mean, own


def _discriminants(
    relative: Floats, gold: Labels, weight: Floats, shrinkage: float
) -> tuple[Floats, Floats]:
    """Return directions [m, d] and places of the emotions in them [labels, d]."""
    expected = np.stack(
        [
            np.average(relative[gold == one], axis=0, weights=weight[gold == one])
            for one in range(LABELS)
        ]
    )
    rest = relative - expected[gold]
    within = (rest * weight[:, None]).T @ rest
    within += shrinkage * (np.diag(np.diag(within)) - within)
    share = np.bincount(gold, weight, LABELS)
    between = expected - share @ expected
    between = (between * share[:, None]).T @ between
    size = len(between)
    _, directions = eigh(between, within, subset_by_index=[size - DIRECTIONS, size - 1])
    return directions, expected @ directions


def _variances(
    places: Floats, expected: Floats, gold: Labels, who: Labels, weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return variances [d] within one emotion of one speaker, of speakers, and of their ways."""
    cells, which = np.unique(np.stack([who, gold], 1), axis=0, return_inverse=True)
    counts = np.bincount(which)
    means = np.stack([places[which == cell].mean(0) for cell in range(len(cells))])
    squares = (places - means[which]) ** 2 * (counts / np.maximum(counts - 1, 1))[which, None]
    within = np.average(squares, axis=0, weights=weight)
    departures = means - expected[cells[:, 1]]
    speakers, whose = np.unique(cells[:, 0], return_inverse=True)
    own = np.stack([departures[whose == one].mean(0) for one in range(len(speakers))])
    center = np.average(own, axis=0, weights=np.bincount(who, weight))
    between = np.average((own - center) ** 2, axis=0, weights=np.bincount(who, weight))
    share = np.bincount(which, weight)
    rest = np.average((departures - own[whose]) ** 2, axis=0, weights=share)
    rest *= len(cells) / (len(cells) - len(speakers))
    # Means of few clips scatter by themselves.
    ways = rest - within * np.average(1 / counts, weights=share)
    return within, between, np.maximum(ways, LEAST_VARIANCE * within)


def _plain(values: Floats) -> object:
    """Return an array as rounded tuples."""
    if values.ndim == 1:
        return tuple(float(f"{value:.5g}") for value in values)
    return tuple(_plain(row) for row in values)

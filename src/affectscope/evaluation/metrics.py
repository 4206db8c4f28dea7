"""Figures of merit for classifiers, in the definitions that the literature on affect uses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]


def accuracy(gold: Ints, predicted: Ints) -> float:
    """Return the share of samples whose predicted label is the gold one; labels int [n]."""
    return float(np.mean(gold == predicted))


def recalls(gold: Ints, predicted: Ints) -> dict[int, float]:
    """Return the recall of each label that occurs in the gold labels; labels int [n]."""
    return {
        int(label): float(np.mean(predicted[gold == label] == label)) for label in np.unique(gold)
    }


def unweighted_average_recall(gold: Ints, predicted: Ints) -> float:
    """Return the mean recall over the labels that occur in the gold labels.

    Source: Schuller, B., Steidl, S. and Batliner, A. (2009). The INTERSPEECH 2009 Emotion Challenge.
    """
    return float(np.mean(list(recalls(gold, predicted).values())))


def macro_f1(gold: Bools, predicted: Bools) -> float:
    """Return the unweighted mean over labels of F1 = 2 TP / (2 TP + FP + FN); both bool [n, labels].

    A label that neither occurs nor is predicted leaves nothing to score and is left out; one that is
    predicted without occurring scores 0.
    """
    hits = (gold & predicted).sum(0)
    sizes = gold.sum(0) + predicted.sum(0)
    scored = sizes > 0
    return float(np.mean(2 * hits[scored] / sizes[scored])) if scored.any() else 0.0


def micro_f1(gold: Bools, predicted: Bools) -> float:
    """Return F1 over all decisions of all labels together; both bool [n, labels]."""
    size = int(gold.sum() + predicted.sum())
    return float(2 * (gold & predicted).sum() / size) if size else 0.0


def expected_calibration_error(confidence: Floats, right: Bools, bins: int = 15) -> float:
    """Return the mean gap between confidence and accuracy, weighted by the samples of each bin.

    Source: Guo, C. et al. (2017). On calibration of modern neural networks. ICML 2017.

    Args:
        confidence: Probability of the top label in [0, 1], [n].
        right: Whether the top label was right, [n].
        bins: Number of bins of equal width over [0, 1].

    Returns:
        The error in [0, 1].
    """
    index = np.clip((confidence * bins).astype(int), 0, bins - 1)
    error = 0.0
    for one in np.unique(index):
        inside = index == one
        error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(error)


def one_hot(labels: Ints, count: int) -> Bools:
    """Return bool [n, count] with True at each label of int [n]."""
    marks: Bools = labels[:, None] == np.arange(count)[None, :]
    return marks


def pearson(gold: Floats, predicted: Floats) -> float | None:
    """Return Pearson's correlation in [-1, 1]; None where either has no variance; both [n]."""
    spread = float(gold.std() * predicted.std())
    if not spread > 1e-12:
        return None
    covariance = np.mean((gold - gold.mean()) * (predicted - predicted.mean()))
    return float(np.clip(covariance / spread, -1.0, 1.0))


def concordance(gold: Floats, predicted: Floats) -> float | None:
    """Return Lin's concordance correlation coefficient in [-1, 1]; None without variance; both [n].

    Unlike Pearson's, it falls where the values are shifted or stretched.

    Source: Lin, L. I. (1989). A concordance correlation coefficient to evaluate reproducibility.
    Biometrics 45(1); with moments over n, as Lin defines them.
    """
    apart = float(gold.var() + predicted.var() + (gold.mean() - predicted.mean()) ** 2)
    if not apart > 1e-12:
        return None
    covariance = np.mean((gold - gold.mean()) * (predicted - predicted.mean()))
    return float(2 * covariance / apart)


def bootstrap_interval(
    figure: Callable[[Floats, Floats], float | None],
    gold: Floats,
    predicted: Floats,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of a figure over samples drawn with replacement.

    Source: Efron, B. and Tibshirani, R. (1993). An introduction to the bootstrap, chapter 13.

    Args:
        figure: Of (gold, predicted).
        gold: Float [n].
        predicted: Float [n].
        resamples: How often samples are drawn.
        seed: The same one gives the same interval.

    Returns:
        (low, high); None where no resample has a figure.
    """
    random = np.random.default_rng(seed)
    drawn = (random.integers(0, len(gold), len(gold)) for _ in range(resamples))
    found = [value for pick in drawn if (value := figure(gold[pick], predicted[pick])) is not None]
    if not found:
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)

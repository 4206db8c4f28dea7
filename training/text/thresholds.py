"""Thresholds of the labels from a small fold.

Picking the threshold of the best F1 among a fold's gold labels follows the accidents of a handful
of examples. Calibrated probabilities say how many hits any threshold is to be expected to have, and
of those every text of the fold tells something, but they have errors of their own. The mean of both
thresholds has less of either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_COUNTS = 4
_PRIOR = (40.0, 4.0)
"""How firmly a label's slope and offset hold to those of all labels."""


def sigmoid(values: Floats) -> Floats:
    """Return probabilities; any shape."""
    return 0.5 * (1 + np.tanh(values / 2))


def calibrated(logits: Floats, gold: NDArray[np.bool_]) -> Floats:
    """Return slope and offset of each label, [labels, 2], by which logits become log-odds.

    Fitted by logistic regression, first for all labels together, then for each with that as its
    prior.

    Args:
        logits: [n, labels] of texts that no weight was fitted to.
        gold: [n, labels].
    """
    together = _fitted(logits.ravel(), gold.ravel(), np.array([1.0, 0.0]), (1e-9, 1e-9))
    return np.stack(
        [_fitted(logits[:, i], gold[:, i], together, _PRIOR) for i in range(logits.shape[1])]
    )


def _fitted(
    logits: Floats, gold: NDArray[np.bool_], start: Floats, prior: tuple[float, float]
) -> Floats:
    """Newton's method for two parameters and a Gaussian prior around the start."""
    inputs = np.stack([logits, np.ones_like(logits)], 1).astype(np.float64)
    line, firm = start.copy(), np.diag(prior)
    for _ in range(25):
        shares = sigmoid(inputs @ line)
        slope = inputs.T @ (shares - gold) + firm @ (line - start)
        bend = (inputs * (shares * (1 - shares))[:, None]).T @ inputs + firm
        line = line - np.linalg.solve(bend, slope)
    return line


def best_expected(shares: Floats) -> Floats:
    """Return the threshold of each label [labels] at which its expected F1 is best.

    Args:
        shares: Calibrated probabilities [n, labels].
    """
    ordered = -np.sort(-shares, axis=0)
    marked = np.arange(1, len(shares) + 1)[:, None]
    expected = 2 * ordered.cumsum(0) / (marked + ordered.sum(0))
    best = expected.argmax(0)
    return np.take_along_axis(ordered, best[None], 0)[0]


def best_observed(shares: Floats, gold: NDArray[np.bool_]) -> Floats:
    """Return the threshold of each label [labels] of the best F1, smoothed by some pseudo-counts.

    Args:
        shares: Probabilities [n, labels].
        gold: [n, labels].
    """
    grid = np.arange(0.03, 0.85, 0.01)
    marks = shares[:, :, None] >= grid
    hits, marked = (marks & gold[:, :, None]).sum(0), marks.sum(0)
    score = (2 * hits + _COUNTS) / (marked + gold.sum(0)[:, None] + 3 * _COUNTS)
    return grid[score.argmax(1)]


def thresholds_of(
    logits: Floats, gold: NDArray[np.bool_], temperature: float, offset: float
) -> Floats:
    """Return the threshold of each label on the probabilities that the card makes of logits.

    Args:
        logits: [n, labels] of texts that no weight was fitted to.
        gold: [n, labels].
        temperature: Of the card.
        offset: Of the card.
    """
    lines = calibrated(logits, gold)
    shares = np.clip(best_expected(sigmoid(logits * lines[:, 0] + lines[:, 1])), 1e-6, 1 - 1e-6)
    at = (np.log(shares / (1 - shares)) - lines[:, 1]) / lines[:, 0]
    expected = sigmoid(at / temperature - offset)
    return (expected + best_observed(sigmoid(logits / temperature - offset), gold)) / 2

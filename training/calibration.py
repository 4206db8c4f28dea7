"""Temperatures and bootstrap intervals, on folds that no weight was fitted to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affectscope.evaluation.metrics import expected_calibration_error

Array = NDArray[np.float32]


def softmax(logits: Array) -> Array:
    """Return shares [n, labels]."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def sigmoid(logits: Array) -> Array:
    """Return independent probabilities [n, labels]."""
    return 1.0 / (1.0 + np.exp(-logits))


def temperature(
    logits: Array, right: Callable[[Array], NDArray[np.bool_]], activation: Callable[[Array], Array]
) -> float:
    """Return the temperature of the least calibration error of the top label.

    Args:
        logits: [n, labels] of a fold that was not trained on.
        right: Tells from probabilities which top labels are right.
        activation: `softmax` or `sigmoid`.

    Returns:
        The temperature, from a grid of .4 to 3; ties go to the smaller.
    """

    def error(value: float) -> float:
        shares = activation(logits / value)
        return expected_calibration_error(shares.max(1), right(shares))

    return float(min(np.arange(0.4, 3.0, 0.02), key=error).round(2))


def interval(score: Callable[[NDArray[np.int64]], float], n: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a score of resampled indices."""
    rng = np.random.default_rng(0)
    values = [score(rng.integers(0, n, n)) for _ in range(500)]
    return float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))

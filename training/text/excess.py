"""By how much the logits of each label are too high."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.text.thresholds import Floats, sigmoid

_PRIOR = 30.0
"""How firmly an excess holds to 0: labels of a handful of examples keep about what they have."""

_STEPS = 60


def excess(logits: Floats, gold: NDArray[np.bool_]) -> Floats:
    """Return what to take off the logits of each label, [labels].

    Examples of rare labels weigh more in training, so their probabilities come out too high. This
    is the offset of a logistic regression of slope 1 for each label, with a prior around 0.

    Args:
        logits: [n, labels] of texts that no weight was fitted to.
        gold: [n, labels].
    """
    found = np.zeros(logits.shape[1])
    for _ in range(_STEPS):
        shares = sigmoid(logits - found)
        slope = (shares - gold).sum(0) - _PRIOR * found
        found += slope / ((shares * (1 - shares)).sum(0) + _PRIOR)
    return found

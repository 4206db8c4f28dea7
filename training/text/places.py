"""The head of valence, arousal and dominance: ridge regression on the means of all layers.

The last layer is shaped by the 28 labels; how aroused a text is shows in earlier ones too.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from training.text.model import LAYERS, WIDTH, TextNet
from training.text.prepare import Texts
from training.text.train import padded

RIDGE = (2000.0, 16000.0, 16000.0)
"""Penalty on the weights of features of unit variance, for valence, arousal and dominance; 1 to 160
thousand were tried on dev."""

LEVELS = (1.0, 1.0, 1.0, 1.0, 0.5, 0.3, 0.3)
"""How much the embeddings and each layer count: the last ones fit the training texts too well."""

Weights = dict[str, NDArray[np.float32]]


@torch.no_grad()
def levels_of(model: TextNet, texts: Texts) -> NDArray[np.float32]:
    """Return the means over tokens of the embeddings and of each layer, [n, 7 x 384]."""
    model.eval()
    found = np.zeros((len(texts.ids), (LAYERS + 1) * WIDTH), np.float32)
    order = np.argsort([len(one) for one in texts.ids])
    for start in range(0, len(order), 128):
        index = order[start : start + 128]
        found[index] = model.levels(*padded([texts.ids[i] for i in index])).numpy()
    return found


def fitted(levels: NDArray[np.float32], targets: NDArray[np.float32]) -> Weights:
    """Return ``places.weight`` [3, features] and ``places.bias`` [3]."""
    mean, spread = levels.mean(0, np.float64), levels.std(0, dtype=np.float64) + 1e-6
    scale = np.repeat(LEVELS, WIDTH) / spread
    features, middle = (levels - mean) * scale, targets.mean(0, np.float64)
    inner, outer = features.T @ features, features.T @ (targets - middle)
    weight = np.stack(
        [
            np.linalg.solve(inner + ridge * np.eye(len(inner)), outer[:, axis]) * scale
            for axis, ridge in enumerate(RIDGE)
        ]
    )
    return {
        "places.weight": weight.astype(np.float32),
        "places.bias": (middle - weight @ mean).astype(np.float32),
    }

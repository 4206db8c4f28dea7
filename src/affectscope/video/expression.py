"""The expression model: grey crops to calibrated probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectscope.models import Model, load

MODEL = "face-expression"
BATCH = 64
"""Most crops in one run of the network."""


class ExpressionModel:
    """Judges cropped faces; constructing one is cheap, the weights are loaded on first use."""

    @property
    def model(self) -> Model:
        """The weights and their card.

        Raises:
            ModelNotPermitted: The licence policy excludes them.
            ModelUnavailable: They are missing or altered.
        """
        return load(MODEL)

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Judge faces.

        Args:
            images: uint8 [n, 48, 48], grey.

        Returns:
            float32 [n, 8], calibrated probabilities over `ferplus-8`.

        Raises:
            ModelNotPermitted: The licence policy excludes the weights.
            ModelUnavailable: They are missing or altered.
        """
        model = self.model
        batches = [
            model.run(image=images[start : start + BATCH, None].astype(np.float32))["logits"]
            for start in range(0, len(images), BATCH)
        ]
        if not batches:
            return np.empty((0, 8), np.float32)
        return np.asarray(model.card.probabilities(np.concatenate(batches)), np.float32)

"""The voice model: which emotion the sound of a voice resembles, whatever it says."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from affectscope import models
from affectscope.speech.logmel import BANDS, spoken
from affectscope.speech.manner import MannerModel, read_manner

NAME = "voice-emotion"
MANNER = "voice-emotion.manner.json"
SHORTEST_SECONDS = 1.0
"""Shorter clips were not trained on."""

WINDOW_SECONDS = 4.0
"""Longer clips are judged window by window: training clips are 3 to 5 s long."""

LEAST_FRAMES = 50
"""Fewer the network cannot take."""


class VoiceModel:
    """Emotion of a voice.

    Raises:
        ModelUnavailable, ModelNotPermitted: On first use, as `models.load` says.
    """

    @cached_property
    def model(self) -> models.Model:
        """The loaded network."""
        return models.load(NAME)

    @cached_property
    def manner(self) -> MannerModel:
        """What the manner of a phrase says beside its sound."""
        return read_manner(self.model.card.path(MANNER))

    def predict(self, mels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Judge one clip by its sound.

        Silence at both ends is left out. A clip longer than `WINDOW_SECONDS` is cut into equal
        windows that overlap by half; the probabilities are their mean. A clip under half a second is
        repeated until it is not.

        Args:
            mels: Log-mel energies float32 [frames, 64], at least one frame, as `log_mel` gives them.

        Returns:
            Calibrated probabilities [8] over ``ravdess-8``.
        """
        mels = spoken(mels)
        if len(mels) < LEAST_FRAMES:
            mels = np.resize(mels, (LEAST_FRAMES, BANDS))
        size = round(WINDOW_SECONDS * 100)
        if len(mels) <= size * 1.5:
            windows = mels[None]
        else:
            starts = np.linspace(0, len(mels) - size, int(np.ceil(len(mels) / size * 2)) - 1)
            windows = np.stack([mels[int(start) : int(start) + size] for start in starts])
        rows = [self.model.run(logmel=window[None])["logits"] for window in windows]
        mean: NDArray[np.float32] = self.model.card.probabilities(np.concatenate(rows)).mean(0)
        return mean

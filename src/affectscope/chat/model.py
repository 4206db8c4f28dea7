"""The text model: from strings to calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from affectscope import models
from affectscope.affect import vocabulary

NAME = "text-emotion"
LABELS = len(vocabulary("goemotions-28").labels)
LONGEST = 128
"""Tokens that are read of a text; longer ones are cut. Training texts have at most 64."""

LONGEST_TEXT = 2048
"""Characters that are read of a text, blanks between words counted once.

The tokenizer needs memory in proportion to a whole text before it cuts: dozens of 64 KiB texts
would take it a gigabyte. `LONGEST` tokens of English have some 600 characters.
"""

_AT_ONCE = 64
"""Texts that are tokenized at once."""


@dataclass(frozen=True)
class Reading:
    """What the network gets of one text.

    Attributes:
        ids: Token ids, at most `LONGEST`.
        truncated: Whether the text goes on beyond them.
    """

    ids: list[int]
    truncated: bool


class TextModel:
    """Emotion labels, and valence, arousal and dominance, of short texts.

    Raises:
        ModelUnavailable, ModelNotPermitted: On first use, as `models.load` says.
    """

    @cached_property
    def model(self) -> models.Model:
        """The loaded network."""
        return models.load(NAME)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        card = self.model.card
        tokenizer = Tokenizer.from_file(str(card.path(card.files[0].file)))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @property
    def thresholds(self) -> dict[str, float]:
        """Label to the probability from which it counts as present."""
        return self.model.card.thresholds

    def load(self) -> None:
        """Load now instead of on first use."""
        self.predict(["warm"])

    def predict(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge texts, each by itself.

        Args:
            texts: Any strings; what follows the first `LONGEST` tokens of one is not read.

        Returns:
            Calibrated probabilities [n, 28] over ``goemotions-28``, each label by itself, and
            valence, arousal, dominance [n, 3] in [-1, 1].
        """
        return self.judge(self.read(texts))

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Turn texts into tokens, which `judge` takes; tells which texts were cut."""
        readings = []
        for start in range(0, len(texts), _AT_ONCE):
            shortened = [
                text if len(text) <= LONGEST_TEXT else " ".join(text.split())
                for text in texts[start : start + _AT_ONCE]
            ]
            encoded = self._tokenizer.encode_batch([text[:LONGEST_TEXT] for text in shortened])
            for text, found in zip(shortened, encoded, strict=True):
                ids = found.ids
                cut = len(ids) > LONGEST
                # The last token closes a text, wherever that was cut.
                readings.append(
                    Reading(
                        ids=[*ids[: LONGEST - 1], ids[-1]] if cut else ids,
                        truncated=cut or len(text) > LONGEST_TEXT,
                    )
                )
        return readings

    def judge(self, readings: Sequence[Reading]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge what `read` gave; returns as `predict` does.

        One text a run: eight-bit activations share one scale in a batch, so the scores of a text
        would depend on the texts beside it.
        """
        logits = np.zeros((len(readings), LABELS), np.float32)
        places = np.zeros((len(readings), 3), np.float32)
        for row, reading in enumerate(readings):
            tokens = np.array([reading.ids], np.int64)
            found = self.model.run(input_ids=tokens, attention_mask=np.ones_like(tokens))
            logits[row], places[row] = found["logits"][0], found["vad"][0]
        return self.model.card.probabilities(logits), places

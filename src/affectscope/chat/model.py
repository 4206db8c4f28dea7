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

The tokenizer needs memory in proportion to a whole text before it cuts: a batch of 64 KiB texts
would take it a gigabyte. `LONGEST` tokens of English have some 600 characters.
"""

BATCH = 32


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
        """Judge texts, in batches of similar length.

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
        for start in range(0, len(texts), BATCH):
            shortened = [
                text if len(text) <= LONGEST_TEXT else " ".join(text.split())
                for text in texts[start : start + BATCH]
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
        """Judge what `read` gave; returns as `predict` does."""
        ids = [reading.ids for reading in readings]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        logits = np.zeros((len(ids), LABELS), np.float32)
        places = np.zeros((len(ids), 3), np.float32)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            tokens = np.zeros((len(chosen), len(ids[chosen[-1]])), np.int64)
            mask = np.zeros_like(tokens)
            for row, index in enumerate(chosen):
                tokens[row, : len(ids[index])] = ids[index]
                mask[row, : len(ids[index])] = 1
            found = self.model.run(input_ids=tokens, attention_mask=mask)
            logits[chosen], places[chosen] = found["logits"], found["vad"]
        return self.model.card.probabilities(logits), places

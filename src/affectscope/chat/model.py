"""The text model: from strings to calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers import Tokenizer

from affectscope import models
from affectscope.affect import vocabulary
from affectscope.chat.batching import MOST_TOKENS, Outputs, Tokens, batches, padded

NAME = "text-emotion"
LABELS = len(vocabulary("goemotions-28").labels)
LONGEST = 128
"""Tokens that are read of a text; longer ones are cut. Training texts have at most 64."""

LONGEST_TEXT = 2048
"""Characters that are read of a text, blanks between words counted once.

The tokenizer needs memory in proportion to a whole text before it cuts: dozens of 64 KiB texts
would take it a gigabyte. `LONGEST` tokens of English have some 600 characters.
"""

_UNKNOWN = "[UNK]"
_AT_ONCE = 64
"""Texts that are tokenized at once."""


@dataclass(frozen=True)
class Reading:
    """What the network gets of one text.

    Attributes:
        ids: Token ids, at most `LONGEST`.
        truncated: Whether the text goes on beyond them.
        unknown: How many of them are signs that the network knows nothing of, as most emoji are.
        empty: Whether nothing but such signs and punctuation is left.
    """

    ids: list[int]
    truncated: bool
    unknown: int = 0
    empty: bool = False


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

    @cached_property
    def _unknown(self) -> int:
        """Id of the token that stands for what the vocabulary does not have; -1 where none does."""
        found = self._tokenizer.token_to_id(_UNKNOWN)
        return -1 if found is None else int(found)

    @property
    def thresholds(self) -> dict[str, float]:
        """Label to the probability from which it counts as present."""
        return self.model.card.thresholds

    @cached_property
    def batch_independent(self) -> bool:
        """Whether the card promises that a text's scores do not depend on others of its run."""
        return models.card(NAME).output.get("batch_independent") is True

    @property
    def most_tokens(self) -> int:
        """Tokens of one run, padding included; 1, one text a run, where it has to be alone."""
        return MOST_TOKENS if self.batch_independent else 1

    def load(self) -> None:
        """Load now instead of on first use."""
        self.predict(["warm"])

    def predict(self, texts: Sequence[str]) -> Outputs:
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
                ids = [*ids[: LONGEST - 1], ids[-1]] if cut else ids
                unknown = ids.count(self._unknown)
                readings.append(
                    Reading(
                        ids=ids,
                        truncated=cut or len(text) > LONGEST_TEXT,
                        unknown=unknown,
                        empty=unknown > 0 and _is_empty(found.tokens[1:-1], _UNKNOWN),
                    )
                )
        return readings

    def judge(self, readings: Sequence[Reading]) -> Outputs:
        """Judge what `read` gave, in the calling thread; returns as `predict` does."""
        logits, places = self.logits([one.ids for one in readings])
        return self.model.card.probabilities(logits), places

    def logits(self, rows: Sequence[Tokens]) -> Outputs:
        """Run the network over texts of any lengths, in the calling thread; returns as `run`."""
        logits = np.zeros((len(rows), LABELS), np.float32)
        places = np.zeros((len(rows), 3), np.float32)
        for members in batches([len(one) for one in rows]):
            logits[members], places[members] = self.run([rows[i] for i in members])
        return logits, places

    def run(self, rows: Sequence[Tokens]) -> Outputs:
        """Run the network over texts that go together, in the calling thread.

        The texts of a run never change one another's scores. Where the card does not promise that
        of the weights (`batch_independent`), as it cannot where 8-bit activations share a scale,
        each text is a run of its own.

        Args:
            rows: Token ids of each text; shorter ones are padded.

        Returns:
            Logits [n, 28], and valence, arousal, dominance [n, 3].
        """
        if len(rows) > 1 and not self.batch_independent:
            alone = [self.run([row]) for row in rows]
            logits, places = zip(*alone, strict=True)
            return np.concatenate(logits), np.concatenate(places)
        ids, mask = padded(rows)
        found = self.model.run(input_ids=ids, attention_mask=mask)
        return found["logits"], found["vad"]


def _is_empty(tokens: Sequence[str], unknown: str) -> bool:
    """Tell whether no token has a letter or digit."""
    return not any(
        token != unknown and any(character.isalnum() for character in token) for token in tokens
    )

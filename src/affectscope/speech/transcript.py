"""What was said: what every engine gives that turns a spoken phrase into words with times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from affectscope.affect import Word
from affectscope.speech.activity import Speech


@dataclass(frozen=True)
class Transcript:
    """Words of one segment, the mean of their confidences, and the text with its punctuation."""

    text: str
    words: tuple[Word, ...]
    confidence: float


class Transcriber(Protocol):
    """An engine; one object may be used from several threads."""

    name: str

    def load(self) -> None:
        """Load now instead of on first use."""

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said; words carry times of the file's clock."""


def mean_confidence(words: Sequence[Word]) -> float:
    """Return the mean confidence of words, 0 where there are none."""
    mean = sum(word.confidence or 0.0 for word in words) / len(words) if words else 0.0
    return mean if math.isfinite(mean) else 0.0

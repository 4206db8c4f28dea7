"""Which words moved the model: each left out in turn.

A weight is the logit of a label with the word less that without it. It says what the model reacts
to, not why somebody wrote something; words that say the same twice both get little, because either
alone is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import WordWeight

MOST_WORDS = 64
"""Words of a text that are weighed, from its beginning."""

MOST_MESSAGES = 50
"""Messages of a request that are explained, from its beginning."""

MOST_SECONDS = 20.0
"""Time after which no further message of a request is explained."""

_MOST_LABELS = 3
_WORD = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]+")
"""A word, or what stands between words: emoji and marks matter too."""

Logits = Callable[[Sequence[str]], NDArray[np.float32]]
"""From n texts to logits [n, labels]."""


def top_labels(scores: dict[str, float], present: Sequence[str]) -> list[str]:
    """Return the labels that are worth explaining: those present, or else the highest one."""
    chosen = present or [max(scores, key=scores.__getitem__)]
    return sorted(chosen, key=lambda label: -scores[label])[:_MOST_LABELS]


def weigh(
    text: str, labels: Sequence[str], vocabulary: Sequence[str], logits: Logits
) -> tuple[WordWeight, ...]:
    """Weigh the words of a text.

    Args:
        text: As it was judged.
        labels: What to explain.
        vocabulary: Names of the columns of the logits.
        logits: The network.

    Returns:
        The first `MOST_WORDS` words with their places.
    """
    words = [
        match.span() for _, match in zip(range(MOST_WORDS), _WORD.finditer(text), strict=False)
    ]
    texts = [text, *(f"{text[:start]} {text[end:]}" for start, end in words)]
    columns = [vocabulary.index(label) for label in labels]
    found = logits(texts)[:, columns]
    effects = found[0] - found[1:]
    return tuple(
        WordWeight(
            text=text[start:end],
            start=start,
            end=end,
            weights={
                label: round(float(effect), 4) for label, effect in zip(labels, row, strict=True)
            },
        )
        for (start, end), row in zip(words, effects, strict=True)
    )

"""The named, versioned label sets in which models speak.

A vocabulary is never changed once it is published: another label set gets another name.
"""

from __future__ import annotations

from dataclasses import dataclass

from affectscope.errors import InvalidValue


@dataclass(frozen=True)
class Vocabulary:
    """A named label set.

    Attributes:
        name: Unique name that ends with the number of labels.
        labels: The labels in the order of the model outputs that use this vocabulary.
        exclusive: True where scores are one distribution (they sum to 1), False where each label
            stands alone.
        source: Where the labels come from.
    """

    name: str
    labels: tuple[str, ...]
    exclusive: bool
    source: str


_ALL = (
    Vocabulary(
        name="core-7",
        labels=("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"),
        exclusive=True,
        source="Ekman, P. (1992). An argument for basic emotions. Cognition and Emotion 6, "
        "169-200; and neutral.",
    ),
    Vocabulary(
        name="ferplus-8",
        labels=(
            "neutral",
            "happiness",
            "surprise",
            "sadness",
            "anger",
            "disgust",
            "fear",
            "contempt",
        ),
        exclusive=True,
        source="Barsoum, E. et al. (2016). Training deep networks for facial expression "
        "recognition with "
        "crowd-sourced label distribution. ICMI 2016.",
    ),
    Vocabulary(
        name="ravdess-8",
        labels=("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
        exclusive=True,
        source="Livingstone, S. R. and Russo, F. A. (2018). The Ryerson Audio-Visual Database "
        "of Emotional Speech "
        "and Song. PLoS ONE 13(5): e0196391.",
    ),
    Vocabulary(
        name="goemotions-28",
        labels=(
            "admiration",
            "amusement",
            "anger",
            "annoyance",
            "approval",
            "caring",
            "confusion",
            "curiosity",
            "desire",
            "disappointment",
            "disapproval",
            "disgust",
            "embarrassment",
            "excitement",
            "fear",
            "gratitude",
            "grief",
            "joy",
            "love",
            "nervousness",
            "optimism",
            "pride",
            "realization",
            "relief",
            "remorse",
            "sadness",
            "surprise",
            "neutral",
        ),
        exclusive=False,
        source="Demszky, D. et al. (2020). GoEmotions: a dataset of fine-grained emotions. ACL "
        "2020.",
    ),
)

VOCABULARIES: dict[str, Vocabulary] = {one.name: one for one in _ALL}
"""All vocabularies by name."""


def vocabulary(name: str) -> Vocabulary:
    """Return the vocabulary of that name.

    Raises:
        InvalidValue: There is none; the error lists those that exist.
    """
    if name not in VOCABULARIES:
        raise InvalidValue(f"unknown vocabulary {name!r}; valid: {', '.join(sorted(VOCABULARIES))}")
    return VOCABULARIES[name]

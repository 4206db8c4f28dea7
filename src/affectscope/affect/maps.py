"""Explicit, versioned maps from each vocabulary to ``core-7``.

Native labels are always kept beside a mapped view; nothing is ever mapped silently. A map is never
changed once it is published: another one gets another version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from affectscope.affect.vocabularies import vocabulary
from affectscope.errors import InvalidValue


@dataclass(frozen=True)
class VocabularyMap:
    """Where each label of one vocabulary goes in another.

    Attributes:
        source: Name of the vocabulary mapped from.
        target: Name of the vocabulary mapped to.
        version: Grows by one whenever a pair changes.
        pairs: Label of the source to label of the target.
        reason: Why the pairs are as they are, with their source.
    """

    source: str
    target: str
    version: int
    pairs: Mapping[str, str]
    reason: str


_JOY = (
    *("admiration", "amusement", "approval", "caring", "desire", "excitement"),
    *("gratitude", "joy", "love", "optimism", "pride", "relief"),
)
_SADNESS = ["disappointment", "embarrassment", "grief", "remorse", "sadness"]
_SURPRISE = ["confusion", "curiosity", "realization", "surprise"]

_TO_CORE = {
    one.source: one
    for one in (
        VocabularyMap(
            source="core-7",
            target="core-7",
            version=1,
            pairs={label: label for label in vocabulary("core-7").labels},
            reason="the same vocabulary",
        ),
        VocabularyMap(
            source="ferplus-8",
            target="core-7",
            version=1,
            pairs={
                **{label: label for label in vocabulary("core-7").labels},
                "contempt": "disgust",
            },
            reason="contempt joins disgust, its nearest neighbour among Ekman's six and the family "
            "in which early "
            "lists of basic emotions placed it",
        ),
        VocabularyMap(
            source="ravdess-8",
            target="core-7",
            version=1,
            pairs={
                "neutral": "neutral",
                "calm": "neutral",
                "happy": "happiness",
                "sad": "sadness",
                "angry": "anger",
                "fearful": "fear",
                "disgust": "disgust",
                "surprised": "surprise",
            },
            reason="calm joins neutral: RAVDESS offers both as baselines (Livingstone and Russo "
            "2018)",
        ),
        VocabularyMap(
            source="goemotions-28",
            target="core-7",
            version=1,
            pairs={
                "neutral": "neutral",
                "anger": "anger",
                "annoyance": "anger",
                "disapproval": "anger",
                "disgust": "disgust",
                "fear": "fear",
                "nervousness": "fear",
                **dict.fromkeys(_JOY, "happiness"),
                **dict.fromkeys(_SADNESS, "sadness"),
                **dict.fromkeys(_SURPRISE, "surprise"),
            },
            reason="the grouping under Ekman's six that GoEmotions publishes (Demszky et al. 2020)",
        ),
    )
}


def map_to_core(name: str) -> VocabularyMap:
    """Return the current map of a vocabulary to ``core-7``.

    Raises:
        InvalidValue: No vocabulary has that name.
    """
    return _TO_CORE[vocabulary(name).name]


def to_core(name: str, scores: Mapping[str, float]) -> dict[str, float]:
    """View scores over any vocabulary as a distribution over ``core-7``.

    Mass flows along the map and is then scaled to sum to 1, which for labels that stand alone
    (``goemotions-28``) turns independent probabilities into shares.

    Args:
        name: Vocabulary of the scores.
        scores: Label to score, each in [0, 1]; absent labels count as 0.

    Returns:
        Label of ``core-7`` to share in [0, 1]; all 0 where every score is 0.

    Raises:
        InvalidValue: Unknown vocabulary, or a label that it lacks.
    """
    pairs = map_to_core(name).pairs
    shares = dict.fromkeys(vocabulary("core-7").labels, 0.0)
    for label, score in scores.items():
        if label not in pairs:
            raise InvalidValue(f"label {label!r} is not in {name}; valid: {', '.join(pairs)}")
        shares[pairs[label]] += score
    total = sum(shares.values())
    return {label: share / total if total > 0 else 0.0 for label, share in shares.items()}

"""Valence and arousal of each category, and of a distribution over categories.

The coordinates are the mean ratings that Russell and Mehrabian published for English emotion terms;
pleasure is valence here. A category whose own term they did not rate takes the coordinates of the
rated term named beside it.

Source: Russell, J. A. and Mehrabian, A. (1977). Evidence for a three-factor theory of emotions.
Journal of Research in Personality 11, 273-294. The plane they span is the circumplex of Russell, J.
A. (1980). A circumplex model of affect. Journal of Personality and Social Psychology 39, 1161-1178.
"""

from __future__ import annotations

from collections.abc import Mapping

from affectscope.affect.vocabularies import VOCABULARIES, vocabulary
from affectscope.errors import InvalidValue

TERMS: dict[str, tuple[float, float]] = {
    "angry": (-0.51, 0.59),
    "curious": (0.22, 0.62),
    "discouraged": (-0.61, -0.15),
    "disgusted": (-0.60, 0.35),
    "displeased": (-0.55, 0.16),
    "fearful": (-0.64, 0.60),
    "happy": (0.81, 0.51),
    "hopeful": (0.51, 0.23),
    "in love": (0.82, 0.65),
    "puzzled": (-0.41, 0.48),
    "regretful": (-0.52, 0.02),
    "relaxed": (0.68, -0.46),
    "sad": (-0.63, -0.27),
    "shamed": (-0.57, 0.01),
    "surprised": (0.40, 0.67),
    "thankful": (0.61, 0.10),
    "untroubled": (0.79, -0.01),
}
"""Rated term to (valence, arousal), each in [-1, 1]."""

RATED_TERM: dict[str, str | None] = {
    # Terms of the basic categories and their spellings in the four vocabularies.
    "neutral": None,
    "happiness": "happy",
    "happy": "happy",
    "surprise": "surprised",
    "surprised": "surprised",
    "sadness": "sad",
    "sad": "sad",
    "anger": "angry",
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "fearful": "fearful",
    "contempt": "disgusted",
    "calm": "relaxed",
    # The finer categories of GoEmotions.
    "admiration": "happy",
    "amusement": "happy",
    "annoyance": "displeased",
    "approval": "happy",
    "caring": "in love",
    "confusion": "puzzled",
    "curiosity": "curious",
    "desire": "hopeful",
    "disappointment": "discouraged",
    "disapproval": "displeased",
    "embarrassment": "shamed",
    "excitement": "happy",
    "gratitude": "thankful",
    "grief": "sad",
    "joy": "happy",
    "love": "in love",
    "nervousness": "fearful",
    "optimism": "hopeful",
    "pride": "happy",
    "realization": "surprised",
    "relief": "untroubled",
    "remorse": "regretful",
}
"""Label to the rated term whose coordinates it takes; None is the origin."""

_COORDINATES: dict[str, dict[str, tuple[float, float]]] = {
    name: {
        label: TERMS[term] if (term := RATED_TERM[label]) else (0.0, 0.0) for label in one.labels
    }
    for name, one in VOCABULARIES.items()
}


def coordinates(name: str) -> dict[str, tuple[float, float]]:
    """Return label to (valence, arousal), each in [-1, 1], for every label of a vocabulary.

    Raises:
        InvalidValue: No vocabulary has that name.
    """
    return dict(_COORDINATES[vocabulary(name).name])


def circumplex(name: str, scores: Mapping[str, float]) -> tuple[float, float]:
    """Place scores over a vocabulary on the circumplex.

    The place is the mean of the labels' coordinates, weighted by the scores.

    Args:
        name: Vocabulary of the scores.
        scores: Label to score, each in [0, 1]; they need not sum to 1.

    Returns:
        (valence, arousal), each in [-1, 1]; the origin where every score is 0.

    Raises:
        InvalidValue: Unknown vocabulary, or a label that it lacks.
    """
    places = _COORDINATES[vocabulary(name).name]
    valence = arousal = total = 0.0
    for label, score in scores.items():
        if label not in places:
            raise InvalidValue(f"label {label!r} is not in {name}; valid: {', '.join(places)}")
        valence += score * places[label][0]
        arousal += score * places[label][1]
        total += score
    return (valence / total, arousal / total) if total > 0 else (0.0, 0.0)

"""A conversation as a whole: speakers, trends, turning points, and who follows whom."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from affectscope.affect import (
    ConversationSummary,
    Reciprocity,
    Segment,
    SpeakerSummary,
    Trend,
    TurningPoint,
)
from affectscope.chat.statistics import Values, changes, correlation, theil_sen

LEAST_JUDGED = 12
"""Judged messages of a speaker below which no trend and no turning point is told."""

LEAST_EXCHANGES = 12
"""Exchanges below which nothing is said of whether one speaker follows the other."""

_MOST_EXCHANGES = 2000
"""Exchanges that are compared, the last ones of more."""

_MOST_SPEAKERS = 50
"""Speakers that are summarised, those with the most messages of more."""

_MOST_KEPT = 1000
"""Speakers, and pairs of them, of which anything is kept; further ones are counted only.

An export in which every message has a speaker of its own must not fill the memory.
"""

_MOST_PAIRS = 20
"""Pairs of speakers that are compared, those with the most exchanges of more."""

_LABELS = 6


@dataclass
class _Speaker:
    """What is kept of one speaker's messages: some 30 bytes each."""

    messages: int = 0
    numbers: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    valence: array[float] = field(default_factory=lambda: array("f"))
    arousal: array[float] = field(default_factory=lambda: array("f"))
    labels: Counter[str] = field(default_factory=Counter)


@dataclass
class _Turn:
    """Messages of one speaker that no other one interrupted."""

    speaker: str
    total: float = 0.0
    judged: int = 0

    @property
    def valence(self) -> float | None:
        return self.total / self.judged if self.judged else None


class ConversationStatistics:
    """Takes the messages of a conversation one by one and then says what they say together.

    Memory grows by some 50 bytes a message.
    """

    def __init__(self) -> None:
        self._messages = 0
        self._abstained: Counter[str] = Counter()
        self._speakers: dict[str, _Speaker] = {}
        self._turn: _Turn | None = None
        self._before: _Turn | None = None
        self._exchanges: dict[tuple[str, str], tuple[array[float], array[float]]] = {}

    def add(self, speaker: str, segment: Segment) -> None:
        """Take the next message, in the order of the conversation."""
        number, self._messages = self._messages, self._messages + 1
        one = self._speakers.get(speaker)
        if one is None:
            one = _Speaker()
            if len(self._speakers) < _MOST_KEPT:
                self._speakers[speaker] = one
        one.messages += 1
        if self._turn is None or self._turn.speaker != speaker:
            self._close_turn()
            self._before, self._turn = self._turn, _Turn(speaker)
        affect = segment.affect
        if affect is None:
            self._abstained[segment.abstained or "unknown"] += 1
            return
        one.numbers.append(number)
        one.times.append(segment.start)
        one.valence.append(affect.valence)
        one.arousal.append(affect.arousal)
        one.labels.update({affect.label, *affect.present})
        self._turn.total += affect.valence
        self._turn.judged += 1

    def _close_turn(self) -> None:
        """Note the turn that ends as an answer to the one before it."""
        first, second = self._before, self._turn
        if first is None or second is None:
            return
        said, answered = first.valence, second.valence
        if said is None or answered is None:
            return
        key = (second.speaker, first.speaker)
        if key not in self._exchanges and len(self._exchanges) >= _MOST_KEPT:
            return
        pair = self._exchanges.setdefault(key, (array("f"), array("f")))
        pair[0].append(said)
        pair[1].append(answered)

    def summary(self) -> ConversationSummary:
        """Return what all messages so far say together; call it once, at the end."""
        self._close_turn()
        self._before = None
        largest = sorted(self._speakers, key=lambda name: -self._speakers[name].messages)
        kept = set(largest[:_MOST_SPEAKERS])
        pairs = sorted(self._exchanges, key=lambda pair: -len(self._exchanges[pair][0]))
        return ConversationSummary(
            messages=self._messages,
            judged=self._messages - sum(self._abstained.values()),
            abstained=dict(self._abstained),
            speakers=tuple(
                _summary(name, one) for name, one in self._speakers.items() if name in kept
            ),
            reciprocity=tuple(
                _reciprocity(*pair, *self._exchanges[pair]) for pair in pairs[:_MOST_PAIRS]
            ),
        )


def _summary(name: str, one: _Speaker) -> SpeakerSummary:
    valence = np.array(one.valence, np.float64)
    judged = len(valence)
    enough = judged >= LEAST_JUDGED
    return SpeakerSummary(
        speaker=name,
        messages=one.messages,
        judged=judged,
        valence=float(valence.mean()) if judged else None,
        arousal=float(np.mean(one.arousal)) if judged else None,
        valence_deviation=float(valence.std(ddof=1)) if judged > 1 else None,
        labels={label: times / judged for label, times in one.labels.most_common(_LABELS)},
        trend=_trend(valence) if enough else None,
        turning_points=_turning_points(one, valence) if enough else (),
    )


def _trend(valence: Values) -> Trend:
    line = theil_sen(valence)
    return Trend(slope=line.slope, low=line.low, high=line.high, messages=len(valence))


def _turning_points(one: _Speaker, valence: Values) -> tuple[TurningPoint, ...]:
    return tuple(
        TurningPoint(
            message=one.numbers[change.at],
            time=one.times[change.at],
            before=change.before,
            after=change.after,
            p_value=change.p_value,
        )
        for change in changes(valence)
    )


def _reciprocity(
    speaker: str, follows: str, said: array[float], answered: array[float]
) -> Reciprocity:
    exchanges = len(said)
    if exchanges < LEAST_EXCHANGES:
        return Reciprocity(
            speaker=speaker, follows=follows, exchanges=exchanges, abstained="too-few-exchanges"
        )
    found = correlation(
        np.array(said[-_MOST_EXCHANGES:], np.float64),
        np.array(answered[-_MOST_EXCHANGES:], np.float64),
    )
    if found is None:
        return Reciprocity(
            speaker=speaker, follows=follows, exchanges=exchanges, abstained="no-variation"
        )
    return Reciprocity(
        speaker=speaker,
        follows=follows,
        exchanges=exchanges,
        correlation=found[0],
        p_value=found[1],
    )

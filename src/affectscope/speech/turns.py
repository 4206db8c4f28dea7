"""Who speaks when: turns, pauses, gaps and overlaps, kept as the phrases pass by.

The floor is modelled as by Heldner, M. and Edlund, J. (2010), Pauses, gaps and overlaps in
conversations, Journal of Phonetics 38, 555-568: a silence within the speech of one is a pause, one at
a change of speakers a gap; speech wholly inside that of the holder of the floor does not take it, and
speech that outlasts it does, with an overlap.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from affectscope.affect import FloorTransfers, SpeakerTurns, TurnsSummarised, TurnTaking
from affectscope.speech.activity import PADDING_SECONDS

LAPSE_SECONDS = 3.0
"""A silence of so much ends a turn, and what follows is no transfer; ours, longer than any pause for
breath or thought."""

INTERRUPTION_SECONDS = 0.5
"""Overlap from which a change of speakers is an interruption; ours. Shorter ones are mostly the end of
a turn that was foreseen (Levinson, S. C. and Torreira, F. (2015), Timing in turn-taking and its
implications for processing models of language, Frontiers in Psychology 6, 731)."""

JOINED_SECONDS = 0.01
"""Phrases of one speaker that are no further apart are one that was cut for its length."""

_STEP = 0.01
_MOST = 3600.0


@dataclass
class Spread:
    """Number, sum and median of seconds, in memory that does not grow without bound.

    The median is that of values rounded to 10 ms, up to an hour.
    """

    count: int = 0
    total: float = 0.0
    _steps: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        """Take one more value."""
        self.count += 1
        self.total += seconds
        self._steps[round(max(-_MOST, min(_MOST, seconds)) / _STEP)] += 1

    @property
    def mean(self) -> float | None:
        """The mean, None of nothing."""
        return self.total / self.count if self.count else None

    @property
    def median(self) -> float | None:
        """The median, None of nothing."""
        if not self.count:
            return None
        lower, upper = (self.count - 1) // 2, self.count // 2
        found: list[int] = []
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            found += [step] * ((seen > lower) + (seen > upper) - len(found))
        return round(sum(found) * _STEP / 2, 3)


@dataclass
class _Speaker:
    phrases: int = 0
    speaking: float = 0.0
    turns: Spread = field(default_factory=Spread)
    pauses: Spread = field(default_factory=Spread)
    interruptions: int = 0
    backchannels: int = 0


@dataclass
class _Transfers:
    offsets: Spread = field(default_factory=Spread)
    gaps: Spread = field(default_factory=Spread)
    overlaps: Spread = field(default_factory=Spread)
    interruptions: int = 0


@dataclass
class _Talk:
    """Speech of one speaker without a pause, or a turn."""

    speaker: str
    start: float
    end: float


class TurnStatistics:
    """Takes the phrases of a recording, in order of their start, and then says who spoke when.

    Memory grows with the number of speakers and the length of what one says without a pause, not with
    that of the recording.
    """

    def __init__(self) -> None:
        self._waiting: list[_Talk] = []
        self._last: dict[str, _Talk] = {}
        self._speakers: dict[str, _Speaker] = {}
        self._pairs: dict[tuple[str, str], _Transfers] = defaultdict(_Transfers)
        self._turn: _Talk | None = None
        self._reached = self._doubled = 0.0
        self._speech = self._simultaneous = 0.0
        self._lapses = Spread()

    def add(self, speaker: str, start: float, end: float) -> None:
        """Take the next phrase.

        Args:
            speaker: Who speaks.
            start: When it begins, in seconds, with the padding of `SpeechFinder`; not before the one
                that was taken last.
            end: When it ends, likewise.
        """
        self._speakers.setdefault(speaker, _Speaker()).phrases += 1
        last = self._last.get(speaker)
        if last is not None and start - last.end <= JOINED_SECONDS:
            last.end = end
            return
        self._take(start)
        self._last[speaker] = _Talk(speaker, start, end)
        self._waiting.append(self._last[speaker])

    def record(self, duration: float) -> TurnsSummarised:
        """Return what is said of the recording, at its end.

        Args:
            duration: Seconds of sound.
        """
        self._take()
        self._close()
        speaking = sum(one.speaking for one in self._speakers.values())
        return TurnsSummarised(
            summary=TurnTaking(
                duration=duration,
                speech=self._speech,
                speech_ratio=min(1.0, self._speech / duration) if duration else 0.0,
                simultaneous=self._simultaneous,
                lapses=self._lapses.count,
                lapse_seconds=self._lapses.total,
                speakers=tuple(
                    _speaker(name, one, speaking) for name, one in sorted(self._speakers.items())
                ),
                transfers=tuple(_pair(*names, one) for names, one in sorted(self._pairs.items())),
            )
        )

    def _take(self, until: float = math.inf) -> None:
        """Take all speech in order of its start, up to what may still go on at a time."""
        while self._waiting and self._waiting[0].end + JOINED_SECONDS < until:
            talk = self._waiting.pop(0)
            start = talk.start + PADDING_SECONDS
            self._hear(_Talk(talk.speaker, start, max(start, talk.end - PADDING_SECONDS)))

    def _hear(self, talk: _Talk) -> None:
        quiet = talk.start - self._reached
        self._count(talk)
        turn, speaker = self._turn, self._speakers[talk.speaker]
        if turn is None:
            self._turn = talk
        elif quiet >= LAPSE_SECONDS:
            self._lapses.add(quiet)
            self._close()
            self._turn = talk
        elif turn.speaker == talk.speaker:
            speaker.pauses.add(talk.start - turn.end)
            turn.end = talk.end
        elif talk.end <= turn.end:
            speaker.backchannels += 1
        else:
            self._transfer(turn, talk)

    def _transfer(self, turn: _Talk, talk: _Talk) -> None:
        """Give the floor to who has begun to speak."""
        offset = talk.start - turn.end
        pair = self._pairs[talk.speaker, turn.speaker]
        pair.offsets.add(offset)
        (pair.gaps if offset >= 0 else pair.overlaps).add(abs(offset))
        if -offset >= INTERRUPTION_SECONDS:
            pair.interruptions += 1
            self._speakers[talk.speaker].interruptions += 1
        self._close()
        self._turn = talk

    def _close(self) -> None:
        """End the turn."""
        if self._turn is not None:
            self._speakers[self._turn.speaker].turns.add(self._turn.end - self._turn.start)
        self._turn = None

    def _count(self, talk: _Talk) -> None:
        """Count time in which one or several speak; everything earlier began earlier."""
        self._speakers[talk.speaker].speaking += talk.end - talk.start
        self._speech += max(0.0, talk.end - max(talk.start, self._reached))
        both = min(talk.end, self._reached)
        self._simultaneous += max(0.0, both - max(talk.start, self._doubled))
        self._doubled = max(self._doubled, both)
        self._reached = max(self._reached, talk.end)


def _speaker(name: str, one: _Speaker, speaking: float) -> SpeakerTurns:
    return SpeakerTurns(
        speaker=name,
        phrases=one.phrases,
        speaking=one.speaking,
        share=min(1.0, one.speaking / speaking) if speaking else 0.0,
        turns=one.turns.count,
        turn_mean=one.turns.mean,
        turn_median=one.turns.median,
        pauses=one.pauses.count,
        pause_seconds=one.pauses.total,
        pause_median=one.pauses.median,
        interruptions=one.interruptions,
        backchannels=one.backchannels,
    )


def _pair(speaker: str, follows: str, one: _Transfers) -> FloorTransfers:
    return FloorTransfers(
        speaker=speaker,
        follows=follows,
        transfers=one.offsets.count,
        gaps=one.gaps.count,
        gap_seconds=one.gaps.total,
        gap_median=one.gaps.median,
        overlaps=one.overlaps.count,
        overlap_seconds=one.overlaps.total,
        overlap_median=one.overlaps.median,
        offset_median=one.offsets.median,
        interruptions=one.interruptions,
    )

"""Who speaks, by channel: one person a channel in a call, the same voices in every other recording.

A channel in which only another one is heard, much fainter, is silenced there; what is left of each
channel is speech of its own. Where that lies at the same times in both channels, they hold the same
voices and are mixed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from affectscope.media import MOST_CHANNELS
from affectscope.speech.activity import LONGEST_SECONDS, Speech, SpeechFinder
from affectscope.speech.logmel import RATE

Channels = Literal["auto", "mix", "split"]
CHANNELS: tuple[Channels, ...] = get_args(Channels)
"""`auto`: two channels are kept apart where different people speak in them; `mix`: never; `split`:
always, and as many as there are."""

KEPT: dict[Channels, int] = {"auto": 2, "mix": 1, "split": MOST_CHANNELS}
"""Most channels that are looked at apart; more are mixed, but for `split`, which refuses them."""

CROSSTALK_DB = 10.0
"""A channel fainter than another one by more holds what leaks over from there, and no voice of its
own: between headsets, and between the microphones of people at a table, it is usually more."""

RELEASE_DB = 40.0
"""Decibels a second by which a loud channel loses its weight: an echo that comes a quarter of a second
later, 20 dB fainter, is silenced too, and an answer is not."""

FRAME = 320
"""Samples whose level is compared: 20 ms."""

SAME_SHARE = 0.01
"""Channels whose difference has less of the power of their sum are the same: mono, stored twice."""

EVIDENCE_SECONDS = 20.0
"""Speech after which it is decided whether both channels hold the same voices."""

SHARED_SHARE = 0.5
"""Share of the speech that lies at the same times in both channels, above which they hold the same
voices. People who talk with each other share about a tenth, two microphones nearly everything."""

SETTLED_SECONDS = LONGEST_SECONDS + 1.0
"""After so long a phrase is complete, whenever it began."""


@dataclass(frozen=True)
class Phrase(Speech):
    """A spoken phrase, and in which channel, from 1; 1 where channels are mixed."""

    channel: int = 1


class Listener(Protocol):
    """Turns the sound of a file into phrases, piece by piece."""

    def feed(self, samples: NDArray[np.float32], start: float) -> Iterable[Phrase]:
        """Return the phrases that the next piece completes, in order of their start.

        Args:
            samples: float32 [n, channels] in [-1, 1] at 16 kHz.
            start: When the piece starts, in seconds; it follows the one before without a gap.
        """

    def finish(self) -> Iterable[Phrase]:
        """Return the phrases that the end completes."""


def listener(channels: Channels, count: int) -> Listener:
    """Return what listens to a file.

    Args:
        channels: What is wanted.
        count: How many channels there are, 1 to `KEPT`.
    """
    if count == 1 or channels == "mix":
        return Mixed()
    return Split(count) if channels == "split" else Undecided()


class Mixed:
    """One voice at a time, from the mean of all channels."""

    def __init__(self) -> None:
        self._finder = SpeechFinder()

    def feed(self, samples: NDArray[np.float32], start: float) -> list[Phrase]:
        """Return the phrases that the next piece completes; see `Listener`."""
        return _phrases(self._finder.feed(_mean(samples), start))

    def finish(self) -> list[Phrase]:
        """Return the phrases that the end completes."""
        return _phrases(self._finder.finish())


class Split:
    """One person a channel.

    What two channels hold alike counts for the first.

    Args:
        count: How many channels.
    """

    def __init__(self, count: int) -> None:
        self._finders = [SpeechFinder() for _ in range(count)]
        self._gate = Gate(count)
        self._waiting: list[tuple[float, int, Phrase]] = []
        self.settled = 0.0
        """Up to this time every phrase that began before was handed out."""

    def feed(self, samples: NDArray[np.float32], start: float) -> list[Phrase]:
        """Return the phrases that the next piece settles; see `Listener`."""
        open_only = self._gate.silenced(samples)
        if are_same(samples):
            open_only[:, 1:] = 0.0
        for channel, finder in enumerate(self._finders, 1):
            one = np.ascontiguousarray(open_only[:, channel - 1])
            self._wait(_phrases(finder.feed(one, start), channel))
        self.settled = start + len(samples) / RATE - SETTLED_SECONDS
        return self._released()

    def finish(self) -> list[Phrase]:
        """Return the phrases that are left."""
        for channel, finder in enumerate(self._finders, 1):
            self._wait(_phrases(finder.finish(), channel))
        self.settled = np.inf
        return self._released()

    def _wait(self, phrases: Iterable[Phrase]) -> None:
        for phrase in phrases:
            heapq.heappush(self._waiting, (phrase.start, phrase.channel, phrase))

    def _released(self) -> list[Phrase]:
        found = []
        while self._waiting and self._waiting[0][0] <= self.settled:
            found.append(heapq.heappop(self._waiting)[2])
        return found


class Undecided:
    """Two channels of which it is not known yet whether they hold the same voices.

    As long as they are the same, sample for sample, they are mixed. From then on phrases are found
    in both and in their mean, and held back, until there is enough speech to decide.
    """

    def __init__(self) -> None:
        self._chosen: Listener | None = None
        self._same: Mixed | None = Mixed()
        self._mixed, self._split = Mixed(), Split(2)
        self._whole: list[Phrase] = []
        self._apart: list[Phrase] = []

    def feed(self, samples: NDArray[np.float32], start: float) -> list[Phrase]:
        """Return the phrases that the next piece completes; see `Listener`."""
        if self._chosen is not None:
            return list(self._chosen.feed(samples, start))
        found: list[Phrase] = []
        if self._same is not None:
            if are_same(samples):
                return self._same.feed(samples, start)
            found, self._same = self._same.finish(), None
        self._whole += self._mixed.feed(samples, start)
        self._apart += self._split.feed(samples, start)
        _, spoken = shared_speech(self._apart, self._split.settled)
        return found + (self._decide() if spoken >= EVIDENCE_SECONDS else [])

    def finish(self) -> list[Phrase]:
        """Return the phrases that are left, deciding with what there is."""
        if self._chosen is not None:
            return list(self._chosen.finish())
        if self._same is not None:
            return self._same.finish()
        self._whole += self._mixed.finish()
        self._apart += self._split.finish()
        return self._decide()

    def _decide(self) -> list[Phrase]:
        shared, spoken = shared_speech(self._apart, self._split.settled)
        whole = shared > SHARED_SHARE * spoken or not spoken
        self._chosen = self._mixed if whole else self._split
        found = self._whole if whole else self._apart
        self._whole, self._apart = [], []
        return found


class Gate:
    """Silences a channel where another one is louder by `CROSSTALK_DB`.

    Args:
        count: How many channels.
    """

    def __init__(self, count: int) -> None:
        self._loud = np.full(count, -np.inf)

    def silenced(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the next piece, float32 [n, channels], with zeros where only others are heard."""
        edges = np.arange(0, len(samples), FRAME)
        sizes = np.diff([*edges, len(samples)])
        power = np.add.reduceat(np.square(samples, dtype=np.float64), edges) / sizes[:, None]
        level = 10.0 * np.log10(np.maximum(power, 1e-12))
        # A level that falls by so much from frame to frame is one that stands still in a frame of
        # reference that falls likewise.
        fall = RELEASE_DB * FRAME / RATE * np.arange(1, len(edges) + 1)[:, None]
        loud = np.maximum.accumulate(np.vstack([self._loud, level + fall]))[1:] - fall
        self._loud = loud[-1]
        is_open = np.stack(
            [
                level[:, channel] >= np.delete(loud, channel, 1).max(1) - CROSSTALK_DB
                for channel in range(samples.shape[1])
            ],
            1,
        )
        silenced: NDArray[np.float32] = samples * np.repeat(is_open, sizes, 0)
        return silenced


def are_same(samples: NDArray[np.float32]) -> bool:
    """Tell whether two channels, float32 [n, 2], hold the same; three or more never do."""
    if samples.shape[1] != 2:
        return False
    left, right = samples[:, 0].astype(np.float64), samples[:, 1]
    return float(np.square(left - right).sum()) <= SAME_SHARE * float(np.square(left + right).sum())


def shared_speech(phrases: Sequence[Phrase], until: float) -> tuple[float, float]:
    """Return for how long both channels speak at once, and for how long any does, in seconds.

    Args:
        phrases: Of channels 1 and 2.
        until: What lies behind this time is left out.
    """
    spans = [
        [(one.start, min(one.end, until)) for one in phrases if one.channel == channel]
        for channel in (1, 2)
    ]
    lengths = [sum(max(0.0, end - start) for start, end in span) for span in spans]
    shared = sum(
        max(0.0, min(end, other_end) - max(start, other_start))
        for start, end in spans[0]
        for other_start, other_end in spans[1]
    )
    return shared, sum(lengths) - shared


def _mean(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = samples.mean(1) if samples.shape[1] > 1 else samples[:, 0]
    return mean


def _phrases(found: Iterator[Speech], channel: int = 1) -> list[Phrase]:
    return [Phrase(one.start, one.samples, channel) for one in found]

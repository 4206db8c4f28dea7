"""Where somebody speaks: an endless signal becomes spoken segments that respect pauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.logmel import RATE
from affectscope.speech.silero import CHUNK, SileroDetector

OPENS, CLOSES = 0.5, 0.35
"""Speech begins at the first probability and ends below the second: two thresholds do not flicker."""

PAUSE_SECONDS = 0.4
"""Silence that ends a segment: longer than the closure of a plosive, shorter than a breath."""

SHORTEST_SECONDS = 0.25
"""Anything shorter is a click or a cough."""

LONGEST_SECONDS = 15.0
"""A longer one is cut where speech was least likely in its last third."""

PADDING_SECONDS = 0.1
"""Kept on either side, for the soft onsets and endings that a detector misses."""


@dataclass(frozen=True)
class Speech:
    """A spoken segment: when it starts in seconds, and its mono samples at 16 kHz."""

    start: float
    samples: NDArray[np.float32]

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.start + len(self.samples) / RATE


class SpeechFinder:
    """Finds speech in a signal that arrives piece by piece; holds no more than one segment of it.

    Other threads run while a piece is judged.

    Attributes:
        spoken: Seconds of speech found so far.
    """

    def __init__(self) -> None:
        self._detector = SileroDetector()
        self._rest: NDArray[np.float32] = np.zeros(0, np.float32)
        self._chunks: list[NDArray[np.float32]] = []
        self._odds: list[float] = []
        self._open = False
        self._quiet = 0
        self._position = 0
        self._origin: float | None = None
        self.spoken = 0.0

    def feed(self, samples: NDArray[np.float32], start: float) -> Iterator[Speech]:
        """Take the next piece and yield the segments that it completes.

        Args:
            samples: Mono float32 [n] in [-1, 1] at 16 kHz.
            start: When the piece starts, in seconds; it follows the one before without a gap.
        """
        if self._origin is None:
            self._origin = start
        signal = np.concatenate([self._rest, samples])
        whole = len(signal) // CHUNK * CHUNK
        self._rest = signal[whole:]
        yield from self._judge(signal[:whole])

    def finish(self) -> Iterator[Speech]:
        """Yield the segment that the end of the signal completes."""
        if len(self._rest):
            yield from self._judge(np.pad(self._rest, (0, CHUNK - len(self._rest))))
            self._rest = self._rest[:0]
        if self._open:
            yield from self._close(len(self._chunks))

    @property
    def underway(self) -> float | None:
        """When the segment began that goes on, in seconds; None where nobody speaks."""
        if not self._open:
            return None
        return (self._origin or 0.0) + (self._position - len(self._chunks)) * CHUNK / RATE

    @property
    def pause(self) -> float:
        """Seconds of silence that the segment which goes on ends with so far."""
        return self._quiet * CHUNK / RATE

    def so_far(self) -> Speech | None:
        """Return the segment that goes on, as it would be if the silence at its end went on.

        None where nobody speaks, or not for long enough yet.
        """
        start = self.underway
        kept = len(self._chunks) - max(0, self._quiet - _chunks(PADDING_SECONDS))
        if start is None or self._voiced(kept) < SHORTEST_SECONDS:
            return None
        return Speech(start, np.concatenate(self._chunks[:kept]))

    def _judge(self, signal: NDArray[np.float32]) -> Iterator[Speech]:
        """Take whole chunks."""
        every = self._detector.probabilities(signal).tolist()
        for chunk, odds in zip(signal.reshape(-1, CHUNK), every, strict=True):
            yield from self._take(chunk, odds)

    def _take(self, chunk: NDArray[np.float32], odds: float) -> Iterator[Speech]:
        """Take a chunk with its probability of speech."""
        self._chunks.append(chunk)
        self._odds.append(odds)
        self._position += 1
        if not self._open:
            if odds >= OPENS:
                self._open, self._quiet = True, 0
            else:
                # Only what may become padding is worth keeping.
                keep = _chunks(PADDING_SECONDS)
                del self._chunks[:-keep], self._odds[:-keep]
            return
        self._quiet = self._quiet + 1 if odds < CLOSES else 0
        if self._quiet >= _chunks(PAUSE_SECONDS):
            yield from self._close(len(self._chunks) - self._quiet + _chunks(PADDING_SECONDS))
        elif len(self._chunks) >= _chunks(LONGEST_SECONDS):
            third = len(self._chunks) * 2 // 3
            yield from self._close(third + int(np.argmin(self._odds[third:])) + 1, goes_on=True)

    def _close(self, count: int, *, goes_on: bool = False) -> Iterator[Speech]:
        """Yield the first `count` chunks as a segment; the rest begins what follows."""
        first = self._position - len(self._chunks)
        samples = np.concatenate(self._chunks[:count])
        voiced = self._voiced(count)
        del self._chunks[:count], self._odds[:count]
        self._open, self._quiet = goes_on, 0
        if voiced >= SHORTEST_SECONDS:
            self.spoken += voiced
            yield Speech((self._origin or 0.0) + first * CHUNK / RATE, samples)

    def _voiced(self, count: int) -> float:
        """Return the seconds of speech in the first `count` chunks."""
        return sum(odds >= CLOSES for odds in self._odds[:count]) * CHUNK / RATE


def _chunks(seconds: float) -> int:
    return max(1, round(seconds * RATE / CHUNK))

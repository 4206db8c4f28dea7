"""Resolutions at which samples are kept, and how frames become those of a coarser one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.blocks import Floats, Tail


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution.

    Args:
        number: As in the database; 0 is the finest.
        bucket: Seconds that one frame stands for; 0 for frames as scraped.
        block: Seconds of one packed block; a multiple of the buckets of all levels up to this.
        keep: Seconds for which blocks are kept.
    """

    number: int
    bucket: float
    block: float
    keep: float


LEVELS = (
    Level(0, bucket=0, block=300, keep=3600),
    Level(1, bucket=10, block=1800, keep=6 * 3600),
    Level(2, bucket=60, block=3 * 3600, keep=30 * 86400),
    # For objectives: a window of 30 d reads 2,880 frames of each service instead of 43,200.
    Level(3, bucket=900, block=2 * 86400, keep=400 * 86400),
)
"""Finest first."""


class History:
    """One level of one target: which packed blocks there are, and the samples not yet packed."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.starts: list[float] = []
        self.closing: dict[float, Tail] = {}
        self.tail = Tail(0.0)
        self.last = -np.inf

    @property
    def begin(self) -> float:
        """Time of the first samples, or infinity."""
        firsts = self.starts[:1] + [tail.start for tail in self.closing.values()]
        if len(self.tail):
            firsts.append(float(self.tail.times[0]))
        return min(firsts, default=np.inf)

    def append(self, time: float, row: Floats) -> Tail | None:
        """Add a frame.

        Returns:
            The tail which that frame closed, to be packed, or None.
        """
        start = time // self.level.block * self.level.block
        closed = None
        if start != self.tail.start:
            if len(self.tail):
                closed = self.tail
                self.closing[closed.start] = closed
            self.tail = Tail(start)
        self.tail.append(time, row)
        self.last = time
        return closed


@dataclass
class Bucket:
    """Samples of one target that become one frame of a coarser level.

    Counters and histograms keep the last value, gauges their mean. The frame bears the time of the
    last sample, so that a rate over coarser frames meets true values at their true times. Where
    counters start anew, the bucket ends before, once: what they had counted is not lost.
    """

    level: Level
    index: float = -1.0
    time: float = 0.0
    split: bool = False
    last: Floats = field(default_factory=lambda: np.empty(0))
    total: Floats = field(default_factory=lambda: np.empty(0))
    count: Floats = field(default_factory=lambda: np.empty(0))

    def add(
        self, time: float, row: Floats, gauges: NDArray[np.bool_], counters: NDArray[np.bool_]
    ) -> tuple[float, Floats]:
        """Add a frame.

        Args:
            time: Of the frame.
            row: Values by column.
            gauges: Which columns keep their mean.
            counters: Which columns only grow.

        Returns:
            Time and values of the bucket which that ends; no values where it ends none.
        """
        index = time // self.level.bucket
        ended = (self.time, np.empty(0))
        both = min(len(row), len(self.last))
        fell = not self.split and np.any((row[:both] < self.last[:both]) & counters[:both])
        if index != self.index or fell:
            ended = (self.time, self._values(gauges))
            # A target whose "counters" keep falling must not fill the coarser levels.
            self.split = index == self.index
            self.index = index
            self.last = np.full(len(row), np.nan)
            self.total = np.zeros(len(row))
            self.count = np.zeros(len(row))
        if len(row) > len(self.last):
            more = len(row) - len(self.last)
            self.last = np.pad(self.last, (0, more), constant_values=np.nan)
            self.total = np.pad(self.total, (0, more))
            self.count = np.pad(self.count, (0, more))
        there = np.flatnonzero(~np.isnan(row))
        self.last[there] = row[there]
        self.total[there] += row[there]
        self.count[there] += 1
        self.time = time
        return ended

    def _values(self, gauges: NDArray[np.bool_]) -> Floats:
        averaged = np.flatnonzero(gauges[: len(self.last)] & (self.count > 1))
        values = self.last.copy()
        values[averaged] = self.total[averaged] / self.count[averaged]
        return values


def plan(
    histories: Sequence[History], start: float, end: float, resolution: float
) -> list[tuple[History, float, float]]:
    """Choose which level answers for which time.

    Where the finest level reaches back to the start, it answers alone. Otherwise a coarser one that
    is fine enough for the resolution asked for answers for as long as it has frames; finer levels
    then only for what it has not rolled up yet, coarser ones for what lies before it.

    Returns:
        Histories, oldest time first, each with its own part: after (excluded), until (included).
    """
    chosen = 0
    if start < histories[0].begin > min(history.begin for history in histories):
        for number, history in enumerate(histories):
            if history.level.bucket <= resolution and len(history.tail):
                chosen = number
    just_before = float(np.nextafter(start, -np.inf))
    parts: list[tuple[History, float, float]] = []
    until = end
    for number, history in enumerate(histories):
        if number < chosen:
            after = histories[number + 1].last
        elif number + 1 < len(histories):
            after = float(np.nextafter(history.begin, -np.inf))
        else:
            after = just_before
        after = max(after, just_before)
        if after < until:
            parts.append((history, after, until))
            until = after
    return parts[::-1]

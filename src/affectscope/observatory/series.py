"""What is known of a target: its series, each with a column, and its newest samples."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.blocks import Floats, Tail
from affectscope.observatory.matchers import NAME, Matcher

Kind = Literal["counter", "gauge", "histogram", "summary", "untyped"]
Labels = Mapping[str, str]
SeriesKey = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class TargetKey:
    """Where samples come from.

    Args:
        service: Name of the service; "" for none.
        instance: `host:port`.
        job: Name of the group of targets.
    """

    service: str
    instance: str
    job: str = "affectscope"

    @property
    def labels(self) -> dict[str, str]:
        """Labels that every series of the target has unless it brings its own."""
        labels = {"job": self.job, "instance": self.instance, "service": self.service}
        return {name: value for name, value in labels.items() if value}


@dataclass(frozen=True, slots=True)
class MetricSample:
    """One value of one series.

    Args:
        name: Of the metric, with `_bucket`, `_sum` and the like.
        labels: Without the name.
        value: NaN counts as absent.
        kind: Decides how the series is rolled up.
    """

    name: str
    labels: Labels
    value: float
    kind: Kind = "untyped"


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
            firsts.append(self.tail.start)
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
    last sample, so that a rate over coarser frames meets true values at their true times.
    """

    level: Level
    index: float = -1.0
    time: float = 0.0
    last: Floats = field(default_factory=lambda: np.empty(0))
    total: Floats = field(default_factory=lambda: np.empty(0))
    count: Floats = field(default_factory=lambda: np.empty(0))

    def add(self, time: float, row: Floats, gauges: NDArray[np.bool_]) -> tuple[float, Floats]:
        """Add a frame; return the time and values of the bucket which that ends, or no values."""
        index = time // self.level.bucket
        ended = (self.time, np.empty(0))
        if index != self.index:
            ended = (self.time, self._values(gauges))
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


class Target:
    """One target: its series by column, and its history at every level.

    Args:
        number: In the database.
        key: Where the samples come from.
        levels: Finest first.
        most_series: Series above these are dropped.
    """

    def __init__(
        self, number: int, key: TargetKey, levels: Sequence[Level], most_series: int
    ) -> None:
        self.number = number
        self.key = key
        self.labels: list[dict[str, str]] = []
        self.histories = [History(level) for level in levels]
        self.buckets = [Bucket(level) for level in levels[1:]]
        self._most = most_series
        self._gauges = np.zeros(0, bool)
        self._columns: dict[SeriesKey, int] = {}
        self._by_name: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def gauges(self) -> NDArray[np.bool_]:
        """Which columns are gauges, shape (series or more,)."""
        return self._gauges

    def column(self, name: str, labels: Labels, kind: Kind) -> tuple[int, bool]:
        """Return the column of a series, and whether it is new; -1 where there is no room."""
        key = (name, tuple(sorted(labels.items())))
        column = self._columns.get(key)
        if column is not None:
            return column, False
        own = {label: value for label, value in labels.items() if value}
        merged = {**self.key.labels, **own, NAME: name}
        column = self._columns.get(_key(merged))
        new = column is None
        if column is None:
            if len(self.labels) >= self._most:
                return -1, False
            column = self.restore(merged, kind)
        self._columns[key] = column
        return column, new

    def restore(self, labels: dict[str, str], kind: str) -> int:
        """Take a series with all of its labels into the next column, and return the column."""
        column = len(self.labels)
        self.labels.append(labels)
        if column >= len(self._gauges):
            self._gauges = np.pad(self._gauges, (0, max(64, column)))
        self._gauges[column] = kind == "gauge"
        self._by_name.setdefault(labels[NAME], []).append(column)
        self._columns[_key(labels)] = column
        return column

    def find(self, matchers: Sequence[Matcher]) -> list[int]:
        """Return the columns of the series that pass all matchers, ascending."""
        columns: Sequence[int] = range(len(self.labels))
        for matcher in matchers:
            if matcher.name == NAME and matcher.operator == "=":
                columns = self._by_name.get(matcher.value, [])
        for matcher in matchers:
            test, name = matcher.test(), matcher.name
            columns = [c for c in columns if test(self.labels[c].get(name, ""))]
        return list(columns)


def _key(labels: Labels) -> SeriesKey:
    others = ((name, value) for name, value in labels.items() if name != NAME)
    return labels[NAME], tuple(sorted(others))


def insert_series(
    connection: sqlite3.Connection, target: int, column: int, labels: Labels, kind: str
) -> None:
    """Write a series; a job of the writing thread."""
    connection.execute(
        "INSERT OR REPLACE INTO metric_series VALUES (?, ?, ?, ?, ?)",
        (target, column, labels[NAME], json.dumps(labels), kind),
    )

"""What is known of a target: its series, each with a column, and its newest samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from affectscope.observatory.blocks import Floats
from affectscope.observatory.levels import Bucket, History, Level
from affectscope.observatory.matchers import NAME, Matcher

Kind = Literal["counter", "gauge", "histogram", "summary", "untyped"]
Labels = Mapping[str, str]
SeriesKey = tuple[str, tuple[tuple[str, str], ...]]

_REMEMBERED = 512
"""Selections of which a target remembers the series: rules and charts repeat the same ones."""


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
        self._counters = np.zeros(0, bool)
        self._columns: dict[SeriesKey, int] = {}
        self._by_name: dict[str, list[int]] = {}
        self._found: dict[tuple[Matcher, ...], Sequence[int]] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, time: float, row: Floats) -> Iterator[tuple[History, float, Floats]]:
        """Yield the frames that values of all series at one time bring, with their histories."""
        yield self.histories[0], time, row
        for bucket, history in zip(self.buckets, self.histories[1:], strict=True):
            when, values = bucket.add(time, row, self._gauges, self._counters)
            if len(values):
                yield history, when, values

    def resume(self) -> None:
        """Fill the buckets that were not over when the process ended, from the finest frames.

        Those reach back five minutes at most: the mean of a longer bucket is that of its end.
        """
        rolled = list(zip(self.buckets, self.histories[1:], strict=True))
        oldest = min((history.last for _, history in rolled), default=np.inf)
        for time, row in self.histories[0].tail.rows_after(oldest):
            for bucket, history in rolled:
                if time > history.last:
                    bucket.add(time, row, self._gauges, self._counters)

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
            self._counters = np.pad(self._counters, (0, max(64, column)))
        self._gauges[column] = kind == "gauge"
        self._counters[column] = kind in ("counter", "histogram")
        self._by_name.setdefault(labels[NAME], []).append(column)
        self._found.clear()
        self._columns[_key(labels)] = column
        return column

    def find(self, matchers: Sequence[Matcher]) -> Sequence[int]:
        """Return the columns of the series that pass all matchers, ascending."""
        key = tuple(matchers)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._search(key)
        return found

    def _search(self, matchers: Sequence[Matcher]) -> Sequence[int]:
        columns: Sequence[int] = range(len(self.labels))
        for matcher in matchers:
            if matcher.name == NAME and matcher.operator == "=":
                columns = self._by_name.get(matcher.value, [])
        for matcher in matchers:
            test, name = matcher.test(), matcher.name
            columns = [c for c in columns if test(self.labels[c].get(name, ""))]
        return columns


def _key(labels: Labels) -> SeriesKey:
    others = ((name, value) for name, value in labels.items() if name != NAME)
    return labels[NAME], tuple(sorted(others))

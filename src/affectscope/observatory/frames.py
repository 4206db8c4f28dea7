"""The metric store: frames of all series of a target, rolled up and packed into blocks.

A *frame* holds the values of all series of one target at one time. Frames exist at four levels: as
scraped, and one for each 10 s, minute and quarter of an hour; a coarser frame keeps the last value
of counters and histograms and the mean of gauges. The newest frames of a target lie in memory, and one
by one in the table `metric_frame`, from where a restart reads them. When a block of time is over
(5 min of raw frames, 30 min, 3 h, 2 d), its frames become a few rows of `metric_block`, each with 32
series: a query reads only the series that it wants, and 24 h of one are eight rows.

A value that is NaN means that the series was absent at that time (stale, in the words of
Prometheus).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import InvalidValue
from affectscope.observatory import metric_tables as tables
from affectscope.observatory.block_cache import BlockCache
from affectscope.observatory.blocks import Floats, Tail
from affectscope.observatory.database import Database
from affectscope.observatory.levels import LEVELS, History, Level, plan
from affectscope.observatory.matchers import Matcher
from affectscope.observatory.metric_tables import SCHEMA
from affectscope.observatory.series import Kind, Labels, MetricSample, Target, TargetKey

__all__ = ["SCHEMA", "MetricSample", "MetricStore", "TargetKey"]

MOST_SERIES = 20_000
"""Series of one target; a service of this system has below 3,000."""

MOST_TARGETS = 200
MOST_VALUES = 10_000_000
"""Values that one selection may return: 80 MB."""

_MOST_DESCRIPTIONS = 20_000
_LONGEST_DESCRIPTION = 1_000


class MetricStore:
    """Keeps the metrics of all targets.

    Every method may be called from any thread, and none from an event loop: they wait for the disk.

    Args:
        database: Made with `SCHEMA`.
        levels: Resolutions, finest first.
        most_series: Series of one target; those above are dropped and counted.
        cache_bytes: Memory for packed blocks that were read.
    """

    def __init__(
        self,
        database: Database,
        levels: Sequence[Level] = LEVELS,
        most_series: int = MOST_SERIES,
        cache_bytes: int = 64 << 20,
    ) -> None:
        self._database = database
        self._levels = tuple(levels)
        self._most_series = most_series
        self._lock = threading.RLock()
        self._targets: dict[TargetKey, Target] = {}
        self._descriptions: dict[str, tuple[str, str]] = {}
        self._cache = BlockCache(database, tables.SLICE, cache_bytes)
        self.dropped_series = 0
        """Values not kept because their target, or the store, had no room for another series."""
        self.dropped_frames = 0
        """Frames not kept because they came out of order, or could not be written."""
        self._load()

    def _load(self) -> None:
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, service, instance, job FROM metric_target ORDER BY id"
            ).fetchall()
            for number, *key in rows:
                target = Target(number, TargetKey(*key), self._levels, self._most_series)
                self._targets[target.key] = target
                for labels, kind in tables.series_of(connection, number):
                    target.restore(labels, kind)
                for history in target.histories:
                    level = history.level.number
                    history.starts = tables.block_starts(connection, number, level)
                    for time, row in tables.frames_of(connection, number, level):
                        closed = history.append(time, row)
                        if closed is not None:
                            self._close(target, history, closed)
                target.resume()

    def append(self, target: TargetKey, time: float, samples: Iterable[MetricSample]) -> int:
        """Keep samples of one target at one time; series of the target not among them end there.

        Args:
            target: Where they come from.
            time: Seconds since the epoch; frames older than the last of the target are dropped.
            samples: Any number.

        Returns:
            How many of them were dropped.
        """
        listed = list(samples)
        columns = self.columns(target, [(s.name, s.labels, s.kind) for s in listed])
        row = np.full(max(columns, default=-1) + 1, np.nan)
        for column, sample in zip(columns, listed, strict=True):
            if column >= 0:
                row[column] = sample.value
        if not self.append_row(target, time, row):
            return len(listed)
        return columns.count(-1)

    def columns(self, key: TargetKey, series: Sequence[tuple[str, Labels, Kind]]) -> list[int]:
        """Return the column of each series of a target; new series get the next ones.

        Args:
            key: The target.
            series: Name, labels and kind of each.

        Returns:
            Columns; -1 for a series that there is no room for.
        """
        with self._lock:
            target = self._target(key)
            columns: list[int] = []
            for name, labels, kind in series:
                column, new = (-1, False) if target is None else target.column(name, labels, kind)
                columns.append(column)
                if target is not None and new:
                    self._write(
                        partial(
                            tables.insert_series,
                            target=target.number,
                            column=column,
                            labels=target.labels[column],
                            kind=kind,
                        )
                    )
            self.dropped_series += columns.count(-1)
            return columns

    def append_row(self, key: TargetKey, time: float, row: Floats) -> bool:
        """Keep the values of all series of a target at one time.

        Args:
            key: The target.
            time: Seconds since the epoch.
            row: Values by column, as `columns` numbers them; columns beyond its end are absent.
                Must not be changed afterwards: it is written later.

        Returns:
            Whether it was kept; not when the target's last frame is as late or later.
        """
        with self._lock:
            target = self._target(key)
            if target is None or not target.histories[0].last < time < np.inf:
                self.dropped_frames += 1
                return False
            for history, when, values in target.take(time, row):
                closed = history.append(when, values)
                self._write(
                    partial(
                        tables.insert_frame,
                        target=target.number,
                        level=history.level.number,
                        time=when,
                        row=values,
                    )
                )
                if closed is not None:
                    self._close(target, history, closed)
        return True

    def _target(self, key: TargetKey) -> Target | None:
        target = self._targets.get(key)
        if target is None and len(self._targets) < MOST_TARGETS:
            number = max((known.number for known in self._targets.values()), default=0) + 1
            target = Target(number, key, self._levels, self._most_series)
            self._targets[key] = target
            self._write(
                partial(
                    tables.insert_target,
                    number=number,
                    service=key.service,
                    instance=key.instance,
                    job=key.job,
                )
            )
        return target

    def _close(self, target: Target, history: History, closed: Tail) -> None:
        """Have a block that is over packed, and what is older than its level keeps deleted."""
        level = history.level
        oldest = closed.start - level.keep

        def done(future: Future[None]) -> None:
            with self._lock:
                history.closing.pop(closed.start, None)
                if future.exception() is None:
                    kept = {start for start in history.starts if start >= oldest}
                    history.starts = sorted(kept | {closed.start})
                else:
                    self.dropped_frames += len(closed)

        self._database.write(
            partial(
                tables.insert_block,
                target=target.number,
                level=level.number,
                tail=closed,
                end=closed.start + level.block,
                oldest=oldest,
            )
        ).add_done_callback(done)

    def _write(self, job: Callable[[sqlite3.Connection], None]) -> None:
        def done(future: Future[None]) -> None:
            if future.exception() is not None:
                with self._lock:
                    self.dropped_frames += 1

        self._database.write(job).add_done_callback(done)

    def select(
        self,
        matchers: Sequence[Matcher],
        start: float,
        end: float,
        resolution: float = 0.0,
    ) -> list[tuple[dict[str, str], Floats, Floats]]:
        """Return series with their samples.

        Args:
            matchers: Series must pass all.
            start: Seconds since the epoch, included.
            end: Included.
            resolution: Seconds between samples that are close enough where the finest level does
                not cover all of the time anyway.

        Returns:
            For each series its labels, times (float64, ascending) and values (float64, NaN where
            the series was absent). Series of one target share the array of times.

        Raises:
            InvalidValue: More than 10 million values.
        """
        found = []
        budget = MOST_VALUES
        with self._lock:
            targets = list(self._targets.values())
        for target in targets:
            with self._lock:
                columns = target.find(matchers)
                labels = [target.labels[column] for column in columns]
            if columns:
                span = (start, end, resolution)
                times, values = self._samples(target, np.array(columns), span, budget)
                budget -= values.size
                if len(times):
                    found += [(labels[i], times, values[i]) for i in range(len(columns))]
        return found

    def _samples(
        self,
        target: Target,
        columns: NDArray[np.intp],
        span: tuple[float, float, float],
        budget: int,
    ) -> tuple[Floats, Floats]:
        with self._lock:
            # What is being packed counts as in memory until the database has it.
            parts = [
                (
                    history.level,
                    after,
                    until,
                    list(history.starts),
                    {
                        tail.start: (tail.times.copy(), tail.columns(columns))
                        for tail in (*history.closing.values(), history.tail)
                        if tail.start <= until and tail.start + history.level.block > after
                    },
                )
                for history, after, until in plan(target.histories, *span)
            ]
        pieces: list[tuple[Floats, Floats]] = []
        for level, after, until, starts, in_memory in parts:
            for start in sorted({*starts, *in_memory}):
                if start > until or start + level.block <= after:
                    continue
                times, values = in_memory.get(start) or self._cache.read(
                    target.number, level.number, start, columns
                )
                low = int(np.searchsorted(times, after, side="right"))
                high = int(np.searchsorted(times, until, side="right"))
                budget -= (high - low) * len(columns)
                if budget < 0:
                    raise InvalidValue(
                        f"the selection has more than {MOST_VALUES} values; narrow the selector "
                        "or shorten the time"
                    )
                if low < high:
                    pieces.append((times[low:high], values[:, low:high]))
        if not pieces:
            return np.empty(0), np.empty((len(columns), 0))
        return (
            np.concatenate([times for times, _ in pieces]),
            np.concatenate([values for _, values in pieces], axis=1),
        )

    def series(self, matchers: Sequence[Matcher]) -> list[dict[str, str]]:
        """Return the labels of all series that were ever kept and pass all matchers."""
        with self._lock:
            return [
                dict(target.labels[column])
                for target in self._targets.values()
                for column in target.find(matchers)
            ]

    def describe(self, metric: str, kind: str | None = None, text: str | None = None) -> None:
        """Remember what a metric is, until the process ends.

        Args:
            metric: Name without `_bucket` and the like.
            kind: As exposed: counter, gauge, histogram, summary or untyped; None keeps what it is.
            text: One sentence; None keeps what it is.
        """
        with self._lock:
            known = self._descriptions.get(metric)
            if known is not None or len(self._descriptions) < _MOST_DESCRIPTIONS:
                old_kind, old_text = known or ("unknown", "")
                kept = old_text if text is None else text[:_LONGEST_DESCRIPTION]
                self._descriptions[metric] = (kind or old_kind, kept)

    def descriptions(self) -> dict[str, tuple[str, str]]:
        """Return kind and text of every metric that was described."""
        with self._lock:
            return dict(self._descriptions)

    def delete_before(self, connection: sqlite3.Connection, before: float, limit: int) -> int:
        """Delete packed blocks that lie before a time, oldest first; a job of the writing thread.

        Args:
            connection: The one that writes.
            before: Seconds since the epoch.
            limit: Most rows to delete.

        Returns:
            Rows deleted.
        """
        spans = {level.number: level.block for level in self._levels}
        rows = tables.oldest_blocks(connection, before, spans, limit)
        gone = set(rows)
        with self._lock:
            for target in self._targets.values():
                for history in target.histories:
                    where = (target.number, history.level.number)
                    history.starts = [s for s in history.starts if (*where, s) not in gone]
        return len(rows)

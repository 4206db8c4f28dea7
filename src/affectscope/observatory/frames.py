"""The metric store: frames of all series of a target, rolled up and packed into blocks.

A *frame* holds the values of all series of one target at one time. Frames exist at three levels: as
scraped, one for each 10 s, and one for each minute; a coarser frame keeps the last value of
counters and histograms and the mean of gauges. The newest frames of a target lie in memory, and one
by one in the table `metric_frame`, from where a restart reads them. When a block of time is over
(5 min of raw frames, 30 min, 3 h), its frames become a few rows of `metric_block`, each with 32
series: a query reads only the series that it wants, and 24 h of one are eight rows.

A value that is NaN means that the series was absent at that time (stale, in the words of
Prometheus).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import InvalidValue
from affectscope.observatory.block_cache import BlockCache
from affectscope.observatory.blocks import Floats, Tail, pack, pack_frame, unpack_frame
from affectscope.observatory.database import Database
from affectscope.observatory.matchers import NAME, Matcher
from affectscope.observatory.series import (
    History,
    Kind,
    Labels,
    Level,
    MetricSample,
    Target,
    TargetKey,
    insert_series,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS metric_target (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, instance TEXT NOT NULL, job TEXT NOT NULL,
    UNIQUE (service, instance, job)
);
CREATE TABLE IF NOT EXISTS metric_series (
    target INTEGER NOT NULL, column INTEGER NOT NULL, name TEXT NOT NULL, labels TEXT NOT NULL,
    kind TEXT NOT NULL, PRIMARY KEY (target, column)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metric_frame (
    target INTEGER NOT NULL, level INTEGER NOT NULL, time REAL NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (target, level, time)
);
CREATE TABLE IF NOT EXISTS metric_block (
    target INTEGER NOT NULL, level INTEGER NOT NULL, start REAL NOT NULL, slice INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (target, level, start, slice)
);
"""

LEVELS = (
    Level(0, bucket=0, block=300, keep=3600),
    Level(1, bucket=10, block=1800, keep=6 * 3600),
    Level(2, bucket=60, block=3 * 3600, keep=30 * 86400),
)
"""Finest first."""

MOST_SERIES = 20_000
"""Series of one target; a service of this system has below 3,000."""

MOST_TARGETS = 200
MOST_VALUES = 20_000_000
"""Values that one selection may return: 160 MB."""

_SLICE = 32
"""Series that share a row of `metric_block`: those of a few metrics, as one target exposes them."""


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
        self._cache = BlockCache(database, _SLICE, cache_bytes)
        self.dropped_series = 0
        """Values not kept because their target, or the store, had no room for another series."""
        self.dropped_frames = 0
        """Frames not kept because they came out of order, or could not be written."""
        self._load()

    def _load(self) -> None:
        with self._database.read() as connection:
            for number, *key in connection.execute("SELECT * FROM metric_target ORDER BY id"):
                target_key = TargetKey(*key)
                self._targets[target_key] = Target(
                    number, target_key, self._levels, self._most_series
                )
            for target in self._targets.values():
                self._load_target(connection, target)

    def _load_target(self, connection: sqlite3.Connection, target: Target) -> None:
        for labels, kind in connection.execute(
            "SELECT labels, kind FROM metric_series WHERE target = ? ORDER BY column",
            (target.number,),
        ):
            target.restore(json.loads(labels), kind)
        for history in target.histories:
            which = (target.number, history.level.number)
            history.starts = [
                start
                for (start,) in connection.execute(
                    "SELECT DISTINCT start FROM metric_block WHERE target = ? AND level = ?"
                    " ORDER BY start",
                    which,
                )
            ]
            for time, data in connection.execute(
                "SELECT time, data FROM metric_frame WHERE target = ? AND level = ? ORDER BY time",
                which,
            ):
                closed = history.append(time, unpack_frame(data))
                if closed is not None:
                    self._close(target, history, closed)
        rolled = target.histories[1:]
        for time, row in target.histories[0].tail.rows_after(
            min((history.last for history in rolled), default=np.inf)
        ):
            for bucket, history in zip(target.buckets, rolled, strict=True):
                if time > history.last:
                    bucket.add(time, row, target.gauges)

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
            if target is None:
                self.dropped_series += len(series)
                return [-1] * len(series)
            columns: list[int] = []
            for name, labels, kind in series:
                column, new = target.column(name, labels, kind)
                columns.append(column)
                if new:
                    full = target.labels[column]
                    self._write(
                        partial(
                            insert_series,
                            target=target.number,
                            column=column,
                            labels=full,
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

        Returns:
            Whether it was kept; not when the target's last frame is as late or later.
        """
        with self._lock:
            target = self._target(key)
            if target is None or not time > target.histories[0].last:
                self.dropped_frames += 1
                return False
            self._take(target, target.histories[0], time, row)
            for bucket, history in zip(target.buckets, target.histories[1:], strict=True):
                when, values = bucket.add(time, row, target.gauges)
                if len(values):
                    self._take(target, history, when, values)
        return True

    def _target(self, key: TargetKey) -> Target | None:
        target = self._targets.get(key)
        if target is None and len(self._targets) < MOST_TARGETS:
            number = max((known.number for known in self._targets.values()), default=0) + 1
            target = Target(number, key, self._levels, self._most_series)
            self._targets[key] = target
            values = (number, key.service, key.instance, key.job)
            self._write(
                lambda connection: connection.execute(
                    "INSERT INTO metric_target VALUES (?, ?, ?, ?)", values
                )
            )
        return target

    def _take(self, target: Target, history: History, time: float, row: Floats) -> None:
        closed = history.append(time, row)
        where = (target.number, history.level.number, time)
        self._write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO metric_frame VALUES (?, ?, ?, ?)", (*where, pack_frame(row))
            )
        )
        if closed is not None:
            self._close(target, history, closed)

    def _close(self, target: Target, history: History, closed: Tail) -> None:
        """Have a block that is over packed, and what is older than its level keeps deleted."""
        level = history.level
        oldest = closed.start - level.keep

        def job(connection: sqlite3.Connection) -> None:
            where = (target.number, level.number)
            for number, first in enumerate(range(0, closed.width, _SLICE)):
                columns = np.arange(first, first + _SLICE)
                matrix = np.vstack([closed.times, closed.columns(columns)])
                connection.execute(
                    "INSERT OR REPLACE INTO metric_block VALUES (?, ?, ?, ?, ?)",
                    (*where, closed.start, number, pack(matrix)),
                )
            connection.execute(
                "DELETE FROM metric_frame WHERE target = ? AND level = ? AND time < ?",
                (*where, closed.start + level.block),
            )
            connection.execute(
                "DELETE FROM metric_block WHERE target = ? AND level = ? AND start < ?",
                (*where, oldest),
            )

        def done(future: Future[None]) -> None:
            with self._lock:
                history.closing.pop(closed.start, None)
                if future.exception() is None:
                    kept = {start for start in history.starts if start >= oldest}
                    history.starts = sorted(kept | {closed.start})
                else:
                    self.dropped_frames += len(closed)

        self._database.write(job).add_done_callback(done)

    def _write(self, job: Callable[[sqlite3.Connection], object]) -> None:
        def done(future: Future[object]) -> None:
            if future.exception() is not None:
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
            InvalidValue: More than 20 million values.
        """
        found = []
        budget = MOST_VALUES
        with self._lock:
            targets = list(self._targets.values())
        for target in targets:
            with self._lock:
                columns = target.find(matchers)
                labels = [target.labels[column] for column in columns]
            if not columns:
                continue
            times, values = self._samples(target, np.array(columns), (start, end), resolution)
            budget -= values.size
            if budget < 0:
                raise InvalidValue(
                    f"the selection has more than {MOST_VALUES} values; narrow the selector or "
                    "shorten the time"
                )
            if len(times):
                found += [(labels[i], times, values[i]) for i in range(len(columns))]
        return found

    def _samples(
        self,
        target: Target,
        columns: NDArray[np.intp],
        span: tuple[float, float],
        resolution: float,
    ) -> tuple[Floats, Floats]:
        pieces: list[tuple[Floats, Floats]] = []
        with self._lock:
            plan = _plan(target.histories, *span, resolution)
            tails = {
                (history.level.number, tail.start): (tail.times.copy(), tail.columns(columns))
                for history, _, _ in plan
                for tail in (*history.closing.values(), history.tail)
            }
            packed = [(history, list(history.starts)) for history, _, _ in plan]
        for (history, after, until), (_, starts) in zip(plan, packed, strict=True):
            level = history.level
            in_memory = {start for number, start in tails if number == level.number}
            blocks: list[tuple[float, tuple[Floats, Floats]]] = [
                (start, tails[level.number, start]) for start in in_memory
            ]
            for start in starts:
                if start not in in_memory and start <= until and start + level.block > after:
                    blocks.append(
                        (start, self._cache.read(target.number, level.number, start, columns))
                    )
            for _, (times, values) in sorted(blocks, key=lambda block: block[0]):
                low = int(np.searchsorted(times, after, side="right"))
                high = int(np.searchsorted(times, until, side="right"))
                if low < high:
                    pieces.append((times[low:high], values[:, low:high]))
        if not pieces:
            return np.empty(0), np.empty((len(columns), 0))
        if len(pieces) == 1:
            return pieces[0]
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

    def label_names(self) -> list[str]:
        """Return the names of all labels, sorted."""
        return sorted({name for labels in self.series([]) for name in labels})

    def metric_names(self) -> list[str]:
        """Return the names of all metrics, sorted."""
        return sorted({labels[NAME] for labels in self.series([])})

    def delete_before(self, connection: sqlite3.Connection, before: float, limit: int) -> int:
        """Delete packed blocks that are older than a time, oldest first; a job of the writer.

        Args:
            connection: The one that writes.
            before: Seconds since the epoch.
            limit: Most rows to delete.

        Returns:
            Rows deleted.
        """
        # A block may end after its start by its level's length: only blocks wholly older go.
        spans = {level.number: level.block for level in self._levels}
        rows = connection.execute(
            "SELECT rowid, target, level, start FROM metric_block WHERE start < ?"
            " ORDER BY start LIMIT ?",
            (before, limit),
        ).fetchall()
        rows = [row for row in rows if row[3] + spans.get(row[2], 0.0) <= before]
        connection.executemany(
            "DELETE FROM metric_block WHERE rowid = ?", [(row[0],) for row in rows]
        )
        return len(rows)


def _plan(
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
    if histories[0].begin > start:
        for number, history in enumerate(histories):
            if history.level.bucket <= resolution and len(history.tail):
                chosen = number
    just_before = float(np.nextafter(start, -np.inf))
    plan: list[tuple[History, float, float]] = []
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
            plan.append((history, after, until))
            until = after
    return plan[::-1]

"""The tables of the metric store, and the jobs of the writing thread that fill them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping

import numpy as np

from affectscope.observatory.blocks import Floats, Tail, pack, pack_frame, unpack_frame
from affectscope.observatory.matchers import NAME

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
CREATE INDEX IF NOT EXISTS metric_block_start ON metric_block (start);
"""

SLICE = 32
"""Series that share a row of `metric_block`: those of a few metrics, as one target exposes them."""


def insert_target(
    connection: sqlite3.Connection, number: int, service: str, instance: str, job: str
) -> None:
    """Write a target."""
    connection.execute(
        "INSERT INTO metric_target VALUES (?, ?, ?, ?)", (number, service, instance, job)
    )


def insert_series(
    connection: sqlite3.Connection, target: int, column: int, labels: Mapping[str, str], kind: str
) -> None:
    """Write a series with all of its labels."""
    connection.execute(
        "INSERT OR REPLACE INTO metric_series VALUES (?, ?, ?, ?, ?)",
        (target, column, labels[NAME], json.dumps(labels), kind),
    )


def insert_frame(
    connection: sqlite3.Connection, target: int, level: int, time: float, row: Floats
) -> None:
    """Write the values of all series of a target at one time."""
    connection.execute(
        "INSERT OR REPLACE INTO metric_frame VALUES (?, ?, ?, ?)",
        (target, level, time, pack_frame(row)),
    )


def insert_block(
    connection: sqlite3.Connection, target: int, level: int, tail: Tail, end: float, oldest: float
) -> None:
    """Write a block that is over, and delete what it replaces and what is too old.

    Args:
        connection: The one that writes.
        target: Number of the target.
        level: Number of the level.
        tail: The frames of the block.
        end: Where the block ends; its frames before that are deleted.
        oldest: Blocks of the level that begin before that are deleted.
    """
    where = (target, level)
    for number, first in enumerate(range(0, tail.width, SLICE)):
        columns = np.arange(first, first + SLICE)
        matrix = np.vstack([tail.times, tail.columns(columns)])
        connection.execute(
            "INSERT OR REPLACE INTO metric_block VALUES (?, ?, ?, ?, ?)",
            (*where, tail.start, number, pack(matrix)),
        )
    connection.execute(
        "DELETE FROM metric_frame WHERE target = ? AND level = ? AND time < ?", (*where, end)
    )
    connection.execute(
        "DELETE FROM metric_block WHERE target = ? AND level = ? AND start < ?", (*where, oldest)
    )


def oldest_blocks(
    connection: sqlite3.Connection, before: float, spans: Mapping[int, float], limit: int
) -> list[tuple[int, int, float]]:
    """Delete rows of blocks that lie wholly before a time, oldest first.

    Args:
        connection: The one that writes.
        before: Seconds since the epoch.
        spans: Seconds of a block at each level.
        limit: Most rows to delete.

    Returns:
        Target, level and start of every row deleted.
    """
    rows = connection.execute(
        "SELECT rowid, target, level, start FROM metric_block WHERE start < ?"
        " ORDER BY start LIMIT ?",
        (before, limit),
    ).fetchall()
    rows = [row for row in rows if row[3] + spans.get(row[2], 0.0) <= before]
    connection.executemany("DELETE FROM metric_block WHERE rowid = ?", [row[:1] for row in rows])
    return [(target, level, start) for _, target, level, start in rows]


def series_of(connection: sqlite3.Connection, target: int) -> list[tuple[dict[str, str], str]]:
    """Return labels and kind of the series of a target, by column."""
    rows = connection.execute(
        "SELECT labels, kind FROM metric_series WHERE target = ? ORDER BY column", (target,)
    )
    return [(json.loads(labels), kind) for labels, kind in rows]


def block_starts(connection: sqlite3.Connection, target: int, level: int) -> list[float]:
    """Return where the blocks of a target begin, ascending."""
    rows = connection.execute(
        "SELECT DISTINCT start FROM metric_block WHERE target = ? AND level = ? ORDER BY start",
        (target, level),
    )
    return [start for (start,) in rows]


def frames_of(
    connection: sqlite3.Connection, target: int, level: int
) -> Iterator[tuple[float, Floats]]:
    """Yield time and values of the frames that are not packed, ascending."""
    rows = connection.execute(
        "SELECT time, data FROM metric_frame WHERE target = ? AND level = ? ORDER BY time",
        (target, level),
    )
    for time, data in rows:
        yield time, unpack_frame(data)

"""Load tests that have ended: each whole, and what a list of them needs."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from affectscope.observatory.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS load_run (
    id TEXT PRIMARY KEY,
    start REAL NOT NULL,
    end REAL NOT NULL,
    entry TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS load_run_start ON load_run (start);
"""
"""`body` is zlib of the whole run as JSON; `entry` is what the list shows of it."""

_FIGURES = (
    *("scheduled", "requests", "succeeded", "unsent", "censored", "errors"),
    *("scheduled_rate", "offered_rate", "completed_rate", "achieved_rate"),
)
_TIMES = ("mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds", "max_seconds")


def entry(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the list shows of a run: times, rates, few percentiles, and what to know."""
    summary = run.get("summary") or {}
    search = run.get("search") or {}
    return {
        "id": run["id"],
        "state": run["state"],
        "partial": run["partial"],
        "detail": run.get("detail"),
        "mode": run["mode"],
        "test_type": run["test_type"],
        "start": run["start"],
        "end": run["end"],
        "plan": run["plan"],
        **{name: summary.get(name) for name in _FIGURES},
        "corrected": _few(summary.get("corrected")),
        "raw": _few(summary.get("raw")),
        "found_rate": search.get("found_rate"),
        "flags": [flag["code"] for flag in run.get("flags", [])],
    }


def _few(times: Mapping[str, float | None] | None) -> dict[str, float | None] | None:
    return None if times is None else {name: times.get(name) for name in _TIMES}


class LoadStore:
    """Keeps load tests.

    Args:
        database: Made with `SCHEMA`.
        most: Runs kept; the oldest give way.
    """

    def __init__(self, database: Database, most: int = 1_000) -> None:
        self._database = database
        self._most = most

    def add(self, run: Mapping[str, Any]) -> Future[None]:
        """Keep a run; one with the same id is replaced.

        Args:
            run: With at least `id`, `state`, `partial`, `mode`, `test_type`, `start`, `end`, `plan`.
        """
        row = (
            run["id"],
            run["start"],
            run["end"],
            json.dumps(entry(run)),
            zlib.compress(json.dumps(run).encode()),
        )
        return self._database.write(partial(self._insert, row))

    def _insert(self, row: tuple[Any, ...], connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO load_run VALUES (?, ?, ?, ?, ?)", row)
        connection.execute(
            "DELETE FROM load_run WHERE id IN "
            "(SELECT id FROM load_run ORDER BY start DESC LIMIT -1 OFFSET ?)",
            (self._most,),
        )

    def find(self, start: float | None, end: float | None, limit: int) -> list[dict[str, Any]]:
        """Return the entries of runs, newest first.

        Args:
            start: Runs that ended from then on, in seconds since the epoch; None for no bound.
            end: Runs that began before then.
            limit: Most to return.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT entry FROM load_run WHERE end >= ? AND start < ? "
                "ORDER BY start DESC LIMIT ?",
                (
                    float("-inf") if start is None else start,
                    float("inf") if end is None else end,
                    limit,
                ),
            ).fetchall()
        return [json.loads(text) for (text,) in rows]

    def get(self, id: str) -> dict[str, Any] | None:
        """Return a whole run, or None where there is none."""
        with self._database.read() as connection:
            row = connection.execute("SELECT body FROM load_run WHERE id = ?", (id,)).fetchone()
        if row is None:
            return None
        run: dict[str, Any] = json.loads(zlib.decompress(row[0]))
        return run

    def delete(self, id: str) -> Future[bool]:
        """Delete a run.

        Returns:
            A future that tells whether there was one.
        """

        def job(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM load_run WHERE id = ?", (id,)).rowcount > 0

        return self._database.write(job)

    def delete_before(self, connection: sqlite3.Connection, before: float, limit: int) -> int:
        """Delete runs that began before a time, oldest first; a job of the writing thread.

        Args:
            connection: The one that writes.
            before: Seconds since the epoch.
            limit: Most rows to delete.

        Returns:
            Rows deleted.
        """
        return connection.execute(
            "DELETE FROM load_run WHERE id IN "
            "(SELECT id FROM load_run WHERE start < ? ORDER BY start LIMIT ?)",
            (before, limit),
        ).rowcount

"""How much of each objective's budget is left.

The requests of 30 days are not counted anew for each look: every five minutes the requests of
those five minutes are counted and kept, and a budget is the sum of these counts.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from affectscope.observatory.alerts.objectives import ObjectiveQueries
from affectscope.observatory.alerts.rules import Answers
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import WINDOW_SECONDS, Definitions, Objective

SLICE_SECONDS = 300.0
SETTLE_SECONDS = 10.0
"""After its end a slice waits for the last scrapes."""

MOST_CAUGHT_UP = 12
"""Slices that are counted at once after a pause."""

BURN_WINDOWS = ("5m", "1h", "6h")
_FRESH_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Watched:
    objective: Objective
    title: str
    queries: ObjectiveQueries


class Budgets:
    """Counts requests for objectives and says what is left; all methods block.

    Args:
        engine: Answers PromQL.
        definitions: Hold the objectives.
        database: Has the tables of the alerts' `SCHEMA`.
    """

    def __init__(self, engine: Answers, definitions: Definitions, database: Database) -> None:
        self._engine = engine
        self._database = database
        self._watched = [
            _Watched(
                objective,
                f"{definitions.service(objective.service).title}: {_promise(objective)}",
                ObjectiveQueries(definitions, objective),
            )
            for objective in definitions.objectives
        ]
        self._lock = threading.Lock()
        self._last: tuple[float, list[dict[str, Any]]] | None = None
        self._counted: float | None = None

    def count(self, now: float) -> int:
        """Count the slices of five minutes that have ended since the last call.

        Args:
            now: Seconds since the epoch.

        Returns:
            How many slices were counted.
        """
        newest = math.floor((now - SETTLE_SECONDS) / SLICE_SECONDS) * SLICE_SECONDS
        if self._counted is None:
            with self._database.read() as connection:
                (last,) = connection.execute("SELECT max(start) FROM objective_counts").fetchone()
            self._counted = newest if last is None else last + SLICE_SECONDS
        if newest < self._counted - SLICE_SECONDS:
            # The clock was set back.
            self._counted = newest
        begin = max(self._counted, newest - MOST_CAUGHT_UP * SLICE_SECONDS)
        starts = []
        while begin + SLICE_SECONDS <= newest:
            starts.append(begin)
            begin += SLICE_SECONDS
        rows = []
        for start in starts:
            for watched in self._watched:
                total = self._number(watched.queries.requests("5m"), start + SLICE_SECONDS)
                if total:
                    bad = self._number(watched.queries.bad("5m"), start + SLICE_SECONDS) or 0.0
                    rows.append((watched.objective.id, start, min(max(bad, 0.0), total), total))
        self._counted = max(begin, self._counted)
        if rows:
            oldest = now - 2 * WINDOW_SECONDS
            self._database.write(lambda connection: _keep(connection, rows, oldest)).result()
        return len(starts)

    def report(self, now: float) -> list[dict[str, Any]]:
        """Return each objective with its budget; at most 15 seconds old.

        Args:
            now: Seconds since the epoch.
        """
        with self._lock:
            if self._last is None or not 0 <= now - self._last[0] < _FRESH_SECONDS:
                self._last = (now, self._report(now))
            return self._last[1]

    def _report(self, now: float) -> list[dict[str, Any]]:
        with self._database.read() as connection:
            sums: dict[str, tuple[float, float, float]] = {
                name: (bad, total, last)
                for name, bad, total, last in connection.execute(
                    "SELECT objective, sum(bad), sum(total), max(start) FROM objective_counts"
                    " WHERE start > ? GROUP BY objective",
                    (now - WINDOW_SECONDS,),
                )
            }
        return [self._entry(watched, sums, now) for watched in self._watched]

    def _entry(
        self, watched: _Watched, sums: dict[str, tuple[float, float, float]], now: float
    ) -> dict[str, Any]:
        objective, queries = watched.objective, watched.queries
        bad, total, _ = sums.get(objective.id, (0.0, 0.0, 0.0))
        # What was not counted yet: the slice that goes on.
        if self._counted is not None and now > self._counted:
            rest = f"{max(1, min(round(now - self._counted), 3600))}s"
            more = self._number(queries.requests(rest), now) or 0.0
            bad += min((self._number(queries.bad(rest), now) or 0.0) if more else 0.0, more)
            total += more
        allowed = 1 - objective.target
        ratio = bad / total if total else None
        return {
            "id": objective.id,
            "service": objective.service,
            "kind": objective.kind,
            "title": watched.title,
            "target": objective.target,
            "window_seconds": WINDOW_SECONDS,
            "good_ratio": None if ratio is None else 1 - ratio,
            "budget_remaining": None if ratio is None else 1 - ratio / allowed,
            "burn_rate": {
                window: None if found is None else found / allowed
                for window, found in (
                    (window, self._number(queries.bad_ratio(window), now))
                    for window in BURN_WINDOWS
                )
            },
            "requests": total,
            "threshold_seconds": objective.threshold_seconds,
        }

    def _number(self, query: str, at: float) -> float | None:
        found = self._engine.instant(query, at)
        values: Sequence[float] = (
            [found] if isinstance(found, float) else [sample.value for sample in found]
        )
        known = [value for value in values if math.isfinite(value)]
        return known[0] if known else None


def _promise(objective: Objective) -> str:
    share = f"{objective.target * 100:g} %"
    if objective.kind == "availability":
        return f"{share} of requests succeed"
    return f"{share} of requests take at most {objective.threshold_seconds:g} s"


def _keep(
    connection: sqlite3.Connection, rows: list[tuple[str, float, float, float]], oldest: float
) -> None:
    connection.executemany("INSERT OR REPLACE INTO objective_counts VALUES (?, ?, ?, ?)", rows)
    connection.execute("DELETE FROM objective_counts WHERE start < ?", (oldest,))

"""The kept traces: a row of what is searched for each, and its spans, packed."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from affectscope.observatory.database import Database
from affectscope.observatory.otlp_spans import Span
from affectscope.observatory.tail_sampling import Kept, KeptTrace

SCHEMA = """
CREATE TABLE IF NOT EXISTS trace (
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL UNIQUE,
    start REAL NOT NULL,
    seconds REAL NOT NULL,
    rank INTEGER NOT NULL,
    service TEXT NOT NULL,
    name TEXT NOT NULL,
    endpoint TEXT,
    status INTEGER,
    error INTEGER NOT NULL,
    error_type TEXT,
    services TEXT NOT NULL,
    spans INTEGER NOT NULL,
    kept TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS trace_start ON trace (start);
CREATE INDEX IF NOT EXISTS trace_failed ON trace (start) WHERE error = 1;
CREATE TABLE IF NOT EXISTS trace_service (
    service TEXT NOT NULL, start REAL NOT NULL, trace INTEGER NOT NULL,
    PRIMARY KEY (service, start, trace)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trace_part (
    id INTEGER PRIMARY KEY,
    trace INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS trace_part_trace ON trace_part (trace);
"""
"""`body` is zlib of a JSON list of spans. A trace of which spans came late has several parts."""

_LEVEL = 1
"""Of zlib: at the best one, packing takes four times as long for a tenth less space."""

_COLUMNS = (
    "trace_id, start, seconds, rank, service, name, endpoint, status, error, error_type, "
    "services, spans, kept"
)
_INSERT = f"INSERT OR IGNORE INTO trace ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_MOST_SPANS_READ = 20_000
_MOST_BYTES_READ = 64 << 20


@dataclass(frozen=True)
class TraceQuery:
    """What to look for; times in seconds since the epoch, None for no bound.

    Attributes:
        start: Traces that began then or later.
        end: Traces that began before.
        service: Any of their spans is of it.
        endpoint: Of the root.
        least_seconds: How long they took at least.
        errors: Only those with an error (True), or without (False).
        limit: Most to return.
    """

    start: float | None = None
    end: float | None = None
    service: str | None = None
    endpoint: str | None = None
    least_seconds: float | None = None
    errors: bool | None = None
    limit: int = 50


class _Row(NamedTuple):
    """The searchable columns of a trace, in the order of `_COLUMNS`."""

    trace_id: bytes
    start: float
    seconds: float
    rank: int
    service: str
    name: str
    endpoint: str | None
    status: int | None
    error: bool
    error_type: str | None
    services: str
    spans: int
    kept: Kept

    def joined(self, other: _Row) -> _Row:
        """Return what both parts of a trace say together; the better root speaks for both."""
        # Where the caller is not traced here, the parts are equal but for their length.
        best = min(self, other, key=lambda row: (row.rank, -row.seconds))
        return best._replace(
            error=self.error or other.error,
            error_type=best.error_type or self.error_type or other.error_type,
            services=_services({*json.loads(self.services), *json.loads(other.services)}),
            spans=self.spans + other.spans,
            kept=self.kept,
        )


class TraceStore:
    """Keeps traces.

    Args:
        database: Made with `SCHEMA`, and with that of the profiles, which are counted by trace.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, traces: Sequence[KeptTrace]) -> Future[int]:
        """Keep traces, or parts of traces that are kept already.

        Packing happens in the calling thread, writing in that of the database.

        Returns:
            A future of how many spans were written.
        """
        packed = [(_row(trace), _packed(trace.spans)) for trace in traces if trace.spans]
        return self._database.write(partial(_insert, packed))

    def find(self, query: TraceQuery) -> list[dict[str, Any]]:
        """Return traces, newest first, as `/api/traces` lists them."""
        table, conditions, values = "trace t", [], list[Any]()
        by = "t.start"
        if query.service is not None:
            table = "trace_service s JOIN trace t ON t.id = s.trace"
            by = "s.start"
            conditions.append("s.service = ?")
            values.append(query.service)
        for condition, value in (
            (f"{by} >= ?", query.start),
            (f"{by} < ?", query.end),
            ("t.endpoint = ?", query.endpoint),
            ("t.seconds >= ?", query.least_seconds),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if query.errors is not None:
            # A literal, not a parameter, lets the partial index serve.
            conditions.append(f"t.error = {int(query.errors)}")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        columns = ", ".join(f"t.{name}" for name in _COLUMNS.split(", "))
        statement = (
            f"SELECT {columns}, (SELECT count(*) FROM profile p WHERE p.trace_id = t.trace_id) "  # noqa: S608
            f"FROM {table} {where} ORDER BY {by} DESC LIMIT ?"
        )
        with self._database.read() as connection:
            rows = connection.execute(statement, (*values, query.limit)).fetchall()
        return [_summary(_Row(*row[:-1]), row[-1]) for row in rows]

    def spans(self, trace_id: str) -> list[dict[str, Any]] | None:
        """Return the spans of a trace, each once, or None where it is not kept.

        Args:
            trace_id: 32 hexadecimal digits.
        """
        with self._database.read() as connection:
            bodies = connection.execute(
                "SELECT p.body FROM trace_part p JOIN trace t ON t.id = p.trace "
                "WHERE t.trace_id = ? ORDER BY p.id",
                (bytes.fromhex(trace_id),),
            )
            spans: dict[str, dict[str, Any]] = {}
            room = _MOST_BYTES_READ
            for (body,) in bodies:
                text = zlib.decompress(body)
                room -= len(text)
                if spans and (room < 0 or len(spans) > _MOST_SPANS_READ):
                    break
                for span in json.loads(text):
                    spans.setdefault(span["span_id"], span)
        return list(spans.values()) or None

    def delete_before(self, connection: sqlite3.Connection, before: float, limit: int) -> int:
        """Delete traces that began before a time, oldest first; a job of the writing thread.

        Args:
            connection: The one that writes.
            before: Seconds since the epoch.
            limit: Most traces to delete.

        Returns:
            Traces deleted.
        """
        rows = connection.execute(
            "SELECT id, start, services FROM trace WHERE start < ? ORDER BY start LIMIT ?",
            (before, limit),
        ).fetchall()
        ids = [(row[0],) for row in rows]
        connection.executemany("DELETE FROM trace_part WHERE trace = ?", ids)
        _drop_services(connection, rows)
        connection.executemany("DELETE FROM trace WHERE id = ?", ids)
        return len(rows)


def _row(trace: KeptTrace) -> _Row:
    root, rank = _root(trace.spans)
    error_type = root.error_type
    if error_type is None:
        error_type = next((s.error_type for s in trace.spans if s.error and s.error_type), None)
    return _Row(
        bytes.fromhex(trace.trace_id),
        root.start,
        root.seconds,
        rank,
        root.service,
        root.name,
        root.endpoint,
        root.status,
        any(span.error for span in trace.spans),
        error_type,
        _services({span.service for span in trace.spans}),
        len(trace.spans),
        trace.kept,
    )


def _root(spans: Sequence[Span]) -> tuple[Span, int]:
    """Return the span that stands for all, and how sure that is.

    Returns:
        The span without a parent (0); else the longest of those that entered a service (1); else
        the longest of those whose parent is missing (2).
    """
    known = {span.span_id for span in spans}
    best, best_key = spans[0], (3, 0.0)
    for span in spans:
        if span.parent_id is None:
            rank = 0
        elif span.parent_id in known:
            continue
        else:
            rank = 1 if span.entry else 2
        key = (rank, -span.seconds)
        if key < best_key:
            best, best_key = span, key
    return best, best_key[0]


def _services(names: set[str]) -> str:
    return json.dumps(sorted(names))


def _packed(spans: Sequence[Span]) -> bytes:
    text = ",".join([span.body for span in spans])
    return zlib.compress(f"[{text}]".encode("utf-8", "replace"), _LEVEL)


def _insert(packed: Sequence[tuple[_Row, bytes]], connection: sqlite3.Connection) -> int:
    parts: list[tuple[int, bytes]] = []
    services: list[tuple[str, float, int]] = []
    for row, body in packed:
        cursor = connection.execute(_INSERT, row)
        if cursor.rowcount:
            assert cursor.lastrowid is not None
            number, full = cursor.lastrowid, row
        else:
            number, full = _join(connection, row)
        parts.append((number, body))
        services += [(name, full.start, number) for name in json.loads(full.services)]
    connection.executemany("INSERT INTO trace_part (trace, body) VALUES (?, ?)", parts)
    connection.executemany("INSERT OR IGNORE INTO trace_service VALUES (?, ?, ?)", services)
    return sum(row.spans for row, _ in packed)


def _join(connection: sqlite3.Connection, late: _Row) -> tuple[int, _Row]:
    """Add what came late to the row of a trace; return its number and the new row."""
    number, *columns = connection.execute(
        f"SELECT id, {_COLUMNS} FROM trace WHERE trace_id = ?",  # noqa: S608
        (late.trace_id,),
    ).fetchone()
    before = _Row(*columns)
    row = before.joined(late)
    assignments = ", ".join(f"{name} = ?" for name in _Row._fields)
    connection.execute(f"UPDATE trace SET {assignments} WHERE id = ?", (*row, number))  # noqa: S608
    if row.start != before.start:
        _drop_services(connection, [(number, before.start, before.services)])
    return number, row


def _drop_services(connection: sqlite3.Connection, rows: Sequence[tuple[int, float, str]]) -> None:
    connection.executemany(
        "DELETE FROM trace_service WHERE service = ? AND start = ? AND trace = ?",
        [(name, start, number) for number, start, names in rows for name in json.loads(names)],
    )


def _summary(row: _Row, profiles: int) -> dict[str, Any]:
    document = row._asdict()
    del document["rank"]
    return document | {
        "trace_id": row.trace_id.hex(),
        "error": bool(row.error),
        "services": json.loads(row.services),
        "profiles": profiles,
    }

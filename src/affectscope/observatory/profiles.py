"""Profiles: each as it came, and those of the low-rate sampler added up by the hour."""

from __future__ import annotations

import sqlite3
import zlib
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from affectscope.observatory import flame
from affectscope.observatory.database import Database
from affectscope.observatory.flame import Stacks

SCHEMA = """
CREATE TABLE IF NOT EXISTS profile (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    kind TEXT NOT NULL,
    start REAL NOT NULL,
    seconds REAL NOT NULL,
    trace_id BLOB,
    endpoint TEXT,
    unit TEXT NOT NULL,
    total INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS profile_start ON profile (start);
CREATE INDEX IF NOT EXISTS profile_service ON profile (service, kind, start);
CREATE INDEX IF NOT EXISTS profile_trace ON profile (trace_id) WHERE trace_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS profile_hour (
    service TEXT NOT NULL, hour INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (service, hour)
) WITHOUT ROWID;
"""
"""`body` is zlib of collapsed stacks. `profile_hour` adds up what was sampled within an hour."""

Kind = Literal["request", "sampled", "stall"]
KINDS: tuple[Kind, ...] = ("request", "sampled", "stall")

HOUR = 3600
_COLUMNS = "id, service, kind, start, seconds, trace_id, endpoint, unit, total"
_INSERT = (
    "INSERT INTO profile (service, kind, start, seconds, trace_id, endpoint, unit, total, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOST_IN_HOUR = 1_000
"""Stacks that an hour keeps; the lightest of a program are many and hardly visible."""

_MOST_MERGED = 2_000
"""Stacks of a flame graph: more are too thin to be seen, and take long to draw."""

_MOST_PARTS = 200
"""Single profiles read for the edges of a range of time."""


class Profile(NamedTuple):
    """A profile that arrived.

    Attributes:
        service: Whose.
        kind: What was profiled.
        start: Seconds since the epoch.
        seconds: How long it covers.
        trace_id: 32 hexadecimal digits, or None.
        endpoint: Of the request, or None.
        unit: Of the weights: microseconds or samples.
        stacks: Weight of each.
    """

    service: str
    kind: Kind
    start: float
    seconds: float
    trace_id: str | None
    endpoint: str | None
    unit: str
    stacks: Stacks


@dataclass(frozen=True)
class ProfileQuery:
    """What to look for; times in seconds since the epoch, None for no bound."""

    service: str | None = None
    kind: str | None = None
    start: float | None = None
    end: float | None = None
    trace_id: str | None = None
    limit: int = 50


class ProfileStore:
    """Keeps profiles.

    Args:
        database: Made with `SCHEMA`.
        most: Profiles kept of one kind of one service; the oldest give way.
    """

    def __init__(self, database: Database, most: int = 2_000) -> None:
        self._database = database
        self._most = most

    def add(self, profile: Profile) -> Future[int]:
        """Keep a profile.

        Returns:
            A future of its id.
        """
        body = _pack(flame.heaviest(profile.stacks))
        return self._database.write(partial(self._insert, profile, body))

    def _insert(self, profile: Profile, body: bytes, connection: sqlite3.Connection) -> int:
        trace_id = None if profile.trace_id is None else bytes.fromhex(profile.trace_id)
        total = sum(profile.stacks.values())
        fields = (profile.endpoint, profile.unit, total, body)
        cursor = connection.execute(_INSERT, (*profile[:4], trace_id, *fields))
        if profile.kind == "sampled":
            _add_to_hour(connection, profile)
        of = (profile.service, profile.kind)
        connection.execute(
            "DELETE FROM profile WHERE id IN (SELECT id FROM profile WHERE service = ? AND kind = ? "
            "ORDER BY start DESC LIMIT -1 OFFSET ?)",
            (*of, self._most),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def find(self, query: ProfileQuery) -> list[dict[str, Any]]:
        """Return profiles, newest first, without their stacks."""
        trace_id = None if query.trace_id is None else bytes.fromhex(query.trace_id)
        conditions, values = [], list[Any]()
        for condition, value in (
            ("service = ?", query.service),
            ("kind = ?", query.kind),
            ("start >= ?", query.start),
            ("start < ?", query.end),
            ("trace_id = ?", trace_id),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM profile {where} ORDER BY start DESC LIMIT ?",  # noqa: S608
                (*values, query.limit),
            ).fetchall()
        return [_document(row) for row in rows]

    def get(self, number: int) -> dict[str, Any] | None:
        """Return a profile with its stacks and their tree, or None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS}, body FROM profile WHERE id = ?",  # noqa: S608
                (number,),
            ).fetchone()
        if row is None:
            return None
        *columns, body = row
        text = zlib.decompress(body).decode()
        return _document(columns) | {"stacks": text, "tree": flame.tree(flame.parse(text))}

    def merged(self, service: str, start: float, end: float) -> Stacks:
        """Return what the low-rate sampler saw between two times, added up.

        Whole hours come from their sums; the parts of hours at the ends from single profiles, those
        that began within.

        Args:
            service: Whose.
            start: Seconds since the epoch.
            end: Seconds since the epoch.
        """
        first, last = int(-(-start // HOUR)), int(end // HOUR)
        edges = [(start, end)]
        hours = range(0)
        if first < last:
            hours = range(first, last)
            edges = [(start, first * HOUR), (last * HOUR, end)]
        total: Stacks = {}
        with self._database.read() as connection:
            bodies = connection.execute(
                "SELECT body FROM profile_hour WHERE service = ? AND hour >= ? AND hour < ?",
                (service, hours.start, hours.stop),
            ).fetchall()
            for since, until in edges:
                bodies += connection.execute(
                    "SELECT body FROM profile WHERE service = ? AND kind = 'sampled' "
                    "AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?",
                    (service, since, until, _MOST_PARTS),
                ).fetchall()
        for (body,) in bodies:
            flame.add(total, _unpack(body))
        return flame.heaviest(total, _MOST_MERGED)

    def delete_before(self, connection: sqlite3.Connection, before: float, limit: int) -> int:
        """Delete profiles that began before a time, oldest first; a job of the writing thread.

        Args:
            connection: The one that writes.
            before: Seconds since the epoch.
            limit: Most rows to delete.

        Returns:
            Rows deleted.
        """
        deleted = connection.execute(
            "DELETE FROM profile WHERE id IN "
            "(SELECT id FROM profile WHERE start < ? ORDER BY start LIMIT ?)",
            (before, limit),
        ).rowcount
        if deleted < limit:
            deleted += connection.execute(
                "DELETE FROM profile_hour WHERE (service, hour) IN "
                "(SELECT service, hour FROM profile_hour WHERE hour < ? ORDER BY hour LIMIT ?)",
                (int(before // HOUR), limit - deleted),
            ).rowcount
        return deleted


def _add_to_hour(connection: sqlite3.Connection, profile: Profile) -> None:
    key = (profile.service, int(profile.start // HOUR))
    row = connection.execute(
        "SELECT body FROM profile_hour WHERE service = ? AND hour = ?", key
    ).fetchone()
    stacks = {} if row is None else _unpack(row[0])
    flame.add(stacks, profile.stacks)
    body = _pack(flame.heaviest(stacks, _MOST_IN_HOUR))
    connection.execute("INSERT OR REPLACE INTO profile_hour VALUES (?, ?, ?)", (*key, body))


def _pack(stacks: Stacks) -> bytes:
    return zlib.compress(flame.write(stacks).encode("utf-8", "replace"))


def _unpack(body: bytes) -> Stacks:
    return flame.parse(zlib.decompress(body).decode())


def _document(row: Any) -> dict[str, Any]:
    names = _COLUMNS.split(", ")
    document = dict(zip(names, row, strict=True))
    trace_id = document["trace_id"]
    return document | {"trace_id": None if trace_id is None else trace_id.hex()}

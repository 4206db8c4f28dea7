"""The lines of all logs, with full-text search."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from affectscope.observatory import log_index
from affectscope.observatory.database import Database
from affectscope.observatory.otlp_logs import LEVELS, LogLine
from affectscope.observatory.reading import deadline

SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    level INTEGER NOT NULL,
    event TEXT NOT NULL,
    trace_id BLOB,
    span_id BLOB,
    fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS log_service ON log (service);
CREATE INDEX IF NOT EXISTS log_severe ON log (id) WHERE level >= 2;
CREATE INDEX IF NOT EXISTS log_failed ON log (id) WHERE level >= 3;
CREATE INDEX IF NOT EXISTS log_trace ON log (trace_id) WHERE trace_id IS NOT NULL;
"""
    + log_index.SCHEMA
)
"""The id of a line is its time: microseconds since the epoch times 1024, plus a running number.

So the table, and each part of the full-text index, are in the order of time, and the newest lines
of any search are found first.
"""

_STEP = 1024
_COLUMNS = "log.id, service, level, log.event, trace_id, span_id, log.fields"
_INSERT = (
    "INSERT INTO log (id, service, level, event, trace_id, span_id, fields) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_MOST_WORDS = 20
_LONGEST_WORD = 100
_SECONDS = 5.0

MOST_IN_PART = 200_000
_LINE_BYTES = 600
"""That a line takes on disk, about, with its part of the index."""

_Row = tuple[int, str, int, str, bytes | None, bytes | None, str]


@dataclass(frozen=True)
class LogQuery:
    """What to look for; times in seconds since the epoch, None for no bound.

    Attributes:
        words: All must occur, each as a whole word, the last one as the beginning of one.
        start: Lines from then on.
        end: Lines before.
        service: Whose.
        level: Least severe, one of `LEVELS`.
        trace_id: 32 hexadecimal digits.
        limit: Most to return.
    """

    words: str = ""
    start: float | None = None
    end: float | None = None
    service: str | None = None
    level: str = "debug"
    trace_id: str | None = None
    limit: int = 100


class _Source(NamedTuple):
    """What is searched: all lines, or those of a part of the index that have certain words.

    Attributes:
        table: The table of lines, or that of the part.
        by: Its column of ids.
        words: Expression of FTS5; "" for all lines.
        last: No line has a greater id; None where that is not known.
    """

    table: str
    by: str
    words: str
    last: int | None

    def rows(
        self,
        connection: sqlite3.Connection,
        conditions: Sequence[str],
        values: Sequence[Any],
        ids: tuple[int | None, int | None],
        limit: int,
    ) -> list[_Row]:
        """Return the newest lines that pass all conditions; -1 for no limit."""
        tests, own = list[str](), list[Any]()
        table = self.table
        if self.words:
            table = f"{table} JOIN log ON log.id = {self.by}"
            tests.append(f"{self.table} MATCH ?")
            own.append(self.words)
        for operator, bound in zip((">=", "<"), ids, strict=True):
            if bound is not None:
                tests.append(f"{self.by} {operator} ?")
                own.append(bound)
        tests += conditions
        where = f"WHERE {' AND '.join(tests)}" if tests else ""
        found: list[_Row] = connection.execute(
            f"SELECT {_COLUMNS} FROM {table} {where} ORDER BY {self.by} DESC LIMIT ?",  # noqa: S608
            (*own, *values, limit),
        ).fetchall()
        return found


class LogStore:
    """Keeps lines.

    Args:
        database: Made with `SCHEMA`.
        part_lines: Lines of one part of the full-text index, which is deleted as a whole.
    """

    def __init__(self, database: Database, part_lines: int = MOST_IN_PART) -> None:
        self._database = database
        self._part_lines = part_lines
        self._last = 0

    def add(self, lines: Sequence[LogLine]) -> Future[int]:
        """Keep lines.

        Returns:
            A future of how many were written.
        """
        self._database.write(partial(log_index.open_part, most=self._part_lines))
        return self._database.write(partial(self._insert, sorted(lines, key=itemgetter(0))))

    def _insert(self, lines: Sequence[LogLine], connection: sqlite3.Connection) -> int:
        rows: list[_Row] = []
        last = 0
        for line in lines:
            self._last = (self._last + 1) % _STEP
            last = max(last + 1, _first_id(line.time) + self._last)
            rows.append((last, *line[1:]))
        connection.execute("SAVEPOINT lines")
        try:
            connection.executemany(_INSERT, rows)
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK TO lines")
            rows = [_insert_beside(connection, row) for row in rows]
        connection.execute("RELEASE lines")
        if rows:
            texts = [(row[0], row[3], row[6]) for row in rows]
            log_index.add(connection, texts, self._part_lines)
        return len(rows)

    def find(self, query: LogQuery) -> list[dict[str, Any]]:
        """Return lines, newest first, as `/api/logs` lists them.

        Lines of the same microsecond as the last one come along, so that the next page, which
        begins before it, misses none.

        Raises:
            InvalidValue: The search takes longer than 5 s.
        """
        expression = full_text(query.words)
        if expression is None and query.words.strip():
            return []
        first = None if query.start is None else _first_id(query.start)
        end = None if query.end is None else _first_id(query.end)
        conditions, values = _conditions(query)
        with (
            self._database.read() as connection,
            deadline(connection, _SECONDS),
            _snapshot(connection),
        ):
            sources = [_Source("log", "log.id", "", None)]
            if expression is not None:
                sources = [
                    _Source(part.table, f"{part.table}.rowid", expression, part.last)
                    for part in log_index.parts(connection, first, end)
                ]
            rows: list[_Row] = []
            for source in sources:
                full = len(rows) >= query.limit
                if full and source.last is not None and rows[-1][0] > source.last:
                    break
                more = source.rows(connection, conditions, values, (first, end), query.limit)
                rows = sorted(rows + more, key=itemgetter(0), reverse=True)[: query.limit]
            if len(rows) == query.limit:
                last = rows[-1][0]
                same = (max(last // _STEP * _STEP, first or 0), last)
                for source in sources:
                    rows += source.rows(connection, conditions, values, same, -1)
        return [_document(row) for row in rows]

    def delete_before(self, connection: sqlite3.Connection, before: float, limit: int) -> int:
        """Delete lines before a time, oldest first; a job of the writing thread.

        Args:
            connection: The one that writes.
            before: Seconds since the epoch.
            limit: Most lines to delete.

        Returns:
            Lines deleted.
        """
        rows = connection.execute(
            "SELECT id FROM log WHERE id < ? ORDER BY id LIMIT ?",
            (_first_id(before), limit),
        ).fetchall()
        connection.executemany("DELETE FROM log WHERE id = ?", rows)
        if len(rows) < limit:
            log_index.drop_before(connection, _first_id(before))
        return len(rows)


def _conditions(query: LogQuery) -> tuple[list[str], list[Any]]:
    """Return what a line must be beside its words and its time, and the parameters of that."""
    conditions, values = [], list[Any]()
    trace_id = None if query.trace_id is None else bytes.fromhex(query.trace_id)
    for condition, value in (("service = ?", query.service), ("trace_id = ?", trace_id)):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    # Literals, not parameters, let the partial indexes serve.
    level = LEVELS.index(query.level)
    conditions += [f"level >= {least}" for least in range(1, level + 1)]
    return conditions, values


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Show one state of the file, so that no part is dropped between its listing and its search."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def part_lines(size_limit_bytes: int) -> int:
    """Return how many lines a part of the index may have: about a twentieth of the file."""
    return max(1_000, min(size_limit_bytes // (20 * _LINE_BYTES), MOST_IN_PART))


def full_text(words: str) -> str | None:
    """Return what a person typed as an expression of FTS5 that cannot be wrong.

    Each word is quoted, so that `AND`, `*`, `^`, `:` and the like are text like any other. Text in
    double quotes is a phrase.

    Args:
        words: Anything.

    Returns:
        None where there is no word in it.

    Source: https://www.sqlite.org/fts5.html#full_text_query_syntax
    """
    text = words.encode("utf-8", "replace").decode().replace("\0", " ")
    phrases: list[str] = []
    for index, piece in enumerate(text.split('"')):
        # Between an odd and an even quotation mark stands a phrase.
        found = [" ".join(piece.split())] if index % 2 else piece.split()
        phrases += [one[:_LONGEST_WORD] for one in found if any(c.isalnum() for c in one)]
    if not phrases:
        return None
    open_end = len(phrases[-1]) > 1 and not text.rstrip().endswith('"')
    quoted = [f'"{phrase}"' for phrase in phrases[:_MOST_WORDS]]
    return " ".join(quoted) + ("*" if open_end and len(phrases) <= _MOST_WORDS else "")


def _first_id(time: float) -> int:
    """Return the first id of a microsecond, within what SQLite's integers hold."""
    return round(min(max(time, 0.0), 9e9) * 1e6) * _STEP


def _insert_beside(connection: sqlite3.Connection, row: _Row) -> _Row:
    """Insert a line whose id may be taken, less than a millisecond beside."""
    number = row[0]
    while True:
        try:
            connection.execute(_INSERT, (number, *row[1:]))
        except sqlite3.IntegrityError:
            number = row[0] + random.randrange(1000 * _STEP)  # noqa: S311
        else:
            return (number, *row[1:])


def _document(row: _Row) -> dict[str, Any]:
    number, service, level, event, trace_id, span_id, fields = row
    return {
        "id": str(number),
        "time": number // _STEP / 1e6,
        "service": service,
        "level": LEVELS[level],
        "event": event,
        "trace_id": None if trace_id is None else trace_id.hex(),
        "span_id": None if span_id is None else span_id.hex(),
        "fields": json.loads(fields, strict=False),
    }

"""The full-text index of the lines of logs, in parts that are dropped as a whole.

FTS5 forgets a line by noting that it is gone, which costs as much as adding it and makes the index
larger at first. A file at its limit would not become smaller by that. So there are many indexes,
each over lines that came one after the other, and one goes when all of its lines are gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS log_part (
    number INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    lines INTEGER NOT NULL
);
"""
"""The parts: the least and the greatest id of their lines, and how many came."""


class Part(NamedTuple):
    """One part.

    Attributes:
        number: The greater, the later its lines came.
        first: No line has a lesser id.
        last: No line has a greater id.
    """

    number: int
    first: int
    last: int

    @property
    def table(self) -> str:
        """Name of its FTS5 table, whose rowids are ids of lines."""
        return f"log_text_{self.number}"


def open_part(connection: sqlite3.Connection, most: int) -> int:
    """Begin a new part where there is none, or the newest one is full.

    To be called in a job of its own before lines are added: a savepoint within which an FTS5 table
    was made cannot be rolled back to, and takes all of its transaction with it.

    Args:
        connection: The one that writes.
        most: Lines of a part, about.

    Returns:
        Number of the newest part.
    """
    number, count = connection.execute(
        "SELECT number, lines FROM log_part ORDER BY number DESC LIMIT 1"
    ).fetchone() or (0, most)
    if count < most:
        return int(number)
    # Without content of its own: the table of the lines has it.
    connection.execute(
        f"CREATE VIRTUAL TABLE log_text_{number + 1} USING fts5 "
        "(event, fields, content = '', tokenize = 'unicode61')"
    )
    connection.execute("INSERT INTO log_part VALUES (?, ?, -1, 0)", (number + 1, 2**63 - 1))
    return int(number) + 1


def add(connection: sqlite3.Connection, lines: Sequence[tuple[int, str, str]], most: int) -> None:
    """Add lines to the newest part.

    Args:
        connection: The one that writes.
        lines: Id, event and fields of each; at least one.
        most: Lines of a part, about.
    """
    number = open_part(connection, most)
    connection.executemany(
        f"INSERT INTO log_text_{number} (rowid, event, fields) VALUES (?, ?, ?)",  # noqa: S608
        lines,
    )
    ids = [line[0] for line in lines]
    connection.execute(
        "UPDATE log_part SET first = min(first, ?), last = max(last, ?), lines = lines + ? "
        "WHERE number = ?",
        (min(ids), max(ids), len(lines), number),
    )


def parts(connection: sqlite3.Connection, first: int | None, end: int | None) -> list[Part]:
    """Return the parts that may hold ids of a range, those with the greatest ids first.

    Args:
        connection: Any, within a transaction where others may drop parts.
        first: Least id, or None.
        end: Ids are below it, or None.
    """
    rows = connection.execute(
        "SELECT number, first, last FROM log_part WHERE (:first IS NULL OR last >= :first) "
        "AND (:end IS NULL OR first < :end) ORDER BY last DESC",
        {"first": first, "end": end},
    )
    return [Part(*row) for row in rows]


def drop_before(connection: sqlite3.Connection, end: int) -> None:
    """Drop the parts of which all ids are below one, which no line has any more."""
    for part in parts(connection, 0, end):
        if part.last < end:
            connection.execute(f"DROP TABLE {part.table}")
            connection.execute("DELETE FROM log_part WHERE number = ?", (part.number,))

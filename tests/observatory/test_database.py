"""One thread writes, others read, and one job's failure is no other's."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.observatory.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (value INTEGER PRIMARY KEY)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    one = Database(tmp_path / "folder" / "telemetry.db", (SCHEMA,))
    yield one
    one.close()


def insert(value: int) -> object:
    def job(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (value,))
        return value

    return job


def values(database: Database) -> list[int]:
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT value FROM numbers ORDER BY value")]


def test_a_job_is_committed_when_its_future_is_done(database: Database) -> None:
    assert database.write(insert(7)).result() == 7

    assert values(database) == [7]


def test_a_job_that_fails_takes_nothing_with_it(database: Database) -> None:
    futures = [database.write(insert(value)) for value in (1, 2, 1, 3)]

    assert [future.exception() is None for future in futures] == [True, True, False, True]
    assert values(database) == [1, 2, 3]


def test_a_job_that_fails_halfway_leaves_no_half(database: Database) -> None:
    def halfway(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (5)")
        raise LookupError("defect")

    with pytest.raises(LookupError, match="defect"):
        database.write(halfway).result()

    assert values(database) == []


def test_many_threads_write_and_read_at_once(database: Database) -> None:
    def write(start: int) -> None:
        for value in range(start, start + 200):
            database.write(insert(value))
            if value % 50 == 0:
                values(database)

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 2400, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.write(lambda _: None).result()

    assert values(database) == list(range(2400))


def test_what_was_given_before_closing_is_written(tmp_path: Path) -> None:
    database = Database(tmp_path / "telemetry.db", (SCHEMA,))
    for value in range(1000):
        database.write(insert(value))
    database.close()
    database.close()

    with pytest.raises(RuntimeError, match="closed"):
        database.write(insert(1))
    again = Database(tmp_path / "telemetry.db", (SCHEMA,))
    assert len(values(again)) == 1000
    again.close()


def test_readers_cannot_write(database: Database) -> None:
    with database.read() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO numbers VALUES (1)")


def test_a_full_disk_fails_the_jobs_and_is_survived(database: Database) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 10")
        connection.execute("CREATE TABLE big (data BLOB)")
        connection.execute("INSERT INTO big VALUES (zeroblob(1000000))")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        database.write(fill).result()

    assert database.write(insert(1)).result() == 1
    assert values(database) == [1]


def test_its_size_is_what_is_in_use(database: Database) -> None:
    before = database.size_bytes()
    database.write(lambda c: c.execute("CREATE TABLE big (data BLOB)")).result()
    database.write(lambda c: c.execute("INSERT INTO big VALUES (zeroblob(1000000))")).result()
    full = database.size_bytes()
    database.write(lambda c: c.execute("DELETE FROM big")).result()

    assert full - before > 1_000_000
    assert database.size_bytes() - before < 20_000


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" * 9])
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "telemetry.db"
    path.write_bytes(content)

    database = Database(path, (SCHEMA,))
    database.write(insert(1)).result()

    assert values(database) == [1]
    assert (tmp_path / "telemetry.db.damaged").read_bytes() == content
    database.close()

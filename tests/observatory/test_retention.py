"""The file stays within its age and size, and what is new stays."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.observatory.database import Database
from affectscope.observatory.logs import LogQuery, LogStore
from affectscope.observatory.otlp_logs import LogLine
from affectscope.observatory.retention import Retention
from tests.observatory.store_parts import NOW, SCHEMAS, Clock

DAY = 86_400.0
LIMIT = 4 << 20


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "telemetry.db", SCHEMAS)
    yield database
    database.close()


@pytest.fixture
def logs(database: Database) -> LogStore:
    return LogStore(database, part_lines=20)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def retention(database: Database, logs: LogStore, clock: Clock) -> Retention:
    return Retention(
        database, {"logs": logs.delete_before}, 30 * DAY, LIMIT, pause_seconds=0.05, wall=clock
    )


def line(age: float, size: int = 20) -> LogLine:
    # Words that differ, so that full-text search has something to keep, too.
    words = " ".join(f"w{int(age * 1e3) + number:x}" for number in range(size // 8))
    return LogLine(NOW - age, "chat", 1, f"event {words}", None, None, "{}")


def ages(logs: LogStore) -> list[float]:
    found: list[float] = []
    before = None
    while page := logs.find(LogQuery(end=before, limit=500)):
        found += [round(NOW - one["time"], 3) for one in page]
        before = page[-1]["time"]
    return found


def fill(logs: LogStore, count: int, every: float) -> None:
    """Keep lines of about 2 kB, the newest one of now, each so many seconds before the next."""
    for first in range(0, count, 20):
        lines = [line(every * number, 2_000) for number in range(first, min(first + 20, count))]
        logs.add(lines).result()


class TestAge:
    def test_what_is_too_old_goes_and_nothing_else(self, retention, logs):
        logs.add([line(31 * DAY), line(30 * DAY + 1), line(30 * DAY - 1), line(0)]).result()
        retention.sweep()

        assert ages(logs) == [0, 30 * DAY - 1]
        assert retention.deleted == {"logs": 2}

    def test_more_than_fits_into_one_transaction_goes_in_several(self, retention, logs):
        logs.add([line(40 * DAY + number) for number in range(1_234)]).result()
        retention.sweep()

        assert retention.deleted == {"logs": 1_234}

    def test_a_clock_that_was_set_back_deletes_nothing(self, retention, logs, clock):
        logs.add([line(0), line(29 * DAY)]).result()
        clock.now -= 365 * DAY
        retention.sweep()

        assert len(ages(logs)) == 2


class TestSize:
    def test_the_oldest_go_until_it_fits_and_the_newest_stay(self, retention, logs, database):
        fill(logs, 4_000, every=100)
        assert database.size_bytes() > LIMIT
        retention.sweep()

        kept = ages(logs)
        assert database.size_bytes() <= LIMIT
        assert retention.file_bytes()["file"] <= LIMIT
        assert kept[0] == 0
        # No gaps: everything from the newest to the oldest that is left.
        assert kept == [100.0 * number for number in range(len(kept))]
        # It gives up no more than it has to.
        assert database.size_bytes() > 0.65 * LIMIT

    def test_a_file_that_is_small_enough_is_left_alone(self, retention, logs):
        fill(logs, 300, every=100)
        retention.sweep()

        assert len(ages(logs)) == 300

    def test_the_last_minute_is_never_deleted_for_room(self, retention, logs, database):
        fill(logs, 4_000, every=0.01)
        retention.sweep()

        assert len(ages(logs)) == 4_000
        assert database.size_bytes() > LIMIT

    def test_pages_go_back_to_the_file_system(self, retention, logs, clock):
        fill(logs, 1_000, every=100)
        before = retention.sizes()
        clock.now += 40 * DAY
        retention.sweep()

        after = retention.sizes()
        assert ages(logs) == []
        assert after["file"] < before["file"] / 2
        assert after["log"] == 0
        assert after["limit"] == LIMIT


class TestThread:
    def test_it_sweeps_by_itself_until_it_is_stopped(self, retention, logs):
        logs.add([line(31 * DAY)]).result()
        retention.start()
        ends = time.monotonic() + 30
        while not retention.deleted["logs"] and time.monotonic() < ends:
            time.sleep(0.01)
        retention.stop()

        assert retention.deleted["logs"] == 1

    def test_a_full_disk_ends_a_sweep_and_not_the_thread(self, database, logs, clock):
        calls: list[int] = []

        def delete(connection: sqlite3.Connection, before: float, limit: int) -> int:
            calls.append(limit)
            if len(calls) == 1:
                raise sqlite3.OperationalError("database or disk is full")
            return 0

        retention = Retention(database, {"x": delete}, DAY, LIMIT, pause_seconds=0.01, wall=clock)
        retention.start()
        ends = time.monotonic() + 30
        while len(calls) < 3 and time.monotonic() < ends:
            time.sleep(0.01)
        retention.stop()

        assert len(calls) >= 3

    def test_a_real_full_disk_is_emptied(self, retention, logs, database, clock):
        fill(logs, 500, every=100)

        def limit(connection: sqlite3.Connection) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

        database.write(limit).result()
        with pytest.raises(sqlite3.OperationalError):
            fill(logs, 500, every=100)
        clock.now += 40 * DAY
        retention.sweep()

        assert ages(logs) == []
        logs.add([line(0)]).result()
        assert len(ages(logs)) == 1

"""The parts of the full-text index: searched as one, and gone with their lines."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.observatory import logs
from affectscope.observatory.database import Database
from affectscope.observatory.logs import MOST_IN_PART, LogQuery, LogStore, part_lines
from affectscope.observatory.otlp_logs import LogLine
from tests.observatory.store_parts import NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "telemetry.db", (logs.SCHEMA,))
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> LogStore:
    return LogStore(database, part_lines=10)


def line(second: float, word: str = "odd") -> LogLine:
    return LogLine(NOW + second, "chat", 1, f"{word} {second:g}", None, None, "{}")


def part_count(database: Database) -> int:
    with database.read() as connection:
        (known,) = connection.execute("SELECT count(*) FROM log_part").fetchone()
        (tables,) = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
        ).fetchone()
    assert known == tables
    return int(known)


def seconds(store: LogStore, **query: object) -> list[float]:
    found = store.find(LogQuery(**query))  # type: ignore[arg-type]
    return [round(one["time"] - NOW, 3) for one in found]


class TestSearch:
    @pytest.mark.parametrize("limit", [1, 7, 50, 500])
    def test_the_newest_are_found_whatever_the_order_of_arrival(self, store, database, limit):
        chance = random.Random(1)
        arrived = [float(second) for second in range(200)]
        # Some lines come late, some very late.
        arrived.sort(key=lambda second: second + chance.choice([0, 0, 5, 150]))
        for first in range(0, 200, 4):
            batch = [line(one, "even" if one % 2 == 0 else "odd") for one in arrived[first:][:4]]
            store.add(batch).result()
        expected = [float(second) for second in range(199, -1, -1) if second % 2]

        assert part_count(database) > 10
        assert seconds(store, words="odd", limit=limit) == expected[:limit]
        within = [one for one in expected if 50 <= one < 120]
        bounds = {"start": NOW + 50, "end": NOW + 120}
        assert seconds(store, words="odd", limit=limit, **bounds) == within[:limit]

    def test_all_lines_of_one_moment_come_together_from_all_parts(self, store, database):
        for _ in range(5):
            store.add([line(7.0) for _ in range(10)]).result()
        store.add([line(8.0)]).result()

        assert part_count(database) > 3
        assert seconds(store, words="odd", limit=3) == [8.0] + [7.0] * 50


class TestDropping:
    def test_a_part_goes_with_its_last_line(self, store, database):
        for second in range(50):
            store.add([line(second)]).result()

        def delete(before: float) -> int:
            job = database.write(lambda c: store.delete_before(c, NOW + before, 100))
            return job.result()

        assert part_count(database) == 5
        assert delete(25) == 25
        assert part_count(database) == 3
        assert seconds(store, words="odd", limit=100) == [float(s) for s in range(49, 24, -1)]
        assert delete(100) == 25
        assert part_count(database) == 0
        store.add([line(60)]).result()
        assert seconds(store, words="odd") == [60.0]

    def test_a_line_that_came_late_holds_no_part_for_ever(self, store, database):
        store.add([line(number) for number in range(10)]).result()
        store.add([line(1_000), line(5)]).result()
        database.write(lambda c: store.delete_before(c, NOW + 500, 100)).result()

        assert part_count(database) == 1
        assert seconds(store, words="odd") == [1_000.0]

    def test_lines_that_cannot_be_kept_harm_no_others(self, store, database, monkeypatch):
        with monkeypatch.context() as broken:
            broken.setattr(logs, "_INSERT", "INSERT INTO nowhere VALUES (?, ?, ?, ?, ?, ?, ?)")
            failed = store.add([line(1)])
            with pytest.raises(sqlite3.OperationalError, match="nowhere"):
                failed.result()
        store.add([line(2)]).result()

        assert seconds(store, words="odd") == [2.0]

    def test_a_search_goes_on_while_parts_are_dropped(self, store, database):
        for second in range(0, 2_000, 10):
            store.add([line(second + one) for one in range(10)]).result()
        jobs = [
            database.write(lambda c, end=end: store.delete_before(c, NOW + end, 50))
            for end in range(0, 2_000, 20)
        ]
        while not jobs[-1].done():
            found = seconds(store, words="odd", limit=5)
            assert found[0] == 1_999.0
        assert all(job.result() >= 0 for job in jobs)


@pytest.mark.parametrize(
    ("limit", "lines"), [(16 << 20, 1_398), (2 << 30, 178_956), (1 << 40, MOST_IN_PART), (1, 1_000)]
)
def test_a_part_is_a_twentieth_of_the_file(limit: int, lines: int):
    assert part_lines(limit) == lines

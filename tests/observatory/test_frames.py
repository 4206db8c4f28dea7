"""The metric store: what goes in comes out, at the resolution that is kept for its age."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory import frames
from affectscope.observatory.database import Database
from affectscope.observatory.frames import SCHEMA, MetricSample, MetricStore, TargetKey
from affectscope.observatory.levels import Level
from affectscope.observatory.matchers import Matcher

CHAT = TargetKey("chat", "host:8003")
VIDEO = TargetKey("video", "host:8001")
DAY = 86_400
NOON = 1_700_000_000.0 - 1_700_000_000 % DAY + DAY / 2

SMALL = (
    Level(0, bucket=0, block=60, keep=120),
    Level(1, bucket=10, block=120, keep=600),
    Level(2, bucket=60, block=240, keep=10_000),
)


def named(name: str) -> list[Matcher]:
    return [Matcher("__name__", "=", name)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "observatory.db", (SCHEMA,))
    yield database
    database.close()


def settle(database: Database) -> None:
    """Wait until all that was given is written."""
    database.write(lambda connection: None).result(10)
    database.write(lambda connection: None).result(10)


def counters(store: MetricStore, seconds: int, step: int = 5) -> None:
    """Write a counter that counts seconds, and a gauge that swings, from noon on."""
    columns = store.columns(CHAT, [("ticks_total", {}, "counter"), ("swing", {}, "gauge")])
    assert columns == [0, 1]
    for second in range(0, seconds, step):
        assert store.append_row(CHAT, NOON + second, np.array([second, second // step % 2]))


class TestAppend:
    def test_samples_come_back_with_the_labels_of_their_target(self, database: Database) -> None:
        store = MetricStore(database)
        samples = [
            MetricSample("a_total", {"x": "1", "empty": ""}, 1.5, "counter"),
            MetricSample("b", {"service": "own"}, 2.5),
        ]

        assert store.append(CHAT, NOON, samples) == 0

        ((labels, times, values),) = store.select(named("a_total"), NOON, NOON)
        assert labels == {
            "__name__": "a_total",
            "x": "1",
            "job": "affectscope",
            "instance": "host:8003",
            "service": "chat",
        }
        assert (times.tolist(), values.tolist()) == ([NOON], [1.5])
        # What a series says of itself wins (honor_labels).
        assert store.select(named("b"), NOON, NOON)[0][0]["service"] == "own"

    def test_a_series_not_in_a_frame_has_gone(self, database: Database) -> None:
        store = MetricStore(database)
        store.append(CHAT, NOON, [MetricSample("a", {}, 1.0), MetricSample("b", {}, 1.0)])
        store.append(CHAT, NOON + 1, [MetricSample("a", {}, 2.0)])

        ((_, _, values),) = store.select(named("b"), NOON, NOON + 9)
        assert np.array_equal(values, [1.0, np.nan], equal_nan=True)

    @pytest.mark.parametrize("late", [NOON, NOON - 1, np.nan, np.inf])
    def test_frames_out_of_order_are_dropped_and_counted(
        self, late: float, database: Database
    ) -> None:
        store = MetricStore(database)
        store.append(CHAT, NOON, [MetricSample("a", {}, 1.0)])

        assert store.append(CHAT, late, [MetricSample("a", {}, 2.0)]) == 1

        assert store.dropped_frames == 1

    def test_series_above_the_limit_are_dropped_and_counted(self, database: Database) -> None:
        store = MetricStore(database, most_series=2)
        samples = [MetricSample("a", {"n": str(n)}, float(n)) for n in range(5)]

        assert store.append(CHAT, NOON, samples) == 3
        assert store.append(CHAT, NOON + 1, samples) == 3

        assert store.dropped_series == 6
        assert len(store.series([])) == 2

    def test_targets_above_the_limit_are_dropped_and_counted(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(frames, "MOST_TARGETS", 1)
        store = MetricStore(database)

        assert store.append(CHAT, NOON, [MetricSample("a", {}, 1.0)]) == 0
        assert store.append(VIDEO, NOON, [MetricSample("a", {}, 1.0)]) == 1

        assert (store.dropped_series, store.dropped_frames) == (1, 1)

    def test_nothing_is_a_frame_too(self, database: Database) -> None:
        store = MetricStore(database)

        assert store.append(CHAT, NOON, []) == 0
        assert store.append(CHAT, NOON + 1, [MetricSample("a", {}, 1.0)]) == 0
        assert len(store.select(named("a"), NOON, NOON + 1)[0][1]) == 2

    def test_what_cannot_be_written_is_counted(self, tmp_path: Path) -> None:
        database = Database(tmp_path / "observatory.db", (SCHEMA,))
        store = MetricStore(database, SMALL)
        database.write(
            lambda connection: [
                connection.execute(f"DROP TABLE {name}")
                for name in ("metric_frame", "metric_block")
            ]
        ).result(10)

        counters(store, 70, 10)
        settle(database)

        # Seven frames at the finest level, six of them at the next, one at the coarsest; and the
        # block of the first minute could not be packed.
        assert store.dropped_frames == 7 + 6 + 1 + 6
        database.close()


class TestSelect:
    def test_bounds_are_included(self, database: Database) -> None:
        store = MetricStore(database)
        counters(store, 60)

        ((_, times, _),) = store.select(named("ticks_total"), NOON + 10, NOON + 20)

        assert times.tolist() == [NOON + 10, NOON + 15, NOON + 20]
        assert store.select(named("ticks_total"), NOON - 20, NOON - 10) == []
        assert store.select(named("missing"), NOON, NOON + 60) == []

    def test_a_series_that_comes_later_is_found_by_what_was_asked_before(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("affectscope.observatory.series._REMEMBERED", 2)
        store = MetricStore(database)
        for count in (1, 2):
            store.append(CHAT, NOON + count, [MetricSample("up", {"n": str(count)}, 1.0)])
            for name in ("up", "down", "left", "up"):
                found = store.select(named(name), NOON, NOON + count)
                assert len(found) == (count if name == "up" else 0)

    def test_series_of_a_target_share_their_times(self, database: Database) -> None:
        store = MetricStore(database)
        counters(store, 60)

        one, other = store.select([Matcher("service", "=", "chat")], NOON, NOON + 60)

        assert one[1] is other[1]

    @pytest.mark.parametrize("settled", [True, False])
    def test_old_samples_are_coarse_and_new_ones_fine(
        self, settled: bool, database: Database
    ) -> None:
        store = MetricStore(database, SMALL)
        counters(store, 1200)
        if settled:
            settle(database)

        ((_, times, values),) = store.select(named("ticks_total"), NOON, NOON + 1200)

        # Every value is that of its own time, whatever the level.
        assert (values == times - NOON).all()
        distances = np.diff(times)
        assert (distances > 0).all()
        assert distances[-20:].max() == 5
        if settled:
            assert distances[0] == 60
            assert 10 in distances
            assert len(times) < 130

    def test_a_resolution_that_is_coarse_enough_takes_fewer_samples(
        self, database: Database
    ) -> None:
        store = MetricStore(database, SMALL)
        counters(store, 1200)
        settle(database)

        ((_, times, values),) = store.select(named("ticks_total"), NOON, NOON + 1200, 60.0)

        assert len(times) < 35
        assert (values == times - NOON).all()
        # What is not rolled up yet is there all the same.
        assert times[-1] == NOON + 1195

    def test_gauges_are_rolled_up_to_their_mean(self, database: Database) -> None:
        store = MetricStore(database, SMALL)
        counters(store, 1200)
        settle(database)

        ((_, _, values),) = store.select(named("swing"), NOON, NOON + 600)

        assert set(values.tolist()) == {0.5}

    def test_what_counters_had_before_a_restart_is_not_lost(self, database: Database) -> None:
        store = MetricStore(database, SMALL)
        store.columns(CHAT, [("a_total", {}, "counter")])
        # Counts seconds, and starts anew at 95 s, at 245 s and at 250 s.
        began = 0
        for second in range(0, 1200, 5):
            began = second if second in (95, 245, 250) else began
            store.append_row(CHAT, NOON + second, np.array([float(second - began)]))
        settle(database)

        ((_, times, values),) = store.select(named("a_total"), NOON, NOON + 1200, 60.0)

        assert len(times) < 35
        assert NOON + 90 in times
        assert NOON + 240 in times
        grown = np.where(np.diff(values) < 0, values[1:], np.diff(values)).sum()
        assert values[0] + grown == 90 + (240 - 95) + (1195 - 250)

    def test_too_much_is_refused(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        store = MetricStore(database)
        counters(store, 60)
        monkeypatch.setattr(frames, "MOST_VALUES", 11)

        with pytest.raises(InvalidValue, match="more than 11 values"):
            store.select([Matcher("service", "=", "chat")], NOON, NOON + 60)


class TestRestart:
    @pytest.mark.parametrize("seconds", [3, 59, 300, 1195])
    def test_a_restart_loses_nothing(self, seconds: int, database: Database) -> None:
        store = MetricStore(database, SMALL)
        counters(store, seconds, 1)
        settle(database)

        again = MetricStore(database, SMALL)

        for name in ("ticks_total", "swing"):
            for resolution in (0.0, 60.0):
                span = (NOON, NOON + seconds, resolution)
                ((labels, times, values),) = store.select(named(name), *span)
                ((labels2, times2, values2),) = again.select(named(name), *span)
                assert labels == labels2
                assert times.tolist() == times2.tolist()
                assert values.tolist() == values2.tolist()

    def test_a_restart_goes_on_where_it_was(self, tmp_path: Path) -> None:
        """Rolled up as if there had been no restart; series keep their columns."""

        def ticks(path: Path, restart: Callable[[int], bool]) -> list[list[float]]:
            database = Database(path, (SCHEMA,))
            store = MetricStore(database, SMALL)
            for second in range(0, 300, 3):
                if restart(second):
                    database.close()
                    database = Database(path, (SCHEMA,))
                    store = MetricStore(database, SMALL)
                columns = store.columns(CHAT, [("a_total", {}, "counter"), ("b", {}, "gauge")])
                assert columns == [0, 1]
                store.append_row(CHAT, NOON + second, np.array([second, second % 2]))
            settle(database)
            found = store.select([Matcher("job", "=", "affectscope")], NOON, NOON + 300)
            database.close()
            return [values.tolist() for _, _, values in found]

        whole = ticks(tmp_path / "whole.db", lambda second: False)
        assert ticks(tmp_path / "cut.db", lambda second: second in (6, 33, 156)) == whole

    def test_blocks_not_packed_at_the_end_are_packed_after_a_restart(
        self, database: Database
    ) -> None:
        store = MetricStore(database, SMALL)
        store.append(CHAT, NOON, [MetricSample("a", {}, 1.0)])
        settle(database)
        row = database.write(
            lambda connection: connection.execute("SELECT data FROM metric_frame").fetchone()
        ).result(10)
        database.write(
            lambda connection: connection.execute(
                "INSERT INTO metric_frame VALUES (1, 0, ?, ?)", (NOON + 90, row[0])
            )
        ).result(10)

        again = MetricStore(database, SMALL)
        settle(database)

        ((_, times, _),) = again.select(named("a"), NOON, NOON + 100)
        assert times.tolist() == [NOON, NOON + 90]
        with database.read() as connection:
            (packed,) = connection.execute("SELECT count(*) FROM metric_block").fetchone()
        assert packed == 1


class TestRetention:
    def test_blocks_before_a_time_are_deleted_oldest_first(self, database: Database) -> None:
        store = MetricStore(database, SMALL)
        counters(store, 2400)
        settle(database)

        def delete(limit: int) -> int:
            return database.write(
                lambda connection: store.delete_before(connection, NOON + 960, limit)
            ).result(10)

        assert delete(1) == 1
        assert delete(100) == 3
        assert delete(100) == 0

        ((_, times, _),) = store.select(named("ticks_total"), NOON, NOON + 2400)
        assert times[0] >= NOON + 960
        assert MetricStore(database, SMALL).select(named("ticks_total"), NOON, NOON + 900) == []


class TestCatalogue:
    def test_series_and_descriptions(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(frames, "_MOST_DESCRIPTIONS", 2)
        store = MetricStore(database)
        store.append(CHAT, NOON, [MetricSample("a", {"x": "1"}, 1.0)])
        store.append(VIDEO, NOON, [MetricSample("a", {}, 1.0), MetricSample("b", {}, 1.0)])
        store.describe("a", kind="gauge")
        store.describe("a", text="x" * 2000)
        store.describe("b", text="B")
        store.describe("c", kind="counter")

        assert len(store.series(named("a"))) == 2
        assert len(store.series([Matcher("x", "!=", "1")])) == 2
        assert store.descriptions() == {"a": ("gauge", "x" * 1000), "b": ("unknown", "B")}


def test_a_day_of_one_service_is_read_fast(database: Database) -> None:
    store = MetricStore(database)
    store.columns(CHAT, [(f"m{n}_total", {}, "counter") for n in range(100)])
    values = np.zeros(100)
    for second in range(0, DAY, 60):
        values = values + 1
        store.append_row(CHAT, NOON + second, values)
    settle(database)

    started = time.perf_counter()
    found = store.select([Matcher("__name__", "=~", "m1._total")], NOON, NOON + DAY, 60.0)

    assert time.perf_counter() - started < 0.2
    assert len(found) == 10
    assert len(found[0][1]) == DAY // 60


def test_readers_and_writers_at_once(database: Database) -> None:
    """No sample is missing or doubled while blocks are packed beneath the readers."""
    store = MetricStore(database, SMALL)
    counters(store, 30, 1)
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            newest = store.select(named("ticks_total"), NOON, NOON + 1e6)[0]
            times, values = newest[1], newest[2]
            if not ((np.diff(times) > 0).all() and (values == times - NOON).all()):
                wrong.append("order or value")
            if (np.diff(times)[-30:] != 1).any():
                wrong.append("gap")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for second in range(30, 1000):
        store.append_row(CHAT, NOON + second, np.array([second, 0.0]))
    done.set()
    for reader in readers:
        reader.join(10)

    assert wrong == []

"""The store of logs, its search, and its endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from affectscope.errors import InvalidValue
from affectscope.observatory import logs
from affectscope.observatory.database import Database
from affectscope.observatory.logs import LogQuery, LogStore, full_text
from affectscope.observatory.otlp_logs import LogLine
from affectscope.observatory.reading import deadline
from tests.observatory.store_parts import NOW, Stores, stores_with_client


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogStore]:
    database = Database(tmp_path_factory.mktemp("logs") / "telemetry.db", (logs.SCHEMA,))
    store = LogStore(database)
    add(
        store,
        "model loaded",
        "request finished",
        "Straße größer als gedacht",
        "rate-limit: 50% of a*b",
        'he said "model not loaded" AND left',
        "日本語 のテスト",
    )
    yield store
    database.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "telemetry.db", (logs.SCHEMA,))
    yield found
    found.close()


@pytest.fixture
def store(database: Database) -> LogStore:
    return LogStore(database)


def line(event: str, time: float = NOW, **fields: Any) -> LogLine:
    own = {"service": "chat", "level": 1, "trace_id": None, "span_id": None, "fields": "{}"}
    return LogLine(time=time, event=event, **{**own, **fields})


def add(store: LogStore, *events: str, **fields: Any) -> int:
    lines = [line(event, NOW + place, **fields) for place, event in enumerate(events)]
    return store.add(lines).result()


def found(store: LogStore, words: str = "", **query: Any) -> list[str]:
    return [one["event"] for one in store.find(LogQuery(words, **query))]


class TestSearch:
    @pytest.mark.parametrize(
        ("words", "events"),
        [
            ("finished request", ["request finished"]),
            ("req", ["request finished"]),
            ("req finished", []),
            ("GRÖSSER", []),
            ("größer", ["Straße größer als gedacht"]),
            ("grosser", []),
            ("groß", ["Straße größer als gedacht"]),
            ("gedacht strasse", []),
            ('"model loaded"', ["model loaded"]),
            ('"model loade"', []),
            ("model loaded", ['he said "model not loaded" AND left', "model loaded"]),
            ("rate-limit", ["rate-limit: 50% of a*b"]),
            ("a*b", ["rate-limit: 50% of a*b"]),
            ("50%", ["rate-limit: 50% of a*b"]),
            ("AND", ['he said "model not loaded" AND left']),
            ("日本語", ["日本語 のテスト"]),
            ("---", []),
            ("event:model", []),
        ],
    )
    def test_words(self, searched: LogStore, words: str, events: list[str]):
        assert found(searched, words) == events

    def test_everything_without_words(self, searched: LogStore):
        assert len(found(searched)) == len(found(searched, "  ")) == 6

    @settings(
        max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.text(max_size=60) | st.text("\"*^:()+-{}\0 NEARANDORNOT\\'ä\ud800", max_size=30))
    @example('"')
    @example('""a"')
    @example("NEAR(a b, 5)")
    @example("a\0b")
    @example("\ud800 x")
    @example("² ½ ༳")
    def test_no_text_is_wrong(self, searched: LogStore, words: str):
        assert len(found(searched, words)) <= 6

    def test_words_are_bounded(self, searched: LogStore):
        expression = full_text("word " * 100 + "x" * 5000)
        assert expression is not None
        assert expression.count('"') == 40
        assert found(searched, "model " * 100) == found(searched, "model")

    def test_words_at_line_ends_within_fields_are_found(self, store: LogStore):
        trace = json.dumps({"stack": 'in "a\\b"\nraise Unusual\tHere'})
        fields = trace.replace("\\n", "\n").replace("\\t", "\t")
        store.add([line("failed", fields=fields)]).result()
        assert found(store, "raise") == found(store, "here") == ["failed"]
        assert store.find(LogQuery())[0]["fields"] == json.loads(trace)


class TestStore:
    def test_newest_first_whatever_the_order_of_arrival(self, store: LogStore):
        add(store, "0", "1", "2")
        store.add([line("late", NOW + 0.5), line("first", NOW - 9)]).result()
        assert found(store) == ["2", "1", "late", "0", "first"]

    def test_a_line_is_shown_as_it_came(self, store: LogStore):
        when = NOW + 0.123456
        given = line("x", when, service="survey", level=4, trace_id=b"t" * 16, span_id=b"s" * 8)
        store.add([given]).result()
        (shown,) = store.find(LogQuery())
        assert shown.pop("id").isdecimal()
        assert shown == {
            "time": when,
            "service": "survey",
            "level": "critical",
            "event": "x",
            "trace_id": b"t".hex() * 16,
            "span_id": b"s".hex() * 8,
            "fields": {},
        }

    def test_filters(self, store: LogStore):
        add(store, "a", "b", level=3)
        add(store, "c", "d", service="video", trace_id=b"t" * 16)
        store.add([line("e", NOW + 5, level=2), line("f", NOW - 5, level=0)]).result()
        assert found(store, level="error") == ["b", "a"]
        assert found(store, level="warning") == ["e", "b", "a"]
        assert found(store, level="info", end=NOW) == []
        assert found(store, end=NOW) == ["f"]
        assert found(store, service="video") == ["d", "c"]
        assert found(store, trace_id=b"t".hex() * 16) == ["d", "c"]
        assert found(store, start=NOW + 1, end=NOW + 5) in (["b", "d"], ["d", "b"])
        assert found(store, "d", service="chat") == []
        assert found(store, limit=1) == ["e"]

    def test_many_at_one_moment_are_all_kept(self, store: LogStore):
        for _ in range(3):
            events = [line(str(number)) for number in range(1500)]
            assert store.add(events).result() == 1500
        assert len(store.find(LogQuery(limit=10_000))) == 4500
        times = {one["time"] for one in store.find(LogQuery(limit=10_000))}
        assert max(times) - min(times) < 0.01

    def test_deleting_keeps_the_search_in_step(self, database: Database, store: LogStore):
        add(store, *(f"word{n} common" for n in range(5)))
        deleted = [
            database.write(lambda c: store.delete_before(c, NOW + 3, 2)).result() for _ in range(3)
        ]
        assert deleted == [2, 1, 0]
        assert found(store, "common") == ["word4 common", "word3 common"]
        assert found(store, "word1") == []

    def test_a_search_that_takes_too_long_ends(self, database: Database):
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        )
        with (
            database.read() as connection,
            pytest.raises(InvalidValue, match=r"0\.01 s"),
            deadline(connection, 0.01),
        ):
            connection.execute(endless).fetchall()
        with database.read() as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Stores, httpx.AsyncClient]]:
    async with stores_with_client(tmp_path) as given:
        yield given


class TestApi:
    pytestmark = pytest.mark.anyio

    async def test_pages_miss_nothing_even_within_a_microsecond(self, both):
        stores, api = both
        stores.logs.add([line(str(n), NOW + n // 5) for n in range(20)]).result()
        events: list[str] = []
        before = None
        while True:
            parameters = {"limit": 3} | ({} if before is None else {"before": before})
            page = (await api.get("/api/logs", params=parameters)).json()
            events += [one["event"] for one in page["logs"]]
            before = page["next"]
            if before is None:
                break
        assert sorted(events, key=int) == [str(n) for n in range(20)]

    @pytest.mark.parametrize(
        "query",
        ["level=loud", "trace_id=12", "start=5&end=4", "limit=501", "query=" + "x" * 501],
    )
    async def test_what_cannot_be(self, both, query):
        assert (await both[1].get(f"/api/logs?{query}")).status_code == 422

    async def test_by_words_level_and_trace(self, both):
        stores, api = both
        stores.logs.add([line("needle", level=3, trace_id=b"t" * 16), line("hay")]).result()
        for query in ("query=need", "level=error", f"trace_id={(b't' * 16).hex().upper()}"):
            answer = (await api.get(f"/api/logs?{query}")).json()
            assert [one["event"] for one in answer["logs"]] == ["needle"]
            assert answer["next"] is None

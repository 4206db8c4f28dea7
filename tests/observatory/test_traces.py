"""The store of traces and its endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from affectscope.observatory import profiles, traces
from affectscope.observatory.clock_skew import SKEW, align
from affectscope.observatory.database import Database
from affectscope.observatory.otlp_spans import Span
from affectscope.observatory.tail_sampling import KeptTrace
from affectscope.observatory.traces import TraceQuery, TraceStore
from tests.observatory.store_parts import NOW, Stores, span, stores_with_client


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "telemetry.db", (traces.SCHEMA, profiles.SCHEMA))
    yield found
    found.close()


@pytest.fixture
def store(database: Database) -> TraceStore:
    return TraceStore(database)


def add(store: TraceStore, *spans: Span, kept: Any = "share") -> int:
    by_trace: dict[str, list[Span]] = {}
    for one in spans:
        by_trace.setdefault(one.trace_id, []).append(one)
    return store.add([KeptTrace(t, kept, list(s)) for t, s in by_trace.items()]).result()


def names(store: TraceStore, **query: Any) -> list[str]:
    return [found["trace_id"].lstrip("0") for found in store.find(TraceQuery(**query))]


class TestStore:
    def test_a_trace_is_told_by_its_root(self, store: TraceStore):
        inner = span(1, 2, 1, service="survey", entry=True, seconds=9, endpoint="/other")
        outer = span(1, 1, None, service="integrated", start=NOW - 1, seconds=2, endpoint="/all")
        assert add(store, inner, outer) == 2
        (found,) = store.find(TraceQuery())
        assert found == {
            "trace_id": f"{1:032x}",
            "start": NOW - 1,
            "seconds": 2.0,
            "service": "integrated",
            "name": "POST /analyze-chat",
            "endpoint": "/all",
            "status": 200,
            "error": False,
            "error_type": None,
            "services": ["integrated", "survey"],
            "spans": 2,
            "kept": "share",
            "profiles": 0,
        }

    def test_without_a_root_by_the_longest_that_entered(self, store: TraceStore):
        add(
            store,
            span(1, 2, 77, name="stage", seconds=50),
            span(1, 3, 99, name="short", entry=True, seconds=1),
            span(1, 4, 99, name="long", entry=True, seconds=2),
            span(2, 5, 5, name="its own parent"),
        )
        assert {one["name"] for one in store.find(TraceQuery())} == {"long", "its own parent"}

    def test_the_kind_of_an_error_below_is_told_above(self, store: TraceStore):
        add(store, span(1), span(1, 2, 1, error=True))
        (found,) = store.find(TraceQuery(errors=True))
        assert (found["error"], found["error_type"]) == (True, "internal")
        assert names(store, errors=False) == []

    def test_what_comes_late_is_added(self, store: TraceStore):
        add(store, span(1, 2, 1, service="survey", entry=True, start=NOW + 5), kept="slow")
        add(store, span(1, 1, service="integrated", error=True, start=NOW), span(1, 2, 1))
        (found,) = store.find(TraceQuery())
        assert found["services"] == ["chat", "integrated", "survey"]
        assert (found["service"], found["start"], found["error"]) == ("integrated", NOW, True)
        assert (found["spans"], found["kept"]) == (3, "slow")
        for service in ("chat", "integrated", "survey"):
            assert names(store, service=service, start=NOW, end=NOW + 1) == ["1"]
        stored = store.spans(f"{1:032x}")
        assert stored is not None
        assert [one["span_id"][-1] for one in stored] == ["2", "1"]
        assert add(store, span(1, 9, 1, start=NOW - 50)) == 1
        assert store.find(TraceQuery())[0]["start"] == NOW

    def test_the_longest_stands_for_all_also_where_it_comes_late(self, store: TraceStore):
        add(store, span(1, 3, 2, service="chat", entry=True, start=NOW + 1, seconds=1))
        add(store, span(1, 2, 99, service="integrated", entry=True, start=NOW, seconds=5))
        add(store, span(1, 4, 2, service="survey", entry=True, start=NOW + 2, seconds=2))
        (found,) = store.find(TraceQuery())
        assert (found["service"], found["start"], found["seconds"]) == ("integrated", NOW, 5)
        assert names(store, service="survey", start=NOW, end=NOW + 0.5) == ["1"]

    def test_filters(self, store: TraceStore):
        add(
            store,
            span(1, start=NOW, endpoint="/a"),
            span(2, start=NOW + 1, endpoint="/b", seconds=3),
            span(3, start=NOW + 2, service="video", error=True),
        )
        assert names(store) == ["3", "2", "1"]
        assert names(store, limit=2) == ["3", "2"]
        assert names(store, start=NOW + 1) == ["3", "2"]
        assert names(store, end=NOW + 1) == ["1"]
        assert names(store, endpoint="/b") == ["2"]
        assert names(store, least_seconds=3) == ["2"]
        assert names(store, service="chat", errors=False) == ["2", "1"]
        assert names(store, service="chat' OR 1=1 --") == []

    def test_deletes_the_oldest_first_and_all_of_them(self, database, store):
        add(store, *(span(trace, start=NOW + trace) for trace in (3, 1, 2, 4)))
        add(store, span(1, 2, 1, start=NOW + 1))
        deleted = [
            database.write(lambda c: store.delete_before(c, NOW + 4, 2)).result() for _ in range(3)
        ]
        assert deleted == [2, 1, 0]
        assert names(store) == ["4"]
        with database.read() as connection:
            for table in ("trace_part", "trace_service"):
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)

    def test_the_longest_traces_are_cut(self, store, monkeypatch):
        add(store, span(1))
        add(store, span(1, 2, 1))
        monkeypatch.setattr(traces, "_MOST_BYTES_READ", 100)
        assert len(store.spans(f"{1:032x}")) == 1


def shown(number: int, parent: int | None, start: float, seconds: float, service: str):
    return span(1, number, parent, start=start, seconds=seconds, service=service).document


class TestSkew:
    def test_a_call_before_its_caller_is_moved_with_what_it_did(self):
        inner = shown(2, 1, 90.0, 2.0, "chat") | {
            "events": [{"name": "x", "time": 91.0, "attributes": {}}]
        }
        found = align(
            [shown(3, 2, 90.5, 1.0, "chat"), inner, shown(1, None, 100, 10, "integrated")]
        )
        assert [(one["span_id"][-1], one["start"]) for one in found] == [
            ("1", 100.0),
            ("2", 104.0),
            ("3", 104.5),
        ]
        assert found[1]["attributes"][SKEW] == found[2]["attributes"][SKEW] == 14.0
        assert found[1]["events"][0]["time"] == 105.0

    def test_a_call_longer_than_its_caller_begins_with_it(self):
        found = align([shown(1, None, 100, 1, "integrated"), shown(2, 1, 99, 5, "chat")])
        assert [one["start"] for one in found] == [100, 100]

    def test_all_else_stays(self):
        spans = [
            shown(1, None, 100, 1, "chat"),
            shown(2, 1, 99, 1, "chat"),
            shown(3, 1, 100.5, 9, "survey"),
            shown(4, 99, 98, 1, "video"),
        ]
        assert align(spans) == sorted(spans, key=lambda one: one["start"])

    def test_spans_in_a_circle_are_shown(self):
        spans = [shown(1, 2, 100, 1, "chat"), shown(2, 1, 99, 1, "chat")]
        assert len(align(spans)) == 2


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Stores, httpx.AsyncClient]]:
    async with stores_with_client(tmp_path) as found:
        yield found


class TestApi:
    pytestmark = pytest.mark.anyio

    async def test_pages(self, both):
        stores, api = both
        add(stores.traces, *(span(trace, start=NOW + trace) for trace in range(1, 8)))
        found, before = [], None
        while True:
            parameters = {"limit": 3} | ({} if before is None else {"before": before})
            page = (await api.get("/api/traces", params=parameters)).json()
            found += [trace["trace_id"] for trace in page["traces"]]
            before = page["next"]
            if before is None:
                break
        assert found == [f"{trace:032x}" for trace in range(7, 0, -1)]

    async def test_one(self, both):
        stores, api = both
        add(stores.traces, span(0xAB), span(0xAB, 2, 1, start=NOW + 1, seconds=1))
        document = (await api.get(f"/api/traces/{0xAB:032X}")).json()
        assert (document["start"], document["seconds"]) == (NOW, 2.0)
        assert (document["logs"], document["profiles"]) == ([], [])
        assert len(document["spans"]) == 2

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/traces/nothing", 422),
            ("/api/traces/" + "0" * 32, 404),
            ("/api/traces?limit=0", 422),
            ("/api/traces?limit=501", 422),
            ("/api/traces?start=2&end=1", 422),
            ("/api/traces?start=nan", 422),
            ("/api/traces?errors=perhaps", 422),
            ("/api/traces?min_seconds=inf", 422),
        ],
    )
    async def test_what_cannot_be(self, both, path, status):
        answer = await both[1].get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_only_for_operators(self, both):
        headers = {"x-forwarded-for": "203.0.113.9"}
        for path in ("/api/traces", f"/api/traces/{1:032x}", "/api/logs", "/api/profiles"):
            assert (await both[1].get(path, headers=headers)).status_code == 403

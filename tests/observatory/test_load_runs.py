"""The store of load tests, its comparison, and their endpoints."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from affectscope.observatory import load_runs
from affectscope.observatory.database import Database
from affectscope.observatory.load_compare import compare
from affectscope.observatory.load_runs import LoadStore
from affectscope.observatory.load_runs_api import add_load_routes
from affectscope.service import Service, ServiceSettings
from tests.service.apps import client

NOW = 1_760_000_000.0
BLOCKS = 20


def times(values: np.ndarray) -> dict[str, float | None]:
    return {
        "mean_seconds": float(values.mean()),
        **{f"p{one}_seconds": float(np.quantile(values, one / 100)) for one in (50, 95, 99)},
        "max_seconds": float(values.max()),
    }


def run(
    id: str = "a1", start: float = NOW, *, slower: float = 1.0, seed: int = 1, **more: Any
) -> dict[str, Any]:
    """A run as the gateway sends it: 2,000 requests, log-normal around 10 ms."""
    values = np.random.default_rng(seed).lognormal(-4.6, 0.4, 2000) * slower
    blocks = []
    for part in np.split(values, BLOCKS):
        block = HdrHistogram(1, 3_600_000_000, 3)
        for value in part:
            block.record_value(int(value * 1e6))
        blocks.append(block.encode().decode())
    figures = {
        "requests": 2000,
        "errors": {},
        "achieved_rate": 20.0,
        "corrected": times(values),
        "raw": times(values),
    }
    return {
        "id": id,
        "state": "finished",
        "partial": False,
        "mode": "constant",
        "test_type": "chat",
        "start": start,
        "end": start + 100,
        "plan": {"mode": "constant", "test_type": "chat", "rate": 20.0, "duration": 100.0},
        "summary": figures,
        "services": {"chat": figures},
        "points": [{"start": 0.0, "achieved_rate": 20.0, "p50_seconds": None}],
        "curves": {"all": {"corrected": [], "raw": []}},
        "flags": [{"code": "few-requests", "text": "few"}],
        "histograms": {
            name: {"corrected": "", "raw": "", "blocks": blocks} for name in ("all", "chat")
        },
        **more,
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LoadStore]:
    database = Database(tmp_path / "telemetry.db", (load_runs.SCHEMA,))
    yield LoadStore(database, most=5)
    database.close()


@pytest.fixture
def database(store: LoadStore) -> Database:
    return store._database


class TestStore:
    def test_a_run_comes_back_whole(self, store: LoadStore) -> None:
        store.add(run()).result()

        assert store.get("a1") == run()
        assert store.get("none") is None

    def test_the_list_is_newest_first_and_light(self, store: LoadStore) -> None:
        for number in range(3):
            store.add(run(f"r{number}", NOW + number)).result()

        found = store.find(None, None, 2)
        assert [one["id"] for one in found] == ["r2", "r1"]
        assert found[0]["corrected"]["p99_seconds"] > 0.01
        assert found[0]["flags"] == ["few-requests"]
        assert not {"points", "histograms", "curves"} & set(found[0])

    def test_a_time_finds_what_ran_within(self, store: LoadStore) -> None:
        store.add(run()).result()

        assert store.find(NOW + 99, NOW + 200, 10)
        assert store.find(NOW - 50, NOW + 1, 10)
        assert not store.find(NOW + 101, None, 10)
        assert not store.find(None, NOW, 10)

    def test_the_same_run_is_kept_once(self, store: LoadStore) -> None:
        store.add(run()).result()
        store.add(run(state="stopped")).result()

        assert [one["state"] for one in store.find(None, None, 10)] == ["stopped"]

    def test_the_oldest_give_way(self, store: LoadStore) -> None:
        for number in range(7):
            store.add(run(f"r{number}", NOW + number)).result()

        assert [one["id"] for one in store.find(None, None, 10)] == ["r6", "r5", "r4", "r3", "r2"]

    def test_retention_deletes_the_oldest_first(self, store: LoadStore, database: Database) -> None:
        for number in range(3):
            store.add(run(f"r{number}", NOW + number)).result()

        deleted = database.write(lambda one: store.delete_before(one, NOW + 2, 1)).result()

        assert deleted == 1
        assert store.get("r0") is None
        assert store.get("r1") is not None

    def test_a_run_that_failed_at_once_has_an_entry(self, store: LoadStore) -> None:
        store.add(run(summary=None, services={}, state="failed", detail="broken")).result()

        (found,) = store.find(None, None, 10)
        assert (found["detail"], found["corrected"]) == ("broken", None)


class TestCompare:
    def test_a_slower_run_is_surely_slower(self) -> None:
        found = compare(run(), run("b2", seed=2, slower=1.5))

        p50 = found["ratios"]["all"]["corrected"]["p50_seconds"]
        assert found["comparable"] is True
        assert p50["ratio"] == pytest.approx(1.5, rel=0.08)
        assert p50["low"] < p50["ratio"] < p50["high"]
        assert p50["sure"] is True
        assert found["ratios"]["chat"]["achieved_rate"]["ratio"] == 1

    def test_equal_runs_seldom_differ_for_sure(self) -> None:
        sure = 0
        for seed in range(20):
            found = compare(run(seed=seed), run("b2", seed=seed + 100))
            sure += found["ratios"]["all"]["corrected"]["p50_seconds"]["sure"]

        assert sure <= 4

    def test_what_was_not_asked_alike_is_named(self) -> None:
        other = run("b2")
        other["plan"] = {**other["plan"], "rate": 40.0}

        found = compare(run(), other)
        assert found["comparable"] is False
        assert found["differences"] == [{"field": "rate", "base": 20.0, "other": 40.0}]

    def test_a_part_of_a_run_is_not_comparable(self) -> None:
        assert compare(run(), run("b2", partial=True))["comparable"] is False

    def test_runs_without_times_have_no_ratio(self) -> None:
        closed = {"requests": 5, "errors": {}, "corrected": None, "raw": {"p50_seconds": 0.1}}
        one = run(summary=closed, services={"survey": closed}, histograms={})

        found = compare(one, run("b2"))["ratios"]
        assert list(found) == ["all"]
        assert found["all"]["corrected"] is None
        assert found["all"]["raw"]["p99_seconds"]["ratio"] is None
        assert found["all"]["raw"]["p50_seconds"]["ratio"] > 0


@asynccontextmanager
async def asking(store: LoadStore, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    service = Service(
        "observatory",
        settings=ServiceSettings.model_validate(settings),
        title="Test",
        description="Load tests.",
        endpoints=[],
    )
    add_load_routes(service, store)
    async with client(service) as found:
        yield found


class TestEndpoints:
    async def _kept(self, found: httpx.AsyncClient, *runs: dict[str, Any]) -> None:
        for one in runs:
            answer = await found.post("/api/load-tests", json=one)
            assert (answer.status_code, answer.json()) == (202, {"id": one["id"]})

    def test_runs_are_kept_listed_shown_compared_and_deleted(self, store: LoadStore) -> None:
        async def ask() -> None:
            async with asking(store) as found:
                await self._kept(found, run("a1"), run("b2", NOW + 10, slower=2))

                listed = (await found.get("/api/load-tests?limit=1")).json()
                shown = (await found.get("/api/load-tests/a1")).json()
                whole = (await found.get("/api/load-tests/a1?histograms=true")).json()
                compared = (await found.get("/api/load-tests/a1/compare/b2")).json()
                deleted = await found.delete("/api/load-tests/a1")
                gone = await found.get("/api/load-tests/a1/compare/b2")

                assert [one["id"] for one in listed["runs"]] == ["b2"]
                assert shown["points"] == run()["points"]
                assert "histograms" not in shown
                assert len(whole["histograms"]["all"]["blocks"]) == BLOCKS
                ratio = compared["ratios"]["all"]["corrected"]["p50_seconds"]["ratio"]
                assert ratio == pytest.approx(2, rel=1e-3)
                assert deleted.status_code == 204
                assert gone.status_code == 404
                assert (await found.delete("/api/load-tests/a1")).status_code == 404

        asyncio.run(ask())

    def test_the_document_describes_all_that_it_names(self, store: LoadStore) -> None:
        async def ask() -> dict[str, Any]:
            async with asking(store) as found:
                document: dict[str, Any] = (await found.get("/openapi.json")).json()
                return document

        document = asyncio.run(ask())
        named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
        assert {"LoadRun", "LoadFigures"} <= named <= set(document["components"]["schemas"])
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if path.startswith("/api/load-tests") and method == "get":
                    content = operation["responses"]["200"]["content"]["application/json"]
                    assert content["example"], path

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"id": "a b"}, "id"),
            ({"id": "x" * 65}, "id"),
            ({"state": "running"}, "finished"),
            ({"start": -1}, "start"),
            ({"end": NOW - 1}, "before start"),
            ({"points": [{}] * 5001}, "5000"),
            ({"plan": 3}, "plan"),
            ({"summary": {"corrected": {"p50_seconds": "slow"}}}, "p50_seconds"),
        ],
    )
    def test_what_is_no_run_is_refused_by_name(
        self, store: LoadStore, changes: dict[str, Any], named: str
    ) -> None:
        async def ask() -> None:
            async with asking(store) as found:
                answer = await found.post("/api/load-tests", json=run() | changes)

                assert answer.status_code == 422
                assert named in answer.json()["detail"]

        asyncio.run(ask())

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", ""),
            ("GET", ""),
            ("GET", "/a1"),
            ("GET", "/a1/compare/b2"),
            ("DELETE", "/a1"),
        ],
    )
    def test_only_for_operators(self, store: LoadStore, method: str, path: str) -> None:
        async def ask() -> None:
            async with asking(store, admin_token="t0ken") as found:
                strange = {"X-Forwarded-For": "1.2.3.4"}
                answer = await found.request(
                    method, f"/api/load-tests{path}", json=run(), headers=strange
                )

                assert answer.status_code == 403

        asyncio.run(ask())

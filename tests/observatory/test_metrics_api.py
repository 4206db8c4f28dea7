"""Metrics and services over HTTP, in the form that Grafana expects of Prometheus."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from affectscope.observatory.database import Database
from affectscope.observatory.frames import SCHEMA, MetricSample, MetricStore, TargetKey
from affectscope.observatory.metrics_api import add_metrics_routes
from affectscope.observatory.prometheus_form import PrometheusQueries
from affectscope.observatory.promql import Engine
from affectscope.observatory.scrape import Scraper
from affectscope.service import Service, ServiceSettings
from tests.service.apps import client

pytestmark = pytest.mark.anyio

NOW = 1_760_000_000.0
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(tmp_path / "observatory.db", (SCHEMA,))
    store = MetricStore(database)
    for second in range(-100, 1, 5):
        samples = [
            MetricSample("ticks_total", {"n": "1"}, float(second), "counter"),
            MetricSample("ticks_total", {"n": "2"}, math.inf, "counter"),
            MetricSample("level", {}, 1.5e-7, "gauge"),
        ]
        store.append(TargetKey("chat", "host:1"), NOW + second, samples)
    store.describe("level", kind="gauge", text="How high.")
    store.describe("ticks_total", kind="counter", text="How many.")
    service = Service(
        "test",
        settings=ServiceSettings(),
        title="Test",
        description="A service of the tests.",
        endpoints=[],
    )
    queries = PrometheusQueries(store, Engine(store), clock=lambda: NOW)
    scraper = Scraper(store, [("chat", "Chat Analysis", "http://127.0.0.1:9/")])
    add_metrics_routes(service, queries, scraper)
    async with client(service) as found:
        yield found
    database.close()


def labels(name: str, **others: str) -> dict[str, str]:
    own = {"job": "affectscope", "instance": "host:1", "service": "chat"}
    return {"__name__": name, **own, **others}


async def data(answer: httpx.Response) -> Any:
    document = answer.json()
    assert (answer.status_code, document["status"]) == (200, "success"), document
    assert answer.headers["content-type"] == "application/json"
    return document["data"]


class TestQuery:
    async def test_a_vector(self, api: httpx.AsyncClient) -> None:
        answer = await api.get("/api/v1/query", params={"query": "ticks_total", "time": NOW - 5})

        assert await data(answer) == {
            "resultType": "vector",
            "result": [
                {"metric": labels("ticks_total", n="1"), "value": [NOW - 5, "-5"]},
                {"metric": labels("ticks_total", n="2"), "value": [NOW - 5, "+Inf"]},
            ],
        }

    async def test_now_is_when_no_time_is_given(self, api: httpx.AsyncClient) -> None:
        found = await data(await api.get("/api/v1/query", params={"query": "level"}))

        assert found["result"] == [{"metric": labels("level"), "value": [NOW, "0.00000015"]}]

    async def test_a_number(self, api: httpx.AsyncClient) -> None:
        found = await data(await api.get("/api/v1/query", params={"query": "1+1"}))

        assert found == {"resultType": "scalar", "result": [NOW, "2"]}

    async def test_samples_as_they_are_kept(self, api: httpx.AsyncClient) -> None:
        found = await data(
            await api.get("/api/v1/query", params={"query": 'ticks_total{n="1"}[9s]'})
        )

        assert found == {
            "resultType": "matrix",
            "result": [
                {
                    "metric": labels("ticks_total", n="1"),
                    "values": [[NOW - 5, "-5"], [NOW, "0"]],
                }
            ],
        }

    @pytest.mark.parametrize("form", ["2025-10-09T08:53:20Z", "2025-10-09T10:53:20+02:00"])
    async def test_times_may_be_written_out(self, form: str, api: httpx.AsyncClient) -> None:
        found = await data(await api.get("/api/v1/query", params={"query": "time()", "time": form}))

        assert found["result"][1] == "1760000000"

    async def test_a_form_does_as_well(self, api: httpx.AsyncClient) -> None:
        answer = await api.post(
            "/api/v1/query", params={"time": "5"}, data={"query": "time()", "time": "7"}
        )

        assert (await data(answer))["result"] == [7.0, "7"]


class TestRange:
    @pytest.mark.parametrize("step", ["10", "10s"])
    @pytest.mark.parametrize("post", [False, True])
    async def test_a_matrix(self, step: str, post: bool, api: httpx.AsyncClient) -> None:
        parameters = {
            "query": "sum by (n) (ticks_total)",
            "start": str(NOW - 20),
            "end": str(NOW),
            "step": step,
        }
        if post:
            answer = await api.post("/api/v1/query_range", data=parameters)
        else:
            answer = await api.get("/api/v1/query_range", params=parameters)

        found = await data(answer)
        assert found["resultType"] == "matrix"
        assert found["result"][0] == {
            "metric": {"n": "1"},
            "values": [[NOW - 20, "-20"], [NOW - 10, "-10"], [NOW, "0"]],
        }


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "parameters", "status", "kind", "part"),
        [
            ("query", {}, 400, "bad_data", "query is missing"),
            ("query", {"query": "sum("}, 400, "bad_data", "invalid query"),
            ("query", {"query": "1", "time": "soon"}, 400, "bad_data", "time is 'soon'"),
            ("query", {"query": "1", "time": "nan"}, 400, "bad_data", "no time"),
            ("query", {"query": "level + on(job) ticks_total"}, 422, "execution", "many-to-many"),
            ("query_range", {"query": "1", "start": "1", "end": "2"}, 400, "bad_data", "step"),
            (
                "query_range",
                {"query": "1", "start": "1", "end": "2", "step": "long"},
                400,
                "bad_data",
                "step is 'long'",
            ),
            ("series", {}, 400, "bad_data", "match[] is missing"),
            ("series", {"match[]": "1+1"}, 400, "bad_data", "use a selector"),
            ("metadata", {"limit": "-1"}, 400, "bad_data", "limit is '-1'"),
        ],
    )
    async def test_say_what_is_wrong(
        self,
        path: str,
        parameters: dict[str, str],
        status: int,
        kind: str,
        part: str,
        api: httpx.AsyncClient,
    ) -> None:
        answer = await api.get(f"/api/v1/{path}", params=parameters)

        document = answer.json()
        assert (answer.status_code, document["status"]) == (status, "error")
        assert document["errorType"] == kind
        assert part in document["error"]

    @pytest.mark.parametrize(
        ("content", "headers", "status"),
        [
            (b"{}", {"content-type": "application/json"}, 415),
            (b"query=1&" * 2000, FORM, 400),
            (b"query=" + b"1" * 70_000, FORM, 413),
            (b"query=\xff", FORM, 400),
        ],
    )
    async def test_bodies_that_are_no_form(
        self, content: bytes, headers: dict[str, str], status: int, api: httpx.AsyncClient
    ) -> None:
        answer = await api.post("/api/v1/query", content=content, headers=headers)

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "path", ["query", "query_range", "series", "labels", "label/n/values", "metadata"]
    )
    async def test_strangers_learn_nothing(self, path: str, api: httpx.AsyncClient) -> None:
        away = {"x-forwarded-for": "203.0.113.9"}

        assert (await api.get(f"/api/v1/{path}", headers=away)).status_code == 403
        assert (await api.get("/api/services", headers=away)).status_code == 403
        assert (await api.post("/api/v1/query", headers=away)).status_code == 403


class TestListings:
    async def test_series(self, api: httpx.AsyncClient) -> None:
        parameters = [("match[]", 'ticks_total{n="1"}'), ("match[]", '{n=~".+"}')]

        found = await data(await api.get("/api/v1/series", params=parameters))

        assert found == [labels("ticks_total", n="1"), labels("ticks_total", n="2")]

    async def test_labels(self, api: httpx.AsyncClient) -> None:
        assert await data(await api.get("/api/v1/labels")) == [
            "__name__",
            "instance",
            "job",
            "n",
            "service",
        ]
        found = await data(await api.post("/api/v1/labels", data={"match[]": "level"}))
        assert found == ["__name__", "instance", "job", "service"]

    async def test_values_of_a_label(self, api: httpx.AsyncClient) -> None:
        assert await data(await api.get("/api/v1/label/n/values")) == ["1", "2"]
        assert await data(await api.get("/api/v1/label/missing/values")) == []
        parameters = {"match[]": "level"}
        answer = await api.get("/api/v1/label/__name__/values", params=parameters)
        assert await data(answer) == ["level"]

    async def test_what_metrics_are(self, api: httpx.AsyncClient) -> None:
        level = [{"type": "gauge", "help": "How high.", "unit": ""}]

        found = await data(await api.get("/api/v1/metadata"))
        assert found["level"] == level
        assert list(found) == ["level", "ticks_total"]
        assert await data(await api.get("/api/v1/metadata", params={"limit": "1"})) == {
            "level": level
        }
        assert await data(await api.get("/api/v1/metadata", params={"metric": "level"})) == {
            "level": level
        }


async def test_services(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/services")).json() == {
        "services": [
            {
                "name": "chat",
                "title": "Chat Analysis",
                "url": "http://127.0.0.1:9",
                "state": "unreachable",
                "version": None,
                "uptime_seconds": None,
                "last_scrape": None,
                "scrape_seconds": None,
                "detail": "not asked yet",
            }
        ]
    }


async def test_every_parameter_is_described(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()

    for path, methods in document["paths"].items():
        if path.startswith("/api/"):
            for operation in methods.values():
                assert operation["description"], path
                for parameter in operation.get("parameters", ()):
                    assert parameter.get("description"), (path, parameter["name"])
                    assert "example" in json.dumps(parameter), (path, parameter["name"])


async def test_a_long_range_is_answered_fast(api: httpx.AsyncClient) -> None:
    parameters = {"query": "rate(ticks_total[5m])", "start": NOW - 86_400, "end": NOW, "step": 60}
    started = time.perf_counter()

    await data(await api.get("/api/v1/query_range", params=parameters))

    assert time.perf_counter() - started < 0.5

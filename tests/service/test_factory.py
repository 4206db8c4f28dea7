"""Every service has the same monitoring, documents and manners."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from affectscope import __version__
from affectscope.errors import ModelUnavailable
from affectscope.service import Check, Service, ServiceSettings
from tests.service.apps import client, make, running, until

pytestmark = pytest.mark.anyio


class TestMonitoring:
    async def test_health_has_the_form_of_the_contract(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.get("/health")

        body = answer.json()
        assert answer.headers["content-type"] == "application/health+json"
        assert (body["service"], body["version"]) == ("test", __version__)
        assert body["status"] in ("pass", "warn")
        assert set(body["process"]) == {"pid", "threads", "open_files"}
        assert body["memory_bytes"] > 10_000_000
        assert body["cpu_percent"] >= 0
        assert body["uptime_seconds"] >= 0
        assert {"ready", "queue", "memory"} <= set(body["checks"])

    async def test_a_failing_check_fails_the_service(self) -> None:
        service, _ = make()
        service.health.add("disk", lambda: Check("fail", 0, "bytes", "the disk is full"))
        async with client(service) as web:
            answer = await web.get("/health")

        assert answer.status_code == 503
        assert answer.json()["checks"]["disk"][0]["output"] == "the disk is full"

    async def test_metrics_have_the_names_of_the_contract(self) -> None:
        service, _ = make()
        async with client(service) as web:
            await web.post("/analyze-test", json={})
            text = (await web.get("/metrics")).text

        families = {family.name: family for family in text_string_to_metric_families(text)}
        for name in ("requests", "processing_seconds", "errors", "memory_usage_bytes"):
            assert f"test_{name}" in families
        assert "test_cpu_usage_percent" in families
        sample = next(
            s
            for s in families["test_requests"].samples
            if s.labels == {"endpoint": "/analyze-test"}
        )
        assert sample.value == 1

    async def test_open_metrics_are_given_when_asked_for(self) -> None:
        service, _ = make()
        async with client(service) as web:
            await web.post("/analyze-test", json={})
            answer = await web.get("/metrics", headers={"accept": "application/openmetrics-text"})

        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")
        assert 'trace_id="' in answer.text

    async def test_the_profile_report_has_the_form_of_the_contract(self) -> None:
        service, _ = make()
        async with client(service) as web:
            report = (await web.get("/profile-report")).json()

        assert {
            "window_seconds",
            "process",
            "stages",
            "sampled_functions",
            "requests_profiled",
        } <= set(report)

    async def test_an_unmatched_route_is_counted_as_such(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.get("/nowhere/12345")
            text = (await web.get("/metrics")).text

        assert answer.status_code == 404
        assert 'test_errors_total{endpoint="unmatched",error_type="not-found"} 1.0' in text
        assert "12345" not in text


class TestReadiness:
    def service(self, warm_up: object) -> Service:
        assert callable(warm_up)
        return Service(
            "test",
            settings=ServiceSettings(),
            title="Test",
            description="Test",
            endpoints=[],
            warm_up=warm_up,
        )

    async def test_it_comes_with_the_models(self) -> None:
        loaded = threading.Event()
        service = self.service(lambda: loaded.wait(10))
        async with running(service), client(service) as web:
            before = await web.get("/readyz")
            alive = await web.get("/livez")
            loaded.set()
            assert await until(lambda: service.health.ready)
            after = await web.get("/readyz")

        assert (before.status_code, alive.status_code, after.status_code) == (503, 200, 200)
        assert before.headers["retry-after"] == "1"

    @pytest.mark.parametrize("alone", [True, False])
    async def test_what_was_loaded_is_kept_from_the_collector(self, alone: bool) -> None:
        service = self.service(lambda: None)
        service.owns_process = alone
        frozen = gc.get_freeze_count()
        try:
            async with running(service):
                assert await until(lambda: service.health.ready)
            assert (gc.get_freeze_count() > frozen) is alone
        finally:
            gc.unfreeze()

    @pytest.mark.parametrize("error", [ModelUnavailable("weights are gone"), ValueError("odd")])
    async def test_what_cannot_be_loaded_fails_with_the_reason(self, error: Exception) -> None:
        def broken() -> None:
            raise error

        service = self.service(broken)
        async with running(service), client(service) as web:
            assert await until(lambda: service.health.failure is not None)
            health = await web.get("/health")
            ready = await web.get("/readyz")

        assert (health.status_code, ready.status_code) == (503, 503)
        assert health.json()["checks"]["ready"][0]["status"] == "fail"


class TestDocuments:
    async def test_the_page_needs_no_network(self) -> None:
        service, _ = make()
        async with client(service) as web:
            page = await web.get("/docs")
            script = await web.get("/docs/assets/swagger-ui-bundle.js")
            document = (await web.get("/openapi.json")).json()

        assert "http://" not in page.text.replace("http://localhost", "")
        assert "https://" not in page.text
        assert len(script.content) > 1_000_000
        body = document["paths"]["/upload"]["post"]["requestBody"]["content"]
        assert body["multipart/form-data"]["schema"]["required"] == ["media"]


class TestDefects:
    async def test_the_user_sees_an_id_and_no_traceback(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.get("/defect")

        assert answer.status_code == 500
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert "ZeroDivision" not in answer.text
        assert "defect" not in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("path", "named"),
        [("/analyze-test?count=many", "count"), ("/analyze-test?pause=x", "pause")],
    )
    async def test_bad_parameters_are_named(self, path: str, named: str) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post(path, json={})

        assert answer.status_code == 422
        assert named in answer.json()["detail"]

    async def test_a_wrong_method_says_so(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.delete("/analyze-test")

        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"

    async def test_the_event_loop_turns_while_workers_compute(self) -> None:
        service, _ = make()
        async with client(service) as web:
            work = asyncio.ensure_future(web.post("/analyze-test?count=5&pause=0.1", json={}))
            await asyncio.sleep(0.05)
            assert (await web.get("/livez")).status_code == 200
            assert not work.done()
            assert (await work).status_code == 200

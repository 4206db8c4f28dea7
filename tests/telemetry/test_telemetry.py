"""The telemetry of a service, as its endpoints show it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from affectscope.telemetry import Telemetry, profile_call, stage

Ask = Callable[..., Any]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def hello(request: Request) -> PlainTextResponse:
    with stage("infer"):
        profile_call(lambda: None)
    return PlainTextResponse("hello")


def served(ask: Ask, telemetry: Telemetry) -> None:
    app = telemetry.middleware(Starlette(routes=[Route("/analyze-chat", hello)]))
    ask(app, "GET", "/analyze-chat", headers={"traceparent": f"00-{TRACE}-{'1' * 16}-01"})
    ask(app, "GET", "/nowhere")


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry("chat", "chat", "1.0", ["/analyze-chat"], access_log=False)


class TestExposition:
    CONTRACT = (
        "chat_requests_total",
        "chat_processing_seconds_bucket",
        "chat_errors_total",
        "chat_memory_usage_bytes",
        "chat_cpu_usage_percent",
    )

    @pytest.mark.parametrize("name", CONTRACT)
    def test_the_contracts_names_are_there_before_any_request(
        self, telemetry: Telemetry, name: str
    ) -> None:
        body, content_type = telemetry.exposition(None)

        lines = body.decode().splitlines()
        assert content_type == "text/plain; version=0.0.4; charset=utf-8"
        assert any(line.startswith((name + "{", name + " ")) for line in lines)
        assert not any(line.startswith("# HELP") and not line.endswith(".") for line in lines)

    def test_media_buckets_reach_five_minutes(self, telemetry: Telemetry) -> None:
        body, _ = telemetry.exposition(None)

        assert b'chat_processing_seconds_bucket{endpoint="/analyze-chat",le="300.0"} 0.0' in body

    def test_both_formats_can_be_parsed(self, ask: Ask, telemetry: Telemetry) -> None:
        served(ask, telemetry)
        telemetry.model_loaded("text-emotion", "1", True)
        telemetry.queue(lambda: 3, 32)

        plain = {family.name for family in plain_text(telemetry.exposition("*/*")[0].decode())}
        opened, content_type = telemetry.exposition(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2"
        )

        assert content_type.startswith("application/openmetrics-text")
        assert {family.name for family in open_metrics(opened.decode())} == plain

    def test_open_metrics_bear_the_trace(self, ask: Ask, telemetry: Telemetry) -> None:
        served(ask, telemetry)

        opened = telemetry.exposition("application/openmetrics-text")[0].decode()

        exemplars = [
            (family.name, sample.exemplar.labels)
            for family in open_metrics(opened)
            for sample in family.samples
            if sample.exemplar
        ]
        assert ("chat_processing_seconds", {"trace_id": TRACE}) in exemplars
        assert ("http_server_request_duration_seconds", {"trace_id": TRACE}) in exemplars
        assert TRACE not in telemetry.exposition(None)[0].decode()

    def test_readings_come_from_the_moment_of_the_scrape(self, telemetry: Telemetry) -> None:
        waiting = [1.0]
        telemetry.queue(lambda: waiting[0], 32)
        waiting[0] = 7.0
        telemetry.model_loaded("text-emotion", "2", True)
        telemetry.model_loaded("face-expression", "1", False)

        body = telemetry.exposition(None)[0].decode()

        assert 'affectscope_queue_depth{service="chat"} 7.0' in body
        assert 'model_loaded{model="text-emotion",service="chat",version="2"} 1.0' in body
        assert 'model_loaded{model="face-expression",service="chat",version="1"} 0.0' in body

    def test_a_reading_that_fails_hides_no_other(self, telemetry: Telemetry) -> None:
        def broken() -> float:
            raise RuntimeError("no pool")

        telemetry.queue(broken, 32)

        body = telemetry.exposition(None)[0].decode()

        assert "affectscope_queue_depth" not in body
        assert 'chat_requests_total{endpoint="/analyze-chat"} 0.0' in body
        assert b'telemetry_failures_total{service="chat"} 1.0' in telemetry.exposition(None)[0]

    def test_the_memory_limit_is_shown_where_there_is_one(self, tmp_path: Path) -> None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text("0::/\n")
        (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
        without = Telemetry("chat", "chat", "1.0", [], root=tmp_path)
        assert b"memory_limit" not in without.exposition(None)[0]
        assert without.memory_limit() is None

        (tmp_path / "sys/fs/cgroup/memory.max").write_text("1024\n")

        body = without.exposition(None)[0]
        assert b'affectscope_memory_limit_bytes{service="chat"} 1024.0' in body
        assert without.memory_limit() == 1024

    def test_what_runs_is_named(self, telemetry: Telemetry) -> None:
        assert b"affectscope_build_info{" in telemetry.exposition(None)[0]
        assert b'version="1.0"' in telemetry.exposition(None)[0]

    def test_two_services_in_one_process_do_not_mix(self, ask: Ask) -> None:
        one = Telemetry("chat", "chat", "1.0", ["/analyze-chat"], access_log=False)
        two = Telemetry("chat", "chat", "1.0", ["/analyze-chat"], access_log=False)

        served(ask, one)

        labels = {"endpoint": "/analyze-chat"}
        assert one.registry.get_sample_value("chat_requests_total", labels) == 1
        assert two.registry.get_sample_value("chat_requests_total", labels) == 0

    def test_it_may_be_scraped_while_requests_run(self, ask: Ask, telemetry: Telemetry) -> None:
        stop = threading.Event()
        broken: list[BaseException] = []

        def scrape() -> None:
            while not stop.is_set():
                try:
                    telemetry.exposition("application/openmetrics-text")
                except BaseException as error:
                    broken.append(error)
                    raise

        thread = threading.Thread(target=scrape)
        thread.start()
        for _ in range(20):
            served(ask, telemetry)
        stop.set()
        thread.join()

        assert broken == []


class TestBesideRequests:
    def test_what_was_started_runs_and_ends(self, telemetry: Telemetry) -> None:
        threads, callbacks = set(threading.enumerate()), gc.callbacks[:]

        async def main() -> None:
            telemetry.start()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                await asyncio.sleep(0.02)
                report = telemetry.profile_report()
                lag = telemetry.registry.get_sample_value(
                    "affectscope_event_loop_lag_seconds_count", {"service": "chat"}
                )
                if report["sampler"]["samples"] and lag:
                    break
            gc.collect()
            telemetry.stop()

            assert report["sampler"]["samples"] > 0
            assert telemetry.sampled_stacks().count("\n") < 100
            assert lag

        asyncio.run(main())

        labels = {"service": "chat", "generation": "2"}
        pauses = telemetry.registry.get_sample_value("affectscope_gc_pause_seconds_count", labels)
        assert pauses is not None
        assert pauses >= 1
        assert set(threading.enumerate()) <= threads
        assert gc.callbacks == callbacks

    def test_it_starts_without_a_loop_too(self, telemetry: Telemetry) -> None:
        telemetry.start()
        telemetry.stop()

        labels = {"service": "chat"}
        name = "affectscope_event_loop_lag_seconds_count"
        assert telemetry.registry.get_sample_value(name, labels) == 0


class TestReports:
    def test_the_process_is_in_the_form_of_health(self, telemetry: Telemetry) -> None:
        report = telemetry.process_report()

        assert set(report) == {
            *("uptime_seconds", "process", "memory_bytes", "memory_limit_bytes", "cpu_percent"),
        }

    def test_a_profile_report_exists_before_any_request(self, telemetry: Telemetry) -> None:
        report = telemetry.profile_report()

        assert report["requests_profiled"] == 0
        assert report["stages"] == {}
        assert report["sampled_functions"] == []
        assert report["process"]["process"]["threads"] >= 1

    def test_requests_show_in_it(self, ask: Ask, telemetry: Telemetry) -> None:
        served(ask, telemetry)

        report = telemetry.profile_report()

        assert set(report) >= {
            *("window_seconds", "process", "stages", "sampled_functions", "requests_profiled"),
        }
        assert report["requests_profiled"] == 1
        assert report["stages"]["infer"]["requests"] == 1
        assert report["stages"]["infer"]["mean_seconds"] > 0

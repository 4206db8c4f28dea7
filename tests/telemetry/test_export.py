"""Requests, log lines and profiles reach a collector, and a lost collector costs nobody anything."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from affectscope.telemetry import (
    FAILURE_KEY,
    Destination,
    Telemetry,
    configure_logging,
    get_logger,
    profile_call,
    stage,
)
from affectscope.telemetry.export import ENDPOINT_VARIABLE

Ask = Callable[..., Any]
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SECRET = "I told my sister that I am sad"


class Collector:
    """A real HTTP server that keeps what it is sent."""

    def __init__(self, status: int = 200) -> None:
        collector = self
        self.status = status
        self.bodies: list[tuple[str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.bodies.append((self.path, dict(self.headers), body))
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def spans(self) -> list[tuple[dict[str, Any], Span]]:
        found = []
        for path, _, body in self.bodies:
            if path == "/v1/traces":
                for of in ExportTraceServiceRequest.FromString(body).resource_spans:
                    resource = plain(of.resource.attributes)
                    found += [(resource, span) for in_ in of.scope_spans for span in in_.spans]
        return found

    def logs(self) -> list[Any]:
        return [
            record
            for path, _, body in self.bodies
            if path == "/v1/logs"
            for of in ExportLogsServiceRequest.FromString(body).resource_logs
            for in_ in of.scope_logs
            for record in in_.log_records
        ]

    def profiles(self) -> list[dict[str, Any]]:
        return [json.loads(body) for path, _, body in self.bodies if path == "/api/profiles"]


def plain(attributes: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in attributes
    }


@pytest.fixture
def collector() -> Iterator[Collector]:
    one = Collector()
    yield one
    one.close()


async def work(request: Request) -> Response:
    for _ in range(3):
        with stage("decode"):
            pass
    with stage("infer"):
        time.sleep(0.002)
    return PlainTextResponse("done")


async def defect(request: Request) -> Response:
    raise ValueError(SECRET)


async def answered_defect(request: Request) -> Response:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        request.scope[FAILURE_KEY] = error
    return PlainTextResponse("sorry", 500)


async def profiled(request: Request) -> Response:
    profile_call(lambda: sorted(range(50_000), key=lambda value: -value))
    return PlainTextResponse("done")


def service(destination: Destination, **options: Any) -> tuple[Telemetry, Starlette]:
    options.setdefault("access_log", False)
    telemetry = Telemetry("chat", "chat", "1.0", ["/work"], **options)
    telemetry.export_to(destination)
    endpoints = (work, defect, answered_defect, profiled)
    app = Starlette(
        routes=[
            Route(f"/{endpoint.__name__}", endpoint, methods=["GET", "POST"])
            for endpoint in endpoints
        ]
    )
    app.add_route("/metrics", work)
    app.add_middleware(telemetry.middleware)
    return telemetry, app


def asked(
    telemetry: Telemetry, app: Starlette, ask: Ask, *calls: tuple[str, dict[str, str]]
) -> Any:
    telemetry.start()
    try:
        answers = [ask(app, "POST", path, headers=headers) for path, headers in calls]
    finally:
        telemetry.stop()
    return answers[-1]


class TestSpans:
    def test_a_request_is_one_span_with_a_child_for_each_stage(
        self, collector: Collector, ask: Ask
    ) -> None:
        telemetry, app = service(Destination(collector.url))
        before = time.time_ns()
        asked(telemetry, app, ask, ("/work", {}))

        (resource, root), *children = collector.spans()
        assert resource["service.name"] == "chat"
        assert root.name == "POST /work"
        assert root.kind == Span.SPAN_KIND_SERVER
        assert root.parent_span_id == b""
        assert plain(root.attributes)["http.response.status_code"] == 200
        assert before <= root.start_time_unix_nano <= root.end_time_unix_nano <= time.time_ns()
        stages = {span.name: span for _, span in children}
        assert set(stages) == {"decode", "infer"}
        for span in stages.values():
            assert span.trace_id == root.trace_id
            assert span.parent_span_id == root.span_id
            assert root.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= root.end_time_unix_nano
        assert plain(stages["decode"].attributes)["affectscope.stage.entries"] == 3
        assert plain(stages["infer"].attributes)["affectscope.stage.seconds"] >= 0.002

    def test_a_callers_trace_goes_on(self, collector: Collector, ask: Ask) -> None:
        telemetry, app = service(Destination(collector.url))
        asked(telemetry, app, ask, ("/work", {"traceparent": CALLER}))

        _, root = collector.spans()[0]
        assert root.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert root.parent_span_id.hex() == "00f067aa0ba902b7"

    def test_what_the_caller_does_not_record_is_not_recorded(
        self, collector: Collector, ask: Ask
    ) -> None:
        telemetry, app = service(Destination(collector.url))
        asked(telemetry, app, ask, ("/work", {"traceparent": CALLER[:-1] + "0"}))

        assert collector.spans() == []

    def test_a_ratio_records_a_share(self, collector: Collector, ask: Ask) -> None:
        telemetry, app = service(Destination(collector.url, ratio=0.25))
        asked(telemetry, app, ask, *[("/work", {})] * 400)

        roots = [span for _, span in collector.spans() if not span.parent_span_id]
        assert 60 <= len(roots) <= 140
        assert all(int(span.trace_id.hex()[16:], 16) < 2**62 for span in roots)

    def test_probes_are_not_traced(self, collector: Collector, ask: Ask) -> None:
        telemetry, app = service(Destination(collector.url), quiet=["/work"])
        asked(telemetry, app, ask, ("/metrics", {}), ("/work", {}))

        assert collector.spans() == []

    @pytest.mark.parametrize(
        ("path", "kind"), [("/defect", "ValueError"), ("/answered_defect", "KeyError")]
    )
    def test_a_defect_is_recorded_without_what_it_says(
        self, collector: Collector, ask: Ask, path: str, kind: str
    ) -> None:
        telemetry, app = service(Destination(collector.url))
        asked(telemetry, app, ask, (path, {}))

        _, root = collector.spans()[0]
        (event,) = root.events
        attributes = plain(event.attributes)
        assert root.status.code == root.status.STATUS_CODE_ERROR
        assert plain(root.attributes)["error.type"] == "internal"
        assert attributes["exception.type"] == kind
        assert "defect" in attributes["exception.stacktrace"]
        assert SECRET.encode() not in b"".join(body for _, _, body in collector.bodies)

    def test_a_problem_of_the_client_is_no_error_of_the_span(
        self, collector: Collector, ask: Ask
    ) -> None:
        telemetry, app = service(Destination(collector.url))
        asked(telemetry, app, ask, ("/nowhere", {}))

        _, root = collector.spans()[0]
        assert root.name == "POST unmatched"
        assert root.status.code == root.status.STATUS_CODE_UNSET
        assert plain(root.attributes)["error.type"] == "not-found"


class TestLogs:
    def test_lines_carry_the_ids_of_their_request(self, collector: Collector, ask: Ask) -> None:
        telemetry, app = service(Destination(collector.url), access_log=True)
        configure_logging("chat", StringIO(), collect=telemetry.collect_log)
        asked(telemetry, app, ask, ("/work", {}))

        (line,) = [one for one in collector.logs() if one.body.string_value == "request"]
        _, root = collector.spans()[0]
        assert line.trace_id == root.trace_id
        assert line.span_id == root.span_id
        fields = plain(line.attributes)
        assert fields["endpoint"] == "/work"
        assert plain(fields["stages"].values).keys() == {"decode", "infer"}
        assert line.severity_text == "info"

    def test_an_exception_keeps_its_stack_and_not_its_message(
        self, collector: Collector, ask: Ask
    ) -> None:
        telemetry, app = service(Destination(collector.url))
        configure_logging("chat", StringIO(), collect=telemetry.collect_log)
        try:
            raise ValueError(SECRET)
        except ValueError:
            get_logger().exception("unexpected error")
        asked(telemetry, app, ask, ("/work", {}))

        text = b"".join(body for path, _, body in collector.bodies if path == "/v1/logs")
        assert b"ValueError" in text
        assert b"test_an_exception_keeps_its_stack" in text
        assert SECRET.encode() not in text

    def test_lines_of_the_standard_library_go_the_same_way(
        self, collector: Collector, ask: Ask
    ) -> None:
        import logging

        telemetry, app = service(Destination(collector.url))
        configure_logging("chat", StringIO(), collect=telemetry.collect_log)
        logging.getLogger("uvicorn.error").warning("from a library")
        asked(telemetry, app, ask, ("/work", {}))

        bodies = [line.body.string_value for line in collector.logs()]
        assert "from a library" in bodies


class TestProfiles:
    def test_a_requests_profile_names_its_trace(self, collector: Collector, ask: Ask) -> None:
        telemetry, app = service(Destination(collector.url, {"x-secret": "s"}))
        asked(telemetry, app, ask, ("/profiled", {"traceparent": CALLER}))

        # A busy machine stalls the loop, and then there are the stacks of that as well.
        (document,) = [one for one in collector.profiles() if one["kind"] == "request"]
        assert document["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert document["endpoint"] == "/profiled"
        assert document["unit"] == "microseconds"
        assert "sorted" in document["stacks"]
        sent = [headers for path, headers, _ in collector.bodies if path == "/api/profiles"]
        assert {name.lower(): value for name, value in sent[0].items()}["x-secret"] == "s"

    def test_a_stall_leaves_its_stack(self, collector: Collector) -> None:
        telemetry, _ = service(Destination(collector.url))

        async def stall() -> None:
            telemetry.start()
            await asyncio.sleep(0.3)
            time.sleep(1.2)
            await asyncio.sleep(0.3)
            telemetry.stop()

        asyncio.run(stall())

        (document,) = [one for one in collector.profiles() if one["kind"] == "stall"]
        assert "stall" in document["stacks"]
        assert document["seconds"] >= 0.5


class TestLostCollector:
    def test_requests_go_on_and_the_loss_is_counted(self, ask: Ask) -> None:
        gone = Collector()
        gone.close()
        telemetry, app = service(Destination(gone.url))
        answer = asked(telemetry, app, ask, *[("/work", {})] * 20, ("/profiled", {}))

        assert answer.status_code == 200

        def dropped(signal: str) -> float | None:
            labels = {"service": "chat", "signal": signal}
            name = "affectscope_dropped_telemetry_total"
            return telemetry.registry.get_sample_value(name, labels)

        assert dropped("spans") == 21
        # A busy machine stalls the loop, and then there are the stacks of that as well.
        assert (dropped("profiles") or 0) >= 1

    def test_it_stops_soon_all_the_same(self, ask: Ask) -> None:
        gone = Collector()
        gone.close()
        telemetry, app = service(Destination(gone.url))
        began = time.monotonic()
        asked(telemetry, app, ask, ("/work", {}))

        assert time.monotonic() - began < 6

    def test_the_loss_is_told_once_and_its_end_too(self, ask: Ask) -> None:
        collector = Collector(status=400)
        telemetry, app = service(Destination(collector.url))
        out = StringIO()
        configure_logging("chat", out, collect=telemetry.collect_log)
        telemetry.start()

        def work_until_sent() -> None:
            before = len(collector.spans())
            ask(app, "POST", "/work")
            deadline = time.monotonic() + 30
            while len(collector.spans()) == before and time.monotonic() < deadline:
                time.sleep(0.05)
            # The collector has it; the sender has yet to hear what became of it.
            time.sleep(0.5)

        try:
            for _ in range(2):
                work_until_sent()
            collector.status = 200
            work_until_sent()
        finally:
            telemetry.stop()
            collector.close()

        events = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
        assert events.count("telemetry cannot be delivered and is dropped") == 1
        assert events.count("telemetry is delivered again") == 1

    def test_without_a_destination_nothing_is_kept(self, ask: Ask) -> None:
        telemetry, app = service(Destination(None))
        asked(telemetry, app, ask, ("/work", {}), ("/profiled", {}))

        text = telemetry.exposition(None)[0].decode()
        assert 'affectscope_dropped_telemetry_total{service="chat",signal="spans"} 0.0' in text


def test_open_telemetrys_own_variable_sends_it_elsewhere(
    collector: Collector, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=lab")
    telemetry, app = service(Destination("http://127.0.0.1:9", {"x-secret": "s"}))
    asked(telemetry, app, ask, ("/work", {}))

    (headers,) = [headers for path, headers, _ in collector.bodies if path == "/v1/traces"]
    names = {name.lower(): value for name, value in headers.items()}
    assert names["x-tenant"] == "lab"
    assert "x-secret" not in names

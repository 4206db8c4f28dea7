"""What the tests of the stores share: spans, requests of OTLP, and an app with the endpoints."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from affectscope.observatory import frames, logs, profiles, traces
from affectscope.observatory.database import Database
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.logs import LogStore
from affectscope.observatory.logs_api import add_log_routes
from affectscope.observatory.otlp_api import add_otlp_routes
from affectscope.observatory.otlp_intake import Intake
from affectscope.observatory.otlp_spans import Span
from affectscope.observatory.profiles import ProfileStore
from affectscope.observatory.profiles_api import add_profile_routes
from affectscope.observatory.tail_sampling import TailSampler
from affectscope.observatory.traces import TraceStore
from affectscope.observatory.traces_api import add_trace_routes
from affectscope.service import Service, ServiceSettings
from tests.service.apps import client

NOW = 1_760_000_000.0
SCHEMAS = (frames.SCHEMA, traces.SCHEMA, logs.SCHEMA, profiles.SCHEMA)
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


class Clock:
    """A clock that goes on when told."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Stores:
    """An app with the endpoints for traces, logs, profiles and OTLP, and what is behind them."""

    def __init__(self, folder: Path, **sampling: Any) -> None:
        self.clock = Clock()
        self.database = Database(folder / "telemetry.db", SCHEMAS)
        self.traces = TraceStore(self.database)
        self.logs = LogStore(self.database)
        self.profiles = ProfileStore(self.database)
        self.metrics = MetricStore(self.database)
        self.sampler = TailSampler(**{"share": 1.0, **sampling})
        self.intake = Intake(
            self.traces, self.logs, self.metrics, self.sampler, clock=self.clock, wall=self.clock
        )
        self.service = Service(
            "observatory",
            settings=ServiceSettings(),
            title="Test",
            description="Stores of the observatory.",
            endpoints=[],
        )
        add_otlp_routes(self.service, self.intake)
        add_trace_routes(self.service, self.traces, self.logs, self.profiles)
        add_log_routes(self.service, self.logs)
        add_profile_routes(self.service, self.profiles, self.intake.profiled, self.clock)

    def settle(self, seconds: float = 120.0) -> None:
        """Let time pass, so that all traces are decided."""
        self.clock.now += seconds
        self.intake.tick()

    def close(self) -> None:
        self.intake.close()
        self.database.close()


@asynccontextmanager
async def stores_with_client(
    folder: Path, **sampling: Any
) -> AsyncIterator[tuple[Stores, httpx.AsyncClient]]:
    stores = Stores(folder, **sampling)
    async with client(stores.service) as found:
        yield stores, found
    stores.close()


def span(
    trace: int = 1,
    number: int = 1,
    parent: int | None = None,
    *,
    start: float = NOW,
    seconds: float = 0.1,
    service: str = "chat",
    entry: bool | None = None,
    error: bool = False,
    endpoint: str | None = "/analyze-chat",
    profiled: bool = False,
    name: str = "POST /analyze-chat",
) -> Span:
    """Return a span as decoding would."""
    document = {
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "service": service,
        "name": name,
        "kind": "server",
        "start": start,
        "seconds": seconds,
        "error": error,
        "status_message": "",
        "attributes": {},
        "events": [],
    }
    return Span(
        f"{trace:032x}",
        f"{number:016x}",
        None if parent is None else f"{parent:016x}",
        parent is None if entry is None else entry,
        service,
        name,
        start,
        start + seconds,
        error,
        endpoint,
        500 if error else 200,
        "internal" if error else None,
        profiled,
        json.dumps(document),
    )


def text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def resource(service: str) -> Resource:
    return Resource(attributes=[text("service.name", service)])


def trace_request(
    service: str = "chat", *spans: trace_pb2.Span, **fields: Any
) -> ExportTraceServiceRequest:
    """Return a request with the given spans, or with one that has the given fields."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(resource=resource(service))
    scope = group.scope_spans.add()
    scope.spans.extend(spans or [proto_span(**fields)])
    return request


def proto_span(**fields: Any) -> trace_pb2.Span:
    values: dict[str, Any] = {
        "trace_id": bytes(15) + b"\1",
        "span_id": bytes(7) + b"\1",
        "name": "POST /analyze-chat",
        "kind": trace_pb2.Span.SPAN_KIND_SERVER,
        "start_time_unix_nano": int(NOW * 1e9),
        "end_time_unix_nano": int((NOW + 0.25) * 1e9),
        "attributes": [text("http.route", "/analyze-chat")],
    }
    return trace_pb2.Span(**(values | fields))


def log_request(service: str = "chat", *events: str, **fields: Any) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(resource=resource(service))
    scope = group.scope_logs.add()
    for number, event in enumerate(events):
        values = {"time_unix_nano": int(NOW * 1e9) + number * 1000, "severity_number": 9}
        scope.log_records.add(body=AnyValue(string_value=event), **(values | fields))
    return request

"""One small application, watched to different degrees by us and by others.

A level is one function that gives a `Watched`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator

from affectscope.telemetry import Destination, Telemetry, configure_logging
from benchmarks.asgi import HEADERS, SAMPLED, App

PATH: Final = "/ping"
RATIO: Final = 0.01
_DRAIN_SECONDS: Final = 5.0


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Watched:
    """An application and what watches it.

    Attributes:
        app: The application.
        headers: Of each request: of a recorded trace, or of none.
        begin: Called before a round of requests, since what is global in a process can only be that
            of one application at a time.
        drain: Waits until all that the round left to be sent is sent.
        close: Ends what runs beside the requests.
    """

    app: App
    headers: Sequence[tuple[bytes, bytes]] = HEADERS
    begin: Callable[[], None] = _nothing
    drain: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing


def small() -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.get(PATH)
    async def ping() -> dict[str, str]:
        return {"status": "pass"}

    return app


def bare(collector: str) -> Watched:
    """Nothing watches."""
    return Watched(small())


def metrics(collector: str) -> Watched:
    """Our metrics and identification; no log lines, no traces."""
    app = small()
    telemetry = Telemetry("bench", "bench", "1", [PATH], access_log=False)
    app.add_middleware(telemetry.middleware)
    return Watched(app, (*HEADERS, SAMPLED))


def logged(collector: str) -> Watched:
    """Our metrics, a log line that is written and sent, and a trace that is sampled out."""
    return _exported(collector, RATIO, HEADERS)


def recorded(collector: str) -> Watched:
    """Our metrics, a log line that is written and sent, and a trace that is sent."""
    return _exported(collector, 1.0, (*HEADERS, SAMPLED))


def _exported(collector: str, ratio: float, headers: Sequence[tuple[bytes, bytes]]) -> Watched:
    app = small()
    telemetry = Telemetry("bench", "bench", "1", [PATH])
    telemetry.export_to(Destination(collector, ratio=ratio))
    app.add_middleware(telemetry.middleware)
    telemetry.start()
    exporter: Any = telemetry._exporter
    nowhere = open(os.devnull, "w")  # noqa: SIM115 - closed with the level

    def begin() -> None:
        configure_logging("bench", stream=nowhere, collect=telemetry.collect_log)

    def drain() -> None:
        # Waiting for the next batch would take a second in each round.
        exporter._wake.set()
        deadline = time.monotonic() + _DRAIN_SECONDS
        while (exporter.requests or exporter.logs) and time.monotonic() < deadline:
            time.sleep(0.005)

    def close() -> None:
        telemetry.stop()
        nowhere.close()

    return Watched(app, headers, begin, drain, close)


def instrumentator(collector: str) -> Watched:
    """Metrics by prometheus-fastapi-instrumentator."""
    app = small()
    Instrumentator(registry=CollectorRegistry()).instrument(app)
    return Watched(app, (*HEADERS, SAMPLED))


def opentelemetry_sampled_out(collector: str) -> Watched:
    """Metrics and a trace that is sampled out, by OpenTelemetry's instrumentation; no log lines."""
    return _opentelemetry(collector, RATIO, HEADERS)


def opentelemetry_recorded(collector: str) -> Watched:
    """Metrics and a trace that is sent, by OpenTelemetry's instrumentation; no log lines."""
    return _opentelemetry(collector, 1.0, (*HEADERS, SAMPLED))


def _opentelemetry(collector: str, ratio: float, headers: Sequence[tuple[bytes, bytes]]) -> Watched:
    app = small()
    tracers = TracerProvider(sampler=ParentBasedTraceIdRatio(ratio))
    sender = OTLPSpanExporter(endpoint=f"{collector}/v1/traces")
    tracers.add_span_processor(BatchSpanProcessor(sender))
    meters = MeterProvider(metric_readers=[InMemoryMetricReader()])
    FastAPIInstrumentor.instrument_app(app, tracer_provider=tracers, meter_provider=meters)

    def drain() -> None:
        tracers.force_flush()

    def close() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Watched(app, headers, drain=drain, close=close)


@dataclass(frozen=True)
class Level:
    """A degree of watching.

    Attributes:
        name: As tables show it.
        make: Makes it, given the address of a collector.
        budget: Most microseconds over the bare application at the median; None for others' work.
        peer: The level of somebody else that does about the same.
    """

    name: str
    make: Callable[[str], Watched]
    budget: float | None = None
    peer: str | None = None


_INSTRUMENTATOR: Final = "prometheus-fastapi-instrumentator"
_OTEL_OUT: Final = "opentelemetry: metrics, trace out"
_OTEL_IN: Final = "opentelemetry: metrics, trace"

LEVELS: Final = (
    Level("bare FastAPI", bare),
    Level("affectscope: metrics", metrics, 10.0, _INSTRUMENTATOR),
    Level("affectscope: metrics, logs, trace out", logged, 60.0, _OTEL_OUT),
    Level("affectscope: metrics, logs, trace", recorded, 120.0, _OTEL_IN),
    Level(_INSTRUMENTATOR, instrumentator),
    Level(_OTEL_OUT, opentelemetry_sampled_out),
    Level(_OTEL_IN, opentelemetry_recorded),
)
"""The bare application first; the budgets are those of `docs/benchmarks.md`."""

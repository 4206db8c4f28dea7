"""Sends spans, log lines and profiles to a collector, from a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import requests
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExportResult

from affectscope.telemetry.log_records import LogLine, log_record
from affectscope.telemetry.logs import get_logger
from affectscope.telemetry.outbox import Outbox
from affectscope.telemetry.spans import FinishedRequest, request_spans

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""Where it is set, spans and log lines go there, as OpenTelemetry says."""

_BATCH = 512
_SPANS_WAITING = 4096
_LOGS_WAITING = 8192
_PROFILES_WAITING = 64
_EVERY_SECONDS = 1.0
_STOP_SECONDS = 2.0
_log = get_logger()


@dataclass(frozen=True)
class Destination:
    """Where telemetry goes.

    Args:
        observatory: Address of the observatory; None where there is none.
        headers: Sent with everything that goes to the observatory.
        ratio: Share of the traces begun here that are recorded, 0 to 1.
    """

    observatory: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    ratio: float = 1.0


@dataclass(frozen=True, slots=True)
class ProfileNote:
    """A profile for the observatory.

    Attributes:
        kind: `request` (all of one request's work), `sampled` (what the low-rate sampler saw) or
            `stall` (where the event loop stood still).
        start: Seconds since the epoch.
        seconds: How long it covers.
        unit: Of the numbers in `stacks`.
        stacks: Makes the collapsed stacks; called in the sending thread.
        trace_id: Of the request.
        endpoint: Of the request.
    """

    kind: Literal["request", "sampled", "stall"]
    start: float
    seconds: float
    unit: Literal["microseconds", "samples"]
    stacks: Callable[[], str]
    trace_id: str | None = None
    endpoint: str | None = None


class Exporter:
    """Three bounded queues and the thread that empties them.

    What cannot be delivered is dropped and counted; nobody waits for it. Delivery, retries and the
    `OTEL_EXPORTER_OTLP_*` variables (headers, certificates, compression, time-out) are those of
    OpenTelemetry's own exporters.

    Args:
        service: Name of the service.
        version: Its version.
        destination: Where telemetry goes.
    """

    def __init__(self, service: str, version: str, destination: Destination) -> None:
        self.requests = Outbox[FinishedRequest](_SPANS_WAITING)
        self.logs = Outbox[LogLine](_LOGS_WAITING)
        self.profiles = Outbox[ProfileNote](_PROFILES_WAITING)
        self._service = service
        self._resource = Resource.create(
            {
                "service.name": service,
                "service.namespace": "affectscope",
                "service.version": version,
            }
        )
        elsewhere = os.environ.get(ENDPOINT_VARIABLE)
        base = None if elsewhere else destination.observatory
        self._wanted = bool(elsewhere or base)
        headers = {} if elsewhere else dict(destination.headers)
        session = requests.Session()
        session.trust_env = False
        self._spans_to = OTLPSpanExporter(
            endpoint=base and f"{base}/v1/traces", headers=headers, session=session
        )
        self._logs_to = OTLPLogExporter(
            endpoint=base and f"{base}/v1/logs", headers=headers, session=session
        )
        # Profiles have no stable form in OTLP yet, so they go to the observatory or nowhere.
        self._profiles_to = destination.observatory
        self._client = httpx.Client(headers=dict(destination.headers), trust_env=False, timeout=5.0)
        self._wake = threading.Event()
        self._stopping = False
        self._lost = False
        self._thread = threading.Thread(target=self._run, name="affectscope-export", daemon=True)
        # They say at each failure what one line of our own says once.
        for name in ("opentelemetry", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def request(self, request: FinishedRequest) -> None:
        """Have the spans and the profiles of a request sent."""
        if not self._wanted:
            return
        if request.context.sampled:
            self.requests.put(request)
        for profile in request.profiles:
            self.profiles.put(
                ProfileNote(
                    "request",
                    request.ended + request.epoch - profile.wall_seconds,
                    profile.wall_seconds,
                    "microseconds",
                    profile.to_collapsed,
                    request.context.trace_id,
                    request.endpoint,
                )
            )
        if len(self.requests) >= _BATCH:
            self._wake.set()

    def log(self, fields: Mapping[str, Any]) -> None:
        """Have a line of the log sent; what this class itself logs is not."""
        if self._wanted and threading.current_thread() is not self._thread:
            self.logs.put(LogLine(time.time_ns(), dict(fields)))
            if len(self.logs) >= _BATCH:
                self._wake.set()

    def profile(self, note: ProfileNote) -> None:
        """Have a profile sent."""
        if self._profiles_to is not None:
            self.profiles.put(note)

    def stop(self) -> None:
        """Send what waits, within two seconds, and end."""
        self._stopping = True
        self._wake.set()
        self._thread.join(_STOP_SECONDS)
        # Ends a delivery that is being tried again.
        for exporter in (self._spans_to, self._logs_to):
            exporter.shutdown()  # type: ignore[no-untyped-call]
        self._thread.join(_STOP_SECONDS)
        self._client.close()

    def dropped(self) -> dict[str, int]:
        """How many requests' spans, log lines and profiles were not delivered."""
        return {
            "spans": self.requests.dropped,
            "logs": self.logs.dropped,
            "profiles": self.profiles.dropped,
        }

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(_EVERY_SECONDS)
            self._wake.clear()
            self._empty()

    def _empty(self) -> None:
        # Only what waits now: a collector that logs each delivery would else keep this going.
        for _ in range(-(-len(self.requests) // _BATCH)):
            waiting = self.requests.take(_BATCH)
            spans = [span for one in waiting for span in request_spans(one, self._resource)]
            result = self._spans_to.export(spans)
            self._note("spans", self.requests, len(waiting), result is SpanExportResult.SUCCESS)
        for _ in range(-(-len(self.logs) // _BATCH)):
            lines = self.logs.take(_BATCH)
            records = [log_record(line, self._resource) for line in lines]
            sent = self._logs_to.export(records)
            self._note("logs", self.logs, len(lines), sent is LogRecordExportResult.SUCCESS)
        for note in self.profiles.take(_PROFILES_WAITING):
            self._note("profiles", self.profiles, 1, self._send_profile(note))

    def _send_profile(self, note: ProfileNote) -> bool:
        document = {
            "service": self._service,
            "kind": note.kind,
            "start": note.start,
            "seconds": note.seconds,
            "unit": note.unit,
            "trace_id": note.trace_id,
            "endpoint": note.endpoint,
            "stacks": note.stacks(),
        }
        try:
            answer = self._client.post(f"{self._profiles_to}/api/profiles", json=document)
        except httpx.HTTPError:
            return False
        return answer.is_success

    def _note(self, signal: str, outbox: Outbox[Any], count: int, delivered: bool) -> None:
        if not delivered:
            outbox.give_up(count)
        if delivered and self._lost:
            _log.info("telemetry is delivered again", dropped=self.dropped())
        elif not delivered and not self._lost and not self._stopping:
            _log.warning("telemetry cannot be delivered and is dropped", signal=signal)
        self._lost = not delivered

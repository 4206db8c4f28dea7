"""The metrics of one service: what they are called, and how one request feeds them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from affectscope.telemetry.instruments import (
    Counters,
    Gauges,
    Histogram,
    Histograms,
    Number,
)
from affectscope.telemetry.timings import Timings

UNMATCHED: Final = "unmatched"
"""Endpoint of requests that no route took."""

OVERFLOW: Final = "overflow"
"""Endpoint of requests whose own series would go over the cap."""

SERIES_LIMIT: Final = 3_000
"""Most lines that requests may add to an exposition; 3,000 take about 20 ms to write."""

SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(30.0, 60.0, 120.0, 300.0),
)
"""Buckets of durations: those of the HTTP semantic conventions, carried on to the five minutes that
a long recording takes.

Source: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
"""

BYTES: Final = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
"""Buckets of body sizes."""

FACTORS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Buckets of the real-time factor."""

_METHODS: Final = frozenset(
    {
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "DELETE",
        "CONNECT",
        "OPTIONS",
        "TRACE",
        "PATCH",
        "QUERY",
    }
)
_EXEMPLAR_EVERY: Final = 1.0


def method_label(method: str) -> str:
    """The method, or `_OTHER` for one that HTTP does not know (it could be any text)."""
    return method if method in _METHODS else "_OTHER"


class RequestSeries:
    """The series that requests with one endpoint, method and status feed."""

    __slots__ = (
        "duration",
        "exemplar_due",
        "processing",
        "request_size",
        "requests",
        "response_size",
    )

    def __init__(
        self,
        requests: Number,
        processing: Histogram,
        duration: Histogram,
        request_size: Histogram,
        response_size: Histogram,
    ) -> None:
        self.requests = requests
        self.processing = processing
        self.duration = duration
        self.request_size = request_size
        self.response_size = response_size
        self.exemplar_due = 0.0


class RequestMetrics:
    """The contract's metrics and the shared family, fed once a request.

    Args:
        service: Value of the shared family's `service` label.
        prefix: Prefix of the contract's metrics, such as `video`.
        endpoints: Route templates whose series exist from the start.
        error_types: Error types whose series exist from the start, for each endpoint.
        series_limit: Most lines that requests may add to an exposition.
    """

    def __init__(
        self,
        service: str,
        prefix: str,
        endpoints: Sequence[str],
        error_types: Sequence[str],
        series_limit: int = SERIES_LIMIT,
    ) -> None:
        shared = {"service": service}
        self.requests = Counters(
            f"{prefix}_requests", "Requests answered, by route template.", ("endpoint",)
        )
        self.processing = Histograms(
            f"{prefix}_processing_seconds",
            "Seconds from the arrival of the whole body to the end of the answer.",
            SECONDS,
            ("endpoint",),
        )
        self.errors = Counters(
            f"{prefix}_errors",
            "Answers of status 400 and above, by kind of problem.",
            ("endpoint", "error_type"),
        )
        self.duration = Histograms(
            "http_server_request_duration_seconds",
            "Seconds from the first byte of a request to the end of its answer.",
            SECONDS,
            ("http_request_method", "http_route", "http_response_status_code"),
            shared,
        )
        self.request_size = Histograms(
            "http_server_request_body_size_bytes",
            "Bytes of request bodies that were read.",
            BYTES,
            ("http_route",),
            shared,
        )
        self.response_size = Histograms(
            "http_server_response_body_size_bytes",
            "Bytes of answers' bodies.",
            BYTES,
            ("http_route",),
            shared,
        )
        self.active = Gauges(
            "http_server_active_requests",
            "Requests being served.",
            ("http_request_method",),
            shared,
        )
        self.stages = Histograms(
            "affectscope_stage_seconds",
            "Seconds that a request spent in one stage.",
            SECONDS,
            ("stage",),
            shared,
        )
        self.media = Counters(
            "affectscope_media_seconds",
            "Seconds of sound and picture gone through.",
            ("kind",),
            shared,
        )
        self.realtime = Histograms(
            "affectscope_realtime_factor",
            "Seconds of work (without queueing) for each second of media.",
            FACTORS,
            ("kind",),
            shared,
        )
        self.families = (
            *(self.requests, self.processing, self.errors),
            *(self.duration, self.request_size, self.response_size, self.active),
            *(self.stages, self.media, self.realtime),
        )
        self.in_flight = 0
        self.profiled = 0
        self._limit = series_limit
        self._lock = threading.Lock()
        self._cache: dict[tuple[str, str, int], RequestSeries] = {}
        for endpoint in (*endpoints, UNMATCHED):
            self.requests.of(endpoint)
            self.processing.of(endpoint)
            for error_type in error_types:
                self.errors.of(endpoint, error_type)
        for method in ("GET", "POST"):
            self.active.of(method)

    def began(self, method: str) -> None:
        """A request came in."""
        series = self.active.of(method)
        with self._lock:
            series.value += 1
            self.in_flight += 1

    def ended(
        self,
        endpoint: str,
        method: str,
        status: int,
        error_type: str | None,
        *,
        seconds: float,
        processing_seconds: float,
        received: int,
        sent: int,
        timings: Timings,
        trace_id: str,
        now: float,
    ) -> None:
        """A request was answered, or given up.

        Args:
            endpoint: Route template or `unmatched`.
            method: As `method_label` gave it.
            status: Status of the answer.
            error_type: Kind of problem, None below 400.
            seconds: From the first byte to the end of the answer.
            processing_seconds: From the arrival of the whole body to the end of the answer.
            received: Bytes of the request's body that were read.
            sent: Bytes of the answer's body.
            timings: Stages and media of this request.
            trace_id: Becomes an exemplar, at most once a second for each series.
            now: Seconds since the epoch.
        """
        series = self._cache.get((endpoint, method, status)) or self._series(
            endpoint, method, status
        )
        with self._lock:
            self.in_flight -= 1
            self.active.of(method).value -= 1
            series.requests.value += 1
            series.processing.observe(processing_seconds)
            series.duration.observe(seconds)
            series.request_size.observe(received)
            series.response_size.observe(sent)
            if now >= series.exemplar_due:
                series.exemplar_due = now + _EXEMPLAR_EVERY
                series.processing.remember(processing_seconds, trace_id, now)
                series.duration.remember(seconds, trace_id, now)
            if timings.seconds:
                for name, spent in list(timings.seconds.items()):
                    self.stages.of(name).observe(spent)
            if timings.media:
                work = max(processing_seconds - timings.seconds.get("queue", 0.0), 0.0)
                for kind, length in list(timings.media.items()):
                    self.media.of(kind).value += length
                    if length > 0:
                        self.realtime.of(kind).observe(work / length)
            if error_type is not None:
                self._error(endpoint, error_type).value += 1
            self.profiled += timings.profiled

    def _series(self, endpoint: str, method: str, status: int) -> RequestSeries:
        with self._lock:
            if (
                endpoint != OVERFLOW
                and self._lines() + self.duration.lines > self._limit
            ):
                endpoint = OVERFLOW
            series = RequestSeries(
                self.requests.of(endpoint),
                self.processing.of(endpoint),
                self.duration.of(method, endpoint, str(status)),
                self.request_size.of(endpoint),
                self.response_size.of(endpoint),
            )
            if endpoint != OVERFLOW:
                self._cache[endpoint, method, status] = series
            return series

    def _error(self, endpoint: str, error_type: str) -> Number:
        known = (endpoint, error_type) in self.errors.series
        if not known and self._lines() >= self._limit:
            return self.errors.of(OVERFLOW, OVERFLOW)
        return self.errors.of(endpoint, error_type)

    def _lines(self) -> int:
        return sum(family.lines * len(family.series) for family in self.families)

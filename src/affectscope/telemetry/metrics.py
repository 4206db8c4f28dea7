"""The metrics of one service: what they are called, and how one request feeds them."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from affectscope.telemetry.context import RequestContext
from affectscope.telemetry.instruments import (
    Counters,
    Histogram,
    Histograms,
    Number,
)
from affectscope.telemetry.timings import Timings

UNMATCHED: Final = "unmatched"
"""Endpoint of requests that no route took."""

OVERFLOW: Final = "overflow"
"""Endpoint of requests whose own series would go over the cap."""

SERIES_LIMIT: Final = 1_500
"""Most lines that requests may add to an exposition; that many take about 12 ms to write."""

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

METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
)
"""Methods that may be a label."""

OTHER_METHOD: Final = "_OTHER"
"""Label of all other methods, for they could be any text."""

_EXEMPLAR_EVERY: Final = 1.0


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
        self.exemplar_due = -math.inf


class RequestMetrics:
    """The contract's metrics and the shared family, fed once a request.

    Args:
        service: Value of the shared family's `service` label.
        prefix: Prefix of the contract's metrics, such as `video`.
        endpoints: Route templates whose series exist from the start.
        error_types: Error types whose series exist from the start, for each endpoint.
        now: Seconds since the epoch; dates exemplars.
        series_limit: Most lines that requests may add to an exposition.
    """

    def __init__(
        self,
        service: str,
        prefix: str,
        endpoints: Sequence[str],
        error_types: Sequence[str],
        now: Callable[[], float] = time.time,
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
            "Answers of status 400 and above, and answers that broke off, by kind of problem.",
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
            "Bytes of request bodies that were read, where there was one.",
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
        shared_errors = Counters(
            "affectscope_errors",
            "As the service's own errors, under one name for all services.",
            ("endpoint", "error_type"),
            shared,
        )
        # The same numbers under a second name cost a request nothing.
        shared_errors.series = self.errors.series
        self.families = (
            *(self.requests, self.processing, self.errors, shared_errors),
            *(self.duration, self.request_size, self.response_size),
            *(self.stages, self.media, self.realtime),
        )
        self.profiled = 0
        self._now = now
        self._limit = series_limit
        self._lock = threading.Lock()
        self._cache: dict[tuple[str, str, int], RequestSeries] = {}
        for endpoint in (*endpoints, UNMATCHED):
            self.requests.of(endpoint)
            self.processing.of(endpoint)
            for error_type in error_types:
                self.errors.of(endpoint, error_type)

    def ended(
        self,
        endpoint: str,
        method: str,
        status: int,
        error_type: str | None,
        seconds: float,
        processing_seconds: float,
        received: int,
        sent: int,
        timings: Timings,
        context: RequestContext,
        ended: float,
    ) -> None:
        """A request was answered, or given up.

        Args:
            endpoint: Route template or `unmatched`.
            method: One of `METHODS` or `OTHER_METHOD`.
            status: Status of the answer.
            error_type: Kind of problem, None where there was none.
            seconds: From the first byte to the end of the answer.
            processing_seconds: From the arrival of the whole body to the end of the answer.
            received: Bytes of the request's body that were read.
            sent: Bytes of the answer's body.
            timings: Stages and media of this request.
            context: Its trace becomes an exemplar, at most once a second for each series.
            ended: When, on the clock of the requests.
        """
        series = self._cache.get((endpoint, method, status)) or self._series(
            endpoint, method, status
        )
        # Written out instead of four calls of `observe`: this is what each request pays for.
        with self._lock:
            series.requests.value += 1
            bucket = bisect_left(SECONDS, seconds)
            histogram = series.duration
            histogram.counts[bucket] += 1
            histogram.total += seconds
            if received:
                bucket = bisect_left(SECONDS, processing_seconds)
                histogram = series.request_size
                histogram.counts[bisect_left(BYTES, received)] += 1
                histogram.total += received
            histogram = series.processing
            histogram.counts[bucket] += 1
            histogram.total += processing_seconds
            histogram = series.response_size
            histogram.counts[bisect_left(BYTES, sent)] += 1
            histogram.total += sent
            if ended >= series.exemplar_due:
                series.exemplar_due = ended + _EXEMPLAR_EVERY
                now = self._now()
                series.processing.remember(processing_seconds, context.trace_id, now)
                series.duration.remember(seconds, context.trace_id, now)
            if error_type is not None or timings.seconds or timings.media or timings.profiles:
                self._ended_with_more(endpoint, error_type, processing_seconds, timings)

    def note_stages(self, timings: Timings) -> None:
        """Count the stages of work that is no request, such as one frame of a live camera."""
        with self._lock:
            for name, spent in timings.seconds.copy().items():
                self.stages.of(name).observe(spent)

    def _ended_with_more(
        self, endpoint: str, error_type: str | None, processing_seconds: float, timings: Timings
    ) -> None:
        for name, spent in timings.seconds.copy().items():
            self.stages.of(name).observe(spent)
        work = max(processing_seconds - timings.seconds.get("queue", 0.0), 0.0)
        for kind, length in timings.media.copy().items():
            self.media.of(kind).value += length
            if length > 0:
                self.realtime.of(kind).observe(work / length)
        if error_type is not None:
            self._error(endpoint, error_type).value += 1
        self.profiled += len(timings.profiles)

    def _series(self, endpoint: str, method: str, status: int) -> RequestSeries:
        with self._lock:
            if endpoint != OVERFLOW and self._lines() + self.duration.lines > self._limit:
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

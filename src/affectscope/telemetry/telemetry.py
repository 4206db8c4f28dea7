"""The telemetry of one service, put together."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from affectscope.telemetry.background import Ticker
from affectscope.telemetry.context import NewIds, random_ids
from affectscope.telemetry.gc_pauses import GcPauses
from affectscope.telemetry.instruments import Counters, FamilyCollector, Gauges
from affectscope.telemetry.loop_lag import LoopLag
from affectscope.telemetry.memory_limit import memory_limit
from affectscope.telemetry.metrics import RequestMetrics
from affectscope.telemetry.middleware import App, Exchange, TelemetryMiddleware
from affectscope.telemetry.process import ProcessSampler
from affectscope.telemetry.stack_sampler import StackSampler

_TICK = 0.1
_PROCESS_EVERY = 20
"""Ticks between two readings of memory and CPU: 2 s."""


class Telemetry:
    """Metrics, profiles and identification of requests of one service.

    Each instance has a registry of its own, so several may live in one process.

    Args:
        service: Name of the service, the `service` label of the shared metrics.
        prefix: Prefix of the service's own metrics, such as `video`.
        version: Version of the service.
        endpoints: Route templates whose series exist from the start.
        error_types: Error types whose series exist from the start, for each endpoint.
        access_log: Whether each request writes one log line.
        clock: Seconds on a clock that never goes back; times requests.
        now: Seconds since the epoch; dates exemplars.
        new_ids: Source of request, trace and span ids.
        root: Where `proc` and `sys` lie, for the memory limit.

    Example:
        >>> telemetry = Telemetry("chat", "chat", "1.0", ["/analyze-chat"])
        >>> body, content_type = telemetry.exposition(None)
        >>> b'chat_requests_total{endpoint="/analyze-chat"} 0.0' in body
        True
    """

    def __init__(
        self,
        service: str,
        prefix: str,
        version: str,
        endpoints: Sequence[str],
        *,
        error_types: Sequence[str] = ("internal", "invalid-value", "overloaded"),
        access_log: bool = True,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
        new_ids: NewIds = random_ids,
        root: Path = Path("/"),
    ) -> None:
        self.service = service
        self.version = version
        self.registry = CollectorRegistry(auto_describe=False)
        self.requests = RequestMetrics(service, prefix, endpoints, error_types, now)
        self._active: set[Exchange] = set()
        self._prefix = prefix
        self._access_log = access_log
        self._clock = clock
        self._new_ids = new_ids
        self._root = root
        self._process = ProcessSampler()
        self._gc = GcPauses(service)
        self._loop_lag = LoopLag(service)
        self._stacks = StackSampler()
        shared = {"service": service}
        self._models = Gauges(
            "affectscope_model_loaded",
            "Whether a model is ready (1) or not (0).",
            ("model", "version"),
            shared,
        )
        self._failures = Counters(
            "affectscope_telemetry_failures",
            "Failures of the telemetry itself, which requests did not notice.",
            (),
            shared,
        )
        self._failures.of()
        self._queue_depth: Callable[[], float] | None = None
        self._ticker = Ticker(
            _TICK,
            (
                (1, self._stacks.sample),
                (1, self._loop_lag.watch),
                (_PROCESS_EVERY, self._process.sample),
            ),
            self._failed,
        )
        self.registry.register(
            FamilyCollector(
                (
                    *self.requests.families,
                    self._models,
                    self._loop_lag.family,
                    self._gc.family,
                    self._failures,
                )
            )
        )
        self.registry.register(_Readings(self._readings))

    def middleware(self, app: App) -> TelemetryMiddleware:
        """Wrap an ASGI application so that its requests are measured, identified and logged."""
        return TelemetryMiddleware(
            app,
            metrics=self.requests,
            active=self._active,
            clock=self._clock,
            new_ids=self._new_ids,
            access_log=self._access_log,
            on_failure=self._failed,
        )

    def start(self) -> None:
        """Begin what runs beside requests: process figures, stack samples, pauses, loop lag.

        Loop lag is that of the running event loop; called outside of one, it is not measured.
        """
        self._gc.start()
        self._ticker.start()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._loop_lag.start(loop)

    def stop(self) -> None:
        """End what `start` began."""
        self._loop_lag.stop()
        self._ticker.stop()
        self._gc.stop()

    def exposition(self, accept: str | None) -> tuple[bytes, str]:
        """The metrics as a scraper wants them.

        Args:
            accept: The `Accept` header. OpenMetrics, with exemplars, where it names
                `application/openmetrics-text`; the Prometheus text format otherwise.

        Returns:
            The body and its content type.
        """
        if accept is not None and "application/openmetrics-text" in accept.lower():
            body = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return body, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4

    def process_report(self) -> dict[str, Any]:
        """What `/health` tells of the process.

        Returns:
            `uptime_seconds`, `process` (`pid`, `threads`, `open_files`), `memory_bytes`,
            `memory_limit_bytes` (None without a limit) and `cpu_percent` (100 = one core).
        """
        return {**self._process.report(), "memory_limit_bytes": self.memory_limit()}

    def profile_report(self) -> dict[str, Any]:
        """What `/profile-report` answers. Takes milliseconds: call it from a worker thread.

        Returns:
            `window_seconds` that the sampler looks back on, `process` (as `process_report`),
            `stages` since the start (`requests`, `seconds`, `mean_seconds` of each),
            `sampled_functions` (`name`, `file`, `line`, `own_share`, `total_share`), `sampler`
            (`samples`, `busy`, `idle` and `dropped` thread stacks), `stalls` of the event loop, and
            `requests_profiled` since the start.
        """
        sampled = self._stacks.report()
        stages = {}
        for (name,), series in self.requests.stages.series.copy().items():
            count = sum(series.counts)
            if count:
                stages[name] = {
                    "requests": count,
                    "seconds": round(series.total, 6),
                    "mean_seconds": round(series.total / count, 6),
                }
        return {
            "window_seconds": sampled.pop("window_seconds"),
            "process": self.process_report(),
            "stages": stages,
            "sampled_functions": sampled.pop("functions"),
            "sampler": sampled,
            "stalls": list(self._loop_lag.stalls),
            "requests_profiled": self.requests.profiled,
        }

    def sampled_stacks(self) -> str:
        """The sampler's window as `outer;inner count` lines, ready for a flame graph."""
        return self._stacks.collapsed()

    def queue_depth(self, read: Callable[[], float]) -> None:
        """Show the length of the waiting queue, read at each scrape.

        Args:
            read: Gives how many requests wait; called from whichever thread scrapes.
        """
        self._queue_depth = read

    @property
    def in_flight(self) -> int:
        """How many requests are being served."""
        return len(self._active)

    def model_loaded(self, name: str, version: str, loaded: bool = True) -> None:
        """Show whether a model is ready."""
        self._models.of(name, version).value = float(loaded)

    def memory_limit(self) -> int | None:
        """The container's memory limit in bytes, or None."""
        return memory_limit(self._root)

    def _failed(self) -> None:
        self._failures.of().value += 1

    def _readings(self) -> Iterator[Gauges]:
        yield _gauge(
            f"{self._prefix}_memory_usage_bytes",
            "Resident memory of the process.",
            self._process.memory_bytes,
        )
        yield _gauge(
            f"{self._prefix}_cpu_usage_percent",
            "CPU use of the process; 100 is one core.",
            self._process.cpu_percent,
        )
        shared = {"service": self.service}
        yield _gauge(
            "affectscope_build_info",
            "Always 1; its labels say what runs.",
            1,
            {**shared, "version": self.version, "python": platform.python_version()},
        )
        # A set counts requests without a lock; copying it is one step of the interpreter.
        active = Gauges(
            "http_server_active_requests",
            "Requests being served.",
            ("http_request_method",),
            shared,
        )
        for method in ("GET", "POST"):
            active.of(method)
        for exchange in self._active.copy():
            active.of(exchange.method).value += 1
        yield active
        limit = self.memory_limit()
        if limit is not None:
            yield _gauge(
                "affectscope_memory_limit_bytes",
                "Memory that the container allows.",
                limit,
                shared,
            )
        if self._queue_depth is not None:
            try:
                depth = float(self._queue_depth())
            except Exception:
                self._failed()
            else:
                yield _gauge(
                    "affectscope_queue_depth",
                    "Requests that wait for a worker.",
                    depth,
                    shared,
                )


def _gauge(name: str, help: str, value: float, constant: dict[str, str] | None = None) -> Gauges:
    gauges = Gauges(name, help, (), constant)
    gauges.of().value = value
    return gauges


class _Readings:
    """Shows to the registry what is read at scrape time."""

    def __init__(self, read: Callable[[], Iterator[Gauges]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        for gauges in self._read():
            yield gauges.metric()

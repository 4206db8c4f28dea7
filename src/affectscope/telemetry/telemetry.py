"""The telemetry of one service, put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from affectscope.telemetry.background import Ticker
from affectscope.telemetry.context import NewIds, random_ids
from affectscope.telemetry.export import Destination, Exporter, ProfileNote
from affectscope.telemetry.gc_pauses import GcPauses
from affectscope.telemetry.instruments import Counters, FamilyCollector, Gauges
from affectscope.telemetry.live import LiveMetrics
from affectscope.telemetry.loop_lag import LoopLag
from affectscope.telemetry.memory_limit import memory_limit
from affectscope.telemetry.metrics import RequestMetrics
from affectscope.telemetry.middleware import PROBES, App, Exchange, Recording, TelemetryMiddleware
from affectscope.telemetry.predictions import Predictions
from affectscope.telemetry.process import ProcessSampler
from affectscope.telemetry.readings import Readings
from affectscope.telemetry.stack_sampler import StackSampler

_TICK = 0.1
_PROCESS_EVERY = 20
"""Ticks between two readings of memory and CPU: 2 s."""

_PROFILES_EVERY = 100
"""Ticks between two looks for sampled stacks that can be sent: 10 s."""


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
        quiet: Endpoints that are neither logged nor traced, beside the probes.
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
        quiet: Iterable[str] = (),
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
        new_ids: NewIds = random_ids,
        root: Path = Path("/"),
    ) -> None:
        self.service = service
        self.version = version
        self.registry = CollectorRegistry(auto_describe=False)
        self.requests = RequestMetrics(service, prefix, endpoints, error_types, now)
        self.live = LiveMetrics(service)
        self._active: set[Exchange] = set()
        self._prefix = prefix
        self._access_log = access_log
        self._quiet = PROBES.union(quiet)
        self._clock = clock
        self._new_ids = new_ids
        self._root = root
        self._process = ProcessSampler()
        self._gc = GcPauses(service)
        self._loop_lag = LoopLag(service, on_stall=self._export_stall)
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
        self.predictions = Predictions(service)
        self._recording = Recording()
        self._exporter: Exporter | None = None
        self._ticker = Ticker(
            _TICK,
            (
                (1, self._stacks.sample),
                (1, self._loop_lag.watch),
                (_PROCESS_EVERY, self._process.sample),
                (_PROFILES_EVERY, self._export_samples),
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
                    *self.predictions.families,
                    *self.live.families,
                )
            )
        )
        self._readings = Readings(
            service, prefix, version, self._process, self._active, root, self._failed
        )
        self.registry.register(self._readings)

    def middleware(self, app: App) -> TelemetryMiddleware:
        """Wrap an ASGI application so that its requests are measured, identified and logged."""
        return TelemetryMiddleware(
            app,
            metrics=self.requests,
            live=self.live,
            active=self._active,
            clock=self._clock,
            new_ids=self._new_ids,
            access_log=self._access_log,
            on_failure=self._failed,
            recording=self._recording,
            quiet=self._quiet,
        )

    def export_to(self, destination: Destination) -> None:
        """Send spans, log lines and profiles somewhere, from `start` on.

        Give `collect_log` to `configure_logging` to have the log lines too.
        """
        self._exporter = Exporter(self.service, self.version, destination)
        self._readings.exporter = self._exporter
        self._recording.ratio = destination.ratio
        self._recording.take = self._exporter.request

    def collect_log(self, fields: Mapping[str, Any]) -> None:
        """Have one line of the log sent, where lines are sent."""
        if self._exporter is not None:
            self._exporter.log(fields)

    def start(self) -> None:
        """Begin what runs beside requests: process figures, stack samples, pauses, loop lag.

        Loop lag is that of the running event loop; called outside of one, it is not measured.
        """
        self._gc.start()
        self._ticker.start()
        if self._exporter is not None:
            self._exporter.start()
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
        if self._exporter is not None:
            self._exporter.stop()

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

    def queue(self, depth: Callable[[], float], limit: int) -> None:
        """Show the length of the waiting queue, read at each scrape.

        Args:
            depth: Gives how many requests wait; called from whichever thread scrapes.
            limit: How many may wait.
        """
        self._readings.queue = depth, limit

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

    def _export_samples(self) -> None:
        exporter = self._exporter
        taken = self._stacks.take()
        if exporter is None:
            return
        epoch = time.time() - time.monotonic()
        for began, seconds, stacks in taken:
            exporter.profile(ProfileNote("sampled", began + epoch, seconds, "samples", stacks))

    def _export_stall(self, stall: Mapping[str, Any]) -> None:
        if self._exporter is not None:
            stack = ";".join(frame.replace(";", ",") for frame in stall["stack"])
            start, lag = stall["at"] - stall["lag_seconds"], stall["lag_seconds"]
            self._exporter.profile(
                ProfileNote("stall", start, lag, "samples", lambda: f"{stack} 1")
            )

    def _failed(self) -> None:
        self._failures.of().value += 1

"""What is read when somebody scrapes: the process, the queue, and what was not delivered."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from prometheus_client import Metric

from affectscope.telemetry.export import Exporter
from affectscope.telemetry.instruments import Counters, Gauges
from affectscope.telemetry.memory_limit import memory_available, memory_limit
from affectscope.telemetry.middleware import Exchange
from affectscope.telemetry.process import ProcessSampler


class Readings:
    """Shows to a registry what is read at scrape time, so that requests pay nothing for it.

    Args:
        service: Value of the `service` label of the shared metrics.
        prefix: Prefix of the service's own metrics.
        version: Version of the service.
        process: What the operating system says.
        active: The requests that are being served.
        root: Where `proc` and `sys` lie.
        on_failure: Told of each reading that failed.

    Attributes:
        queue: Gives how many requests wait, and how many may; None without a queue.
        exporter: Knows what could not be delivered; None where nothing is sent.
    """

    def __init__(
        self,
        service: str,
        prefix: str,
        version: str,
        process: ProcessSampler,
        active: Set[Exchange],
        root: Path,
        on_failure: Callable[[], None],
    ) -> None:
        self.queue: tuple[Callable[[], float], int] | None = None
        self.exporter: Exporter | None = None
        self._shared = {"service": service}
        self._prefix = prefix
        self._version = version
        self._process = process
        self._active = active
        self._root = root
        self._on_failure = on_failure

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        memory, cpu = self._process.memory_bytes, self._process.cpu_percent
        # The first two are named by the service itself, the other two are one family for all.
        for prefix, labels in ((self._prefix, {}), ("affectscope", self._shared)):
            yield _gauge(
                f"{prefix}_memory_usage_bytes", "Resident memory of the process.", memory, labels
            )
            yield _gauge(
                f"{prefix}_cpu_usage_percent",
                "CPU use of the process; 100 is one core.",
                cpu,
                labels,
            )
        yield from self._memory()
        yield _gauge(
            "affectscope_build_info",
            "Always 1; its labels say what runs.",
            1,
            {**self._shared, "version": self._version, "python": platform.python_version()},
        )
        yield self._requests()
        yield from self._waiting()
        yield self._dropped()

    def _memory(self) -> Iterator[Metric]:
        limit = memory_limit(self._root)
        if limit is not None:
            yield _gauge(
                "affectscope_memory_limit_bytes",
                "Memory that the container allows.",
                limit,
                self._shared,
            )
        yield _gauge(
            "affectscope_memory_available_bytes",
            "Memory that the process may have: the container's limit, or all of the machine.",
            memory_available(self._root),
            self._shared,
        )

    def _requests(self) -> Metric:
        # A set counts requests without a lock; copying it is one step of the interpreter.
        active = Gauges(
            "http_server_active_requests",
            "Requests being served.",
            ("http_request_method",),
            self._shared,
        )
        for method in ("GET", "POST"):
            active.of(method)
        for exchange in list(self._active):
            active.of(exchange.method).value += 1
        return active.metric()

    def _waiting(self) -> Iterator[Metric]:
        if self.queue is None:
            return
        read, limit = self.queue
        try:
            depth = float(read())
        except Exception:
            self._on_failure()
        else:
            yield _gauge(
                "affectscope_queue_depth", "Requests that wait for a worker.", depth, self._shared
            )
        yield _gauge(
            "affectscope_queue_limit",
            "How many requests may wait; one more is refused.",
            limit,
            self._shared,
        )

    def _dropped(self) -> Metric:
        dropped = Counters(
            "affectscope_dropped_telemetry",
            "Requests' spans, log lines and profiles that could not be delivered.",
            ("signal",),
            self._shared,
        )
        for signal in ("spans", "logs", "profiles"):
            dropped.of(signal)
        if self.exporter is not None:
            for signal, count in self.exporter.dropped().items():
                dropped.of(signal).value = count
        return dropped.metric()


def _gauge(name: str, help: str, value: float, labels: dict[str, str]) -> Metric:
    gauges = Gauges(name, help, (), labels)
    gauges.of().value = value
    return gauges.metric()

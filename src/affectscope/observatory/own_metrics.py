"""What the observatory counts of its own work, read when it is scraped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.registry import Collector

from affectscope.observatory.database import Database
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.otlp_intake import Intake
from affectscope.observatory.retention import Retention
from affectscope.observatory.tail_sampling import TailSampler
from affectscope.telemetry.instruments import Counters, Gauges

_SERVICE = {"service": "observatory"}


class OwnMetrics(Collector):
    """A collector of the observatory's own registry.

    Args:
        database: Whose file and backlog are shown.
        intake: Counts what came in.
        sampler: Counts traces.
        metrics: Counts what it had no room for.
        retention: Counts what was deleted.
        notifications: Messages about alerts.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        sampler: TailSampler,
        metrics: MetricStore,
        retention: Retention,
        notifications: Counters,
    ) -> None:
        self._database = database
        self._intake = intake
        self._sampler = sampler
        self._metrics = metrics
        self._retention = retention
        self._notifications = notifications

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape; asks no disk but for the sizes of two files."""
        intake, sampler = self._intake, self._sampler
        yield self._notifications.metric()
        yield _counter(
            "taken",
            "Records that came in by OTLP.",
            "signal",
            {"spans": intake.spans, "logs": intake.lines, "metrics": intake.samples},
        )
        yield _counter(
            "lost",
            "What came in and could not be kept, by reason.",
            "reason",
            {
                "malformed-span": intake.refused,
                "trace-too-large": sampler.lost,
                "too-many-series": self._metrics.dropped_series,
                "frame-out-of-order": self._metrics.dropped_frames,
            },
        )
        yield _counter(
            "traces",
            "Traces by why they were kept; `dropped` where they were not.",
            "kept",
            {**{str(why): n for why, n in sampler.kept.items()}, "dropped": sampler.dropped},
        )
        yield _counter(
            "deleted",
            "Rows deleted for their age or for want of room.",
            "kind",
            self._retention.deleted,
        )
        yield _gauge(
            "file_bytes", "Bytes of the telemetry on disk.", "part", self._retention.file_bytes()
        )
        yield _gauge(
            "waiting",
            "What waits in memory: jobs of the writer, and spans of traces that go on.",
            "kind",
            {"jobs": self._database.backlog, "spans": sampler.waiting_spans},
        )


def _counter(name: str, help: str, label: str, values: Mapping[str, int]) -> Metric:
    counters = Counters(f"affectscope_observatory_{name}", help, (label,), _SERVICE)
    for value, count in values.items():
        counters.of(value).value = count
    return counters.metric()


def _gauge(name: str, help: str, label: str, values: Mapping[str, int]) -> Metric:
    gauges = Gauges(f"affectscope_observatory_{name}", help, (label,), _SERVICE)
    for value, size in values.items():
        gauges.of(value).value = size
    return gauges.metric()

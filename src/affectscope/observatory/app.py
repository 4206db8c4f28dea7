"""The observatory: scrapes, receives, keeps, alerts and shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from affectscope.observatory import frames, load_runs, logs, profiles, traces
from affectscope.observatory.alerts import store as alert_store
from affectscope.observatory.alerts.api import add_alert_routes
from affectscope.observatory.alerts.center import AlertCenter
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import SHIPPED, load
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.load_runs import LoadStore
from affectscope.observatory.load_runs_api import add_load_routes
from affectscope.observatory.logs import LogStore, part_lines
from affectscope.observatory.logs_api import add_log_routes
from affectscope.observatory.metrics_api import add_metrics_routes
from affectscope.observatory.otlp_api import add_otlp_routes
from affectscope.observatory.otlp_intake import Intake
from affectscope.observatory.own_metrics import OwnMetrics
from affectscope.observatory.pages import add_pages
from affectscope.observatory.profiles import ProfileStore
from affectscope.observatory.profiles_api import add_profile_routes
from affectscope.observatory.prometheus_form import PrometheusQueries
from affectscope.observatory.promql import Engine
from affectscope.observatory.retention import Retention
from affectscope.observatory.scrape import Scraper
from affectscope.observatory.settings import ObservatorySettings
from affectscope.observatory.tail_sampling import TailSampler
from affectscope.observatory.traces import TraceStore
from affectscope.observatory.traces_api import add_trace_routes
from affectscope.service import Check, Service, read_settings

FILE = "telemetry.db"
SCHEMAS = (
    *(frames.SCHEMA, traces.SCHEMA, logs.SCHEMA, profiles.SCHEMA),
    *(alert_store.SCHEMA, load_runs.SCHEMA),
)

_UNLOGGED = (
    *("/v1/traces", "/v1/logs", "/v1/metrics", "/api/profiles"),
    *("/api/v1/query", "/api/v1/query_range", "/api/services", "/api/charts", "/api/objectives"),
    *("/api/alerts", "/api/traces", "/api/logs", "/api/flame", "/api/load-tests"),
    *("/", "/icon.svg", "/assets/{name}", "/api/traces/{trace_id}", "/api/profiles/{number}"),
)
"""What comes in every second, and what an open console asks for again and again.

Lines and traces of these would be most of what is kept. Their metrics are, as everywhere.
"""

_MOST_JOBS = 2_000
"""Jobs that wait to be written, beyond which the disk is too slow."""


class Observatory(Service):
    """The service that watches the others.

    Args:
        settings: What the environment says.

    Raises:
        InvalidValue: The file of definitions that the settings name is not one.
    """

    settings: ObservatorySettings

    def __init__(self, settings: ObservatorySettings) -> None:
        definitions = load(settings.definitions or SHIPPED)
        super().__init__(
            "observatory",
            settings=settings,
            title="Affectscope: Observatory",
            description="Metrics, traces, logs, profiles, alerts and load tests of all services.",
            endpoints=[],
            quiet=_UNLOGGED,
        )
        self.database = Database(settings.folder / FILE, SCHEMAS)
        self.metrics = MetricStore(self.database)
        self.traces = TraceStore(self.database)
        self.logs = LogStore(self.database, part_lines(settings.size_limit_bytes))
        self.profiles = ProfileStore(self.database)
        self.load_tests = LoadStore(self.database)
        self.engine = Engine(self.metrics)
        self.scraper = Scraper(self.metrics, settings.targets(), settings.scrape_seconds)
        self.sampler = TailSampler(settings.keep_share, settings.slow_seconds)
        self.intake = Intake(self.traces, self.logs, self.metrics, self.sampler)
        self.alerts = AlertCenter(
            definitions,
            self.engine,
            self.database,
            settings.channels(settings.observatory or ""),
            settings.alert_seconds,
            settings.alert_repeat_seconds,
        )
        self.retention = Retention(
            self.database,
            {
                "metrics": self.metrics.delete_before,
                "traces": self.traces.delete_before,
                "logs": self.logs.delete_before,
                "profiles": self.profiles.delete_before,
                "load_tests": self.load_tests.delete_before,
                "alerts": self.alerts.store.delete_before,
            },
            settings.keep_seconds,
            settings.size_limit_bytes,
        )
        self.health.add("storage", self._storage)
        self.telemetry.registry.register(
            OwnMetrics(
                self.database,
                self.intake,
                self.sampler,
                self.metrics,
                self.retention,
                self.alerts.notifier.outcomes,
            )
        )
        add_metrics_routes(self, PrometheusQueries(self.metrics, self.engine), self.scraper)
        add_otlp_routes(self, self.intake)
        add_trace_routes(self, self.traces, self.logs, self.profiles)
        add_log_routes(self, self.logs)
        add_profile_routes(self, self.profiles, self.intake.profiled)
        add_load_routes(self, self.load_tests)
        add_alert_routes(self, self.alerts)
        add_pages(self)

    def _storage(self) -> Check:
        waiting = self.database.backlog
        if waiting > _MOST_JOBS:
            return Check("warn", waiting, "jobs", "the disk does not keep up")
        return Check("pass", waiting, "jobs")

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Do what goes on beside requests, and keep what is held in memory at the end."""
        async with super().lifespan(app):
            tasks = [
                asyncio.create_task(job)
                for job in (self.scraper.run(), self.intake.run(), self.alerts.run())
            ]
            self.retention.start()
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                # What made one of them fail must not keep what is in memory from being written.
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.retention.stop()
        self.intake.close()
        self.database.close()


def create(settings: ObservatorySettings | None = None) -> Service:
    """Make the observatory; settings come from the environment where none are given."""
    return Observatory(settings or read_settings(ObservatorySettings))

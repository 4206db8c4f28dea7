"""The observatory: scrapes, receives, keeps, alerts and shows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from affectscope.observatory import frames
from affectscope.observatory.database import Database
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.metrics_api import add_metrics_routes
from affectscope.observatory.prometheus_form import PrometheusQueries
from affectscope.observatory.promql import Engine
from affectscope.observatory.scrape import Scraper
from affectscope.observatory.settings import ObservatorySettings
from affectscope.service import Service, read_settings

FILE = "telemetry.db"
SCHEMAS = (frames.SCHEMA,)


class Observatory(Service):
    """The service that watches the others.

    Args:
        settings: What the environment says.
    """

    settings: ObservatorySettings

    def __init__(self, settings: ObservatorySettings) -> None:
        super().__init__(
            "observatory",
            settings=settings,
            title="Affectscope: Observatory",
            description="Metrics, traces, logs, profiles, alerts and load tests of all services.",
            endpoints=[],
        )
        self.database = Database(settings.folder / FILE, SCHEMAS)
        self.metrics = MetricStore(self.database)
        self.engine = Engine(self.metrics)
        self.scraper = Scraper(self.metrics, settings.targets(), settings.scrape_seconds)
        add_metrics_routes(self, PrometheusQueries(self.metrics, self.engine), self.scraper)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Do what goes on beside requests, and close the file at the end."""
        async with super().lifespan(app):
            tasks = [asyncio.create_task(self.scraper.run())]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
                await asyncio.to_thread(self.database.close)


def create(settings: ObservatorySettings | None = None) -> Service:
    """Make the observatory; settings come from the environment where none are given."""
    return Observatory(settings or read_settings(ObservatorySettings))

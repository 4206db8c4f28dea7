"""Asks every service for its metrics and its health, again and again, whatever it answers."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import httpx
import numpy as np

from affectscope.observatory.exposition import ExpositionReader
from affectscope.observatory.frames import MetricStore, TargetKey
from affectscope.telemetry import get_logger

_log = get_logger()

MOST_BYTES = 16 << 20
"""Of an answer; our own services stay below 1 MB."""

_MOST_HEALTH_BYTES = 1 << 20
_LONGEST_TIMEOUT = 10.0
"""Seconds: Prometheus' default."""

_LONGEST_DETAIL = 300

State = Literal["pass", "warn", "fail", "unreachable"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What is known of a service since the last scrape.

    Attributes:
        name: As in the label `service`.
        title: For people.
        url: Where it is asked.
        state: Its own verdict, or unreachable.
        version: As it says, or None.
        uptime_seconds: As it says, or None.
        last_scrape: Seconds since the epoch, or None before the first.
        scrape_seconds: How long the last scrape took.
        detail: Why it is not well; "" when it is.
    """

    name: str
    title: str
    url: str
    state: State = "unreachable"
    version: str | None = None
    uptime_seconds: float | None = None
    last_scrape: float | None = None
    scrape_seconds: float | None = None
    detail: str = "not asked yet"


class ScrapeError(Exception):
    """A target did not answer as it should; the message says how."""


class Scraper:
    """One task for each target, which nothing that a target does can end.

    Args:
        store: Where samples go.
        targets: Name, title and URL (without path) of each service.
        interval: Seconds between two scrapes of a service, 1 to 60.
        headers: Sent with each request, such as the token of an operator.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: MetricStore,
        targets: Sequence[tuple[str, str, str]],
        interval: float = 5.0,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._interval = interval
        self._timeout = min(interval, _LONGEST_TIMEOUT)
        self._headers = {
            "accept": "text/plain;version=0.0.4, */*;q=0.1",
            "accept-encoding": "identity",
            "user-agent": "affectscope-observatory",
            **(headers or {}),
        }
        self._clock = clock
        self._targets = [_Target(store, *target) for target in targets]

    async def run(self) -> None:
        """Scrape until cancelled."""
        async with (
            httpx.AsyncClient(
                trust_env=False, headers=self._headers, timeout=self._timeout
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for target in self._targets:
                group.create_task(self._watch(client, target))

    def statuses(self) -> list[ServiceStatus]:
        """Return what is known of each service, in the order in which they were given."""
        return [target.status for target in self._targets]

    @property
    def dropped_lines(self) -> int:
        """Lines of expositions that were dropped so far."""
        return sum(target.reader.dropped_lines for target in self._targets)

    async def _watch(self, client: httpx.AsyncClient, target: _Target) -> None:
        # Targets are asked one after the other, not all at once.
        share = zlib.crc32(target.status.url.encode()) / 2**32
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        due = loop.time() + share * min(self._interval, 1.0)
        while True:
            await asyncio.sleep(due - loop.time())
            try:
                await self.scrape(client, target)
            except Exception:
                _log.exception("a scrape failed", target=target.status.name)
                # `gather` gives a failure that comes with the cancellation in its place.
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from None
            # Rounds that were missed stay missed.
            due += self._interval * max(1.0, np.ceil((loop.time() - due) / self._interval))

    async def scrape(self, client: httpx.AsyncClient, target: _Target) -> None:
        """Ask one target once and keep what it answers, or that it did not."""
        (began, seconds, failure), status = await asyncio.gather(
            self._measure(client, target), self._health(client, target.status)
        )
        if failure and status.state in ("pass", "warn"):
            status = replace(status, state="warn", detail=f"metrics: {failure}")
        target.status = replace(status, last_scrape=began, scrape_seconds=seconds)

    async def _measure(
        self, client: httpx.AsyncClient, target: _Target
    ) -> tuple[float, float, str]:
        """Keep the metrics of a target; return when it was asked, for how long, and what failed."""
        # Prometheus' times are whole milliseconds, and so are those of the engine.
        began = round(self._clock(), 3)
        started = time.perf_counter()
        body: bytes | None = None
        failure = ""
        try:
            body = await self._fetch(client, target.status.url + "/metrics", MOST_BYTES)
        except ScrapeError as error:
            failure = str(error)
        seconds = time.perf_counter() - started
        await asyncio.to_thread(target.keep, began, body, seconds)
        return began, seconds, failure

    async def _fetch(
        self, client: httpx.AsyncClient, url: str, most: int, any_status: bool = False
    ) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._timeout), client.stream("GET", url) as response:
                if response.status_code != 200 and not any_status:
                    raise ScrapeError(f"answered with status {response.status_code}")
                # Raw: a packed answer, which nobody asked for, could unpack to anything.
                async for part in response.aiter_raw():
                    size += len(part)
                    if size > most:
                        raise ScrapeError(f"answered with more than {most} bytes")
                    parts.append(part)
        except TimeoutError as error:
            raise ScrapeError(f"no answer within {self._timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise ScrapeError(f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL]) from error
        return b"".join(parts)

    async def _health(self, client: httpx.AsyncClient, before: ServiceStatus) -> ServiceStatus:
        try:
            body = await self._fetch(client, before.url + "/health", _MOST_HEALTH_BYTES, True)
            return await asyncio.to_thread(read_health, body, before)
        except ScrapeError as error:
            return replace(before, state="unreachable", uptime_seconds=None, detail=str(error))


class _Target:
    """One service: its samples so far, and its status."""

    def __init__(self, store: MetricStore, name: str, title: str, url: str) -> None:
        self.status = ServiceStatus(name, title, url.rstrip("/"))
        try:
            parsed = httpx.URL(url)
            instance = f"{parsed.host}:{parsed.port or 80}"
        except httpx.InvalidURL:
            instance = url
        self._store = store
        self.key = TargetKey(name, instance)
        self.reader = ExpositionReader(store, self.key)
        self._own = store.columns(
            self.key, [("up", {}, "gauge"), ("scrape_duration_seconds", {}, "gauge")]
        )

    def keep(self, time: float, body: bytes | None, seconds: float) -> None:
        """Keep one scrape; without a body it failed, and all series end."""
        row = np.empty(0) if body is None else self.reader.read(body)
        row = np.pad(row, (0, max(0, max(self._own) + 1 - len(row))), constant_values=np.nan)
        for column, value in zip(self._own, (float(body is not None), seconds), strict=True):
            if column >= 0:
                row[column] = value
        self._store.append_row(self.key, time, row)


def read_health(body: bytes, before: ServiceStatus) -> ServiceStatus:
    """Read an answer of `/health`.

    Args:
        body: `application/health+json`, or anything.
        before: What was known.

    Returns:
        What is known now; unreachable where the answer is no health document.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    state = document.get("status") if isinstance(document, dict) else None
    if not isinstance(document, dict) or state not in ("pass", "warn", "fail"):
        return replace(
            before, state="unreachable", uptime_seconds=None, detail="no health document"
        )
    version, uptime = document.get("version"), document.get("uptime_seconds")
    return replace(
        before,
        state=state,
        version=version if isinstance(version, str) else None,
        uptime_seconds=float(uptime) if isinstance(uptime, int | float) else None,
        detail=_complaints(document.get("checks"))[:_LONGEST_DETAIL],
    )


def _complaints(checks: object) -> str:
    """Return what the checks that did not pass say."""
    found = []
    for name, entries in checks.items() if isinstance(checks, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("status") != "pass":
                found.append(f"{name}: {entry.get('output') or entry.get('status')}")
    return "; ".join(found)

"""A day of telemetry of five services, written into the stores of an observatory."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from affectscope.observatory.app import FILE, SCHEMAS
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import WINDOW_SECONDS, load
from affectscope.observatory.frames import MetricStore, TargetKey
from affectscope.observatory.logs import LogStore
from affectscope.observatory.otlp_logs import lines_of
from affectscope.observatory.otlp_spans import Span, spans_of
from affectscope.observatory.profiles import Profile, ProfileStore
from affectscope.observatory.tail_sampling import KeptTrace
from affectscope.observatory.traces import TraceStore
from affectscope.service import Service
from benchmarks import scrape_cost
from benchmarks.observatory_load import LINES_EACH, SERVICES, log_body, trace_body

DAY = 86_400.0
TRACES = 86_000
"""Kept traces: ten requests a second, of which a tenth is kept."""

LINES = 860_000
"""Ten lines a second."""

PORTS = {"video": 8001, "speech": 8002, "chat": 8003, "survey": 8004, "gateway": 9000}


def fill(folder: Path, now: float) -> None:
    """Fill the file of an observatory with the last 24 hours.

    Args:
        folder: The observatory's.
        now: Seconds since the epoch.
    """
    database = Database(folder / FILE, SCHEMAS)
    _fill_metrics(MetricStore(database), now)
    _fill_objectives(database, now)
    _fill_traces(TraceStore(database), now)
    _fill_logs(LogStore(database), now)
    _fill_profiles(ProfileStore(database), now)
    database.close()


def _fill_metrics(store: MetricStore, now: float) -> None:
    """Have each real service expose what a day of requests to all of its routes leaves."""
    with tempfile.TemporaryDirectory() as folder:
        for name, port in PORTS.items():
            one = scrape_cost.service(name, Path(folder))
            routes = [route.path for route in one.app.routes if hasattr(route, "path")]
            asyncio.run(_exercise(one, routes))
            _fill_target(store, TargetKey(one.name, f"127.0.0.1:{port}"), _exposed(one), now)


async def _exercise(one: Service, routes: Sequence[str]) -> None:
    """Have a service's telemetry see what a day brings: analyses that fail, and all else well."""
    analyses = [route for route in routes if route.startswith("/analyze")]
    await scrape_cost.flood(one, analyses, ("POST",), (200, 422, 500, 503))
    await scrape_cost.flood(one, [one for one in routes if one not in analyses], ("GET",), (200,))


def _exposed(one: Service) -> list[tuple[str, dict[str, str], str, float]]:
    text = one.telemetry.exposition(None)[0].decode()
    found = [
        (sample.name, sample.labels, family.type, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    return [*found, ("up", {}, "gauge", 1.0), ("scrape_duration_seconds", {}, "gauge", 0.01)]


def _fill_target(
    store: MetricStore,
    target: TargetKey,
    exposed: list[tuple[str, dict[str, str], str, float]],
    now: float,
) -> None:
    columns = store.columns(target, [(name, labels, kind) for name, labels, kind, _ in exposed])
    first = np.zeros(max(columns) + 1)
    gauges, steady = np.zeros(len(first), bool), np.zeros(len(first), bool)
    for column, (name, _, kind, value) in zip(columns, exposed, strict=True):
        first[column] = value
        gauges[column] = kind == "gauge"
        steady[column] = name == "up"
    rows = np.random.default_rng(1)
    seen = 1
    for when in _scrapes(now):
        # All that counts grows alike, so that buckets stay in their order.
        seen += int(rows.integers(0, 20))
        noise = rows.uniform(0.9, 1.1, len(first))
        factor = np.where(steady, 1.0, np.where(gauges, noise, float(seen)))
        store.append_row(target, when, first * factor)


def _scrapes(now: float) -> Iterator[float]:
    """Yield times: as seldom as frames of that age are kept, so that a day takes a minute."""
    when = now - DAY
    while when < now:
        yield round(when, 3)
        age = now - when
        when += 5.0 if age < 1.2 * 3600 else 10.0 if age < 6.5 * 3600 else 60.0


def _fill_objectives(database: Database, now: float) -> None:
    """Fill the counts of all objectives, for the whole of their window of thirty days."""
    names = [objective.id for objective in load().objectives]
    newest = now // 300 * 300
    rows = [
        (name, newest - slice_ * 300, float(random.random() < 0.1), 300.0)
        for name in names
        for slice_ in range(1, int(WINDOW_SECONDS // 300))
    ]
    database.write(
        lambda connection: connection.executemany(
            "INSERT INTO objective_counts VALUES (?, ?, ?, ?)", rows
        )
    ).result()


def _fill_traces(store: TraceStore, now: float) -> None:
    made = 0
    while made < TRACES:
        request = ExportTraceServiceRequest.FromString(trace_body(made, now))
        by_trace: dict[str, list[Span]] = {}
        for span in spans_of(request, now)[0]:
            by_trace.setdefault(span.trace_id, []).append(span)
        kept = []
        for trace_id, spans in by_trace.items():
            shift = DAY * (1 - made / TRACES)
            made += 1
            error, slow = random.random() < 0.01, random.random() < 0.02
            longer = random.uniform(1, 30) if slow else 0.0
            endpoint = "/rare" if made == 1000 else spans[0].endpoint
            moved = [
                span._replace(start=span.start - shift - longer, end=span.end - shift)
                for span in spans
            ]
            moved[0] = moved[0]._replace(error=error, endpoint=endpoint)
            kept.append(KeptTrace(trace_id, "error" if error else "share", moved))
        store.add(kept).result()


def _fill_logs(store: LogStore, now: float) -> None:
    for made in range(0, LINES, LINES_EACH):
        message = ExportLogsServiceRequest.FromString(log_body(made // LINES_EACH, now))
        lines = lines_of(message, now)
        for place, line in enumerate(lines):
            level = 3 if random.random() < 0.002 else 2 if random.random() < 0.01 else 1
            event = "a needle in the hay" if (made + place) % 300_000 == 7 else line.event
            when = now - DAY * (1 - (made + place) / LINES)
            lines[place] = line._replace(time=when, level=level, event=event)
        store.add(lines).result()


def _fill_profiles(store: ProfileStore, now: float) -> None:
    for service in SERVICES:
        # More than a service of this system has: in a minute, its sampler sees some dozens.
        known = [
            ";".join(f"frame{random.randrange(40)} (file.py)" for _ in range(25))
            for _ in range(1_000)
        ]
        for minute in range(24 * 60):
            stacks = {stack: random.randint(1, 50) for stack in random.sample(known, 60)}
            start = now - DAY + minute * 60
            store.add(Profile(service, "sampled", start, 60.0, None, None, "samples", stacks))
    store.add(Profile("chat", "stall", now - 60, 1.0, None, None, "samples", {"a;b": 1})).result()

"""How long the observatory takes for what its pages ask, with a day of five services in its file.

    python -m benchmarks.observatory_queries             a table
    python -m benchmarks.observatory_queries --check     and exit 1 where an answer takes 200 ms

Filling takes minutes, and is no part of what is measured: `--folder` keeps the file for a while.

The observatory is a process of its own, bound to one core. Each query is asked alone: once when
nothing of it is in memory, then a few times more, each time for the newest range.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks import observatory_day
from benchmarks.machine import facts, write_result
from benchmarks.observatory_process import FILE, serving

BUDGET_SECONDS = 0.2
RANGES = {"15m": 900, "1h": 3600, "6h": 6 * 3600, "24h": 86_400}
"""Seconds of each range that the pages offer and the file covers."""

_STEPS = (5, 10, 15, 30, 60, 120, 300, 600)
_POINTS = 240
_SERVICES = ("chat", "integrated")
_REPEATS = 5


def measure(folder: Path) -> dict[str, Any]:
    """Serve a day that was filled, and time everything.

    Args:
        folder: Has a file of `observatory_day.fill`, whose newest telemetry is of just now.

    Returns:
        By query: milliseconds of the first answer, of the median one, and its bytes.
    """
    began = time.perf_counter()
    with (
        serving(folder) as server,
        httpx.Client(base_url=server.url, timeout=60.0, trust_env=False) as client,
    ):
        started = time.perf_counter() - began
        queries = {name: _timed(client, path) for name, path in _queries(client)}
        memory = server.process.memory_info().rss
    return {
        "started_seconds": round(started, 1),
        "file_bytes": (folder / FILE).stat().st_size,
        "memory_bytes": memory,
        "queries": queries,
    }


def _timed(client: httpx.Client, path: str) -> dict[str, Any]:
    taken = []
    size = 0
    for _ in range(_REPEATS):
        began = time.perf_counter()
        answer = client.get(path)
        taken.append(time.perf_counter() - began)
        answer.raise_for_status()
        size = len(answer.content)
    median = statistics.median(taken)
    return {
        "first_ms": round(taken[0] * 1e3, 1),
        "p50_ms": round(median * 1e3, 1),
        "bytes": size,
        "within": max(taken[0], median) <= BUDGET_SECONDS,
    }


def _queries(client: httpx.Client) -> Iterator[tuple[str, str]]:
    """Yield a name for people, and the path that is asked."""
    now = time.time()
    day = f"start={now - 86_400}&end={now}"
    yield from _charts(client, now)
    yield "objectives", "/api/objectives"
    yield "services", "/api/services"
    yield "alerts", "/api/alerts"
    yield "newest traces", f"/api/traces?{day}"
    yield "traces of a service", f"/api/traces?{day}&service=survey"
    yield "failed traces", f"/api/traces?{day}&errors=true"
    yield "failed traces of a service", f"/api/traces?{day}&errors=true&service=speech"
    yield "slow traces", f"/api/traces?{day}&min_seconds=20&limit=500"
    yield "traces of an endpoint", f"/api/traces?{day}&endpoint=/rare"
    yield "traces of an hour ago", f"/api/traces?start={now - 3700}&end={now - 3600}"
    trace = client.get("/api/traces?limit=1").json()["traces"][0]["trace_id"]
    yield "a trace", f"/api/traces/{trace}"
    yield "newest lines", f"/api/logs?{day}"
    yield "lines of a service", f"/api/logs?{day}&service=survey"
    yield "warnings", f"/api/logs?{day}&level=warning"
    yield "errors of a service", f"/api/logs?{day}&level=error&service=survey"
    yield "lines with common words", f"/api/logs?{day}&query=request finished"
    yield "lines with a rare word", f"/api/logs?{day}&query=needle"
    yield "common words, rare level", f"/api/logs?{day}&query=request&level=error&service=survey"
    yield "lines with a beginning", f"/api/logs?{day}&query=anal"
    yield "lines with no such word", f"/api/logs?{day}&query=nowhere found"
    yield "lines of a trace", f"/api/logs?trace_id={trace}"
    yield "profiles", f"/api/profiles?{day}"
    yield "flame graph of a day", f"/api/flame?service=video&{day}"
    yield "flame graph of an hour", f"/api/flame?service=video&start={now - 3600}&end={now}"


def _charts(client: httpx.Client, now: float) -> Iterator[tuple[str, str]]:
    """Yield every query of every chart at every range, as the pages ask it."""
    for key, seconds in RANGES.items():
        step = next(one for one in _STEPS if one >= seconds / _POINTS)
        window = max(step, 60 if seconds <= RANGES["6h"] else 300)
        for chart, expression, service in _expressions(client):
            query = expression.replace("$window", f"{window}s").replace("$service", service)
            start = (now - seconds) // step * step
            span = {"query": query, "start": start, "end": now, "step": step}
            of = f" of {service}" if service else ""
            yield f"{key} {chart}{of}", f"/api/v1/query_range?{httpx.QueryParams(span)}"


def _expressions(client: httpx.Client) -> Iterator[tuple[str, str, str]]:
    for board in client.get("/api/charts").json()["dashboards"]:
        wanted = any(one["name"] == "service" for one in board["variables"])
        for row in board["rows"]:
            for chart in row["charts"]:
                for number, query in enumerate(chart["queries"]):
                    name = chart["id"] if number == 0 else f"{chart['id']} ({number + 1})"
                    for service in _SERVICES if wanted else ("",):
                        yield name, query["expr"], service


def table(document: dict[str, Any]) -> str:
    """Return the dearest queries of each range, and all others, as text."""
    queries: dict[str, dict[str, Any]] = document["queries"]
    lines = [f"{'query':<52}{'first ms':>9}{'p50 ms':>8}"]
    for key in RANGES:
        charts = {name: one for name, one in queries.items() if name.startswith(f"{key} ")}
        worst = sorted(charts, key=lambda name: -queries[name]["p50_ms"])
        lines.append(f"charts at {key}: {len(charts)} queries, of which the dearest are")
        lines += [_line(f"  {name}", queries[name]) for name in worst[:3]]
    others = [name for name in queries if name.partition(" ")[0] not in RANGES]
    lines += [_line(name, queries[name]) for name in others]
    missed = [name for name, one in queries.items() if not one["within"]]
    lines.append(f"{len(queries)} queries; above {1e3 * BUDGET_SECONDS:g} ms: {missed or 'none'}")
    lines.append(
        f"file {document['file_bytes'] / 1e6:.0f} MB, memory {document['memory_bytes'] / 1e6:.0f} MB, "
        f"started in {document['started_seconds']} s"
    )
    return "\n".join(lines)


def _line(name: str, one: dict[str, Any]) -> str:
    return f"{name:<52}{one['first_ms']:>9.1f}{one['p50_ms']:>8.1f}"


def main() -> int:
    """Measure, print, store and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when over budget")
    parser.add_argument(
        "--folder", type=Path, help="keep the filled file there, and use the one that is there"
    )
    options = parser.parse_args()
    machine = facts()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / FILE).exists():
            began = time.perf_counter()
            observatory_day.fill(folder, time.time())
            print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        document = measure(folder)
    print(table(document))
    write_result("observatory-queries", {"machine": machine, **document})
    within = all(one["within"] for one in document["queries"].values())
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main())

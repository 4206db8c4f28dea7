"""How long each service writes its metrics, and how many series they are, in the worst case.

Each real application gets answers of every method and many statuses under more routes than it has,
until the telemetry's own cap on series holds: no service can come to more by itself.

    python -m benchmarks.scrape_cost             a table
    python -m benchmarks.scrape_cost --check     and exit 1 when over budget
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from affectscope.service import Service
from affectscope.telemetry import stage
from benchmarks.asgi import call, request_scope

BUDGET_SECONDS: Final = 0.020
BUDGET_SERIES: Final = 3000
SERVICES: Final = ("video", "speech", "chat", "survey", "gateway", "observatory")
_ROUTES: Final = tuple(f"/route-{number}" for number in range(40))
_METHODS: Final = ("GET", "POST", "PUT")
_STATUSES: Final = (200, 202, 400, 403, 404, 408, 413, 415, 422, 500, 503, 504)
_STAGES: Final = ("upload", "queue", "decode", "detect", "transcribe", "infer", "fuse", "store")


def service(name: str, folder: Path) -> Service:
    """Make one of the real services.

    Args:
        name: One of `SERVICES`.
        folder: Where the observatory may keep its file.
    """
    create = importlib.import_module(f"affectscope.{name}.app").create
    if name == "observatory":
        from affectscope.observatory.settings import ObservatorySettings

        made: Service = create(ObservatorySettings(folder=folder))
        return made
    other: Service = create()
    return other


async def flood(
    one: Service,
    routes: Iterable[str] = _ROUTES,
    methods: Iterable[str] = _METHODS,
    statuses: Iterable[int] = _STATUSES,
) -> None:
    """Have a service's telemetry see requests of all kinds; under forty routes by default."""
    body = {"type": "http.response.body", "body": b"x"}

    async def anything(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = SimpleNamespace(path=scope["path"])
        await receive()
        for name in _STAGES:
            with stage(name):
                pass
        status = int(scope["query_string"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send(body)

    # Only what the telemetry counts matters here, not what becomes of the log lines.
    app = one.telemetry.middleware(anything)
    app.access_log = False
    for route, method, status in itertools.product(routes, methods, statuses):
        query = str(status).encode()
        await call(app, request_scope(route, method=method, query=query), b"x")


def measure(repeats: int = 30) -> dict[str, Any]:
    """Measure every service.

    Args:
        repeats: Expositions of each, of which the median and the slowest are told.

    Returns:
        By service: series, bytes, seconds of a fresh one and of the worst case.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SERVICES:
            one = service(name, Path(folder))
            fresh, fresh_series, _ = exposed(one, repeats)
            asyncio.run(flood(one))
            worst, series, size = exposed(one, repeats)
            seconds = statistics.median(worst)
            found[name] = {
                "fresh_series": fresh_series,
                "fresh_seconds": round(statistics.median(fresh), 6),
                "series": series,
                "bytes": size,
                "seconds": round(seconds, 6),
                "slowest_seconds": round(max(worst), 6),
                "within": seconds <= BUDGET_SECONDS and series <= BUDGET_SERIES,
            }
    return found


def exposed(one: Service, repeats: int) -> tuple[list[float], int, int]:
    """Return the seconds of some expositions, and the series and bytes of one."""
    seconds = []
    body = b""
    for _ in range(repeats):
        began = time.perf_counter()
        body, _ = one.telemetry.exposition(None)
        seconds.append(time.perf_counter() - began)
    return seconds, sum(not line.startswith(b"#") for line in body.splitlines()), len(body)


def table(document: dict[str, Any]) -> str:
    """Return the results as text."""
    lines = [f"{'service':<14}{'fresh':>7}{'ms':>8}{'worst':>8}{'ms':>8}"]
    lines += [
        f"{name:<14}{one['fresh_series']:>7}{1e3 * one['fresh_seconds']:>8.2f}"
        f"{one['series']:>8}{1e3 * one['seconds']:>8.2f}  {'kept' if one['within'] else 'EXCEEDED'}"
        for name, one in document.items()
    ]
    return "\n".join([*lines, f"budget {1e3 * BUDGET_SECONDS:g} ms and {BUDGET_SERIES} series"])


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when over budget")
    options = parser.parse_args()
    document = measure()
    print(table(document))
    return 1 if options.check and not all(one["within"] for one in document.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

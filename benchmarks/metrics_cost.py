"""What measuring costs a request, in microseconds.

Calls three small FastAPI applications in this process, without a network: one bare, one with
Affectscope's telemetry (metrics and identification; the access log is off), one with
prometheus-fastapi-instrumentator. Rounds of calls alternate between them, so that a busy machine
hurts all alike; a cost is the median over the rounds of the difference between the round's median
and that of the bare application beside it.

    python benchmarks/metrics_cost.py            a table
    python benchmarks/metrics_cost.py --json     the same as JSON
    python benchmarks/metrics_cost.py --check    and exit 1 when over budget, or dearer than the peer
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator

from affectscope.telemetry import Telemetry

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]

BUDGET_MICROSECONDS = 10.0
OURS = "affectscope"
PEER = "prometheus-fastapi-instrumentator"

# Headers as curl and a gateway send them.
_HEADERS = [
    (b"host", b"localhost:8003"),
    (b"user-agent", b"curl/7.88.1"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
]


def applications() -> dict[str, App]:
    """The applications to compare, the bare one first."""

    def small() -> FastAPI:
        app = FastAPI()

        @app.get("/ping")
        async def ping() -> dict[str, str]:
            return {"status": "pass"}

        return app

    ours, peer = small(), small()
    telemetry = Telemetry("bench", "bench", "1", ["/ping"], access_log=False)
    ours.add_middleware(telemetry.middleware)
    Instrumentator(registry=CollectorRegistry()).instrument(peer)
    return {"bare FastAPI": small(), OURS: ours, PEER: peer}


async def call(app: App) -> int:
    """One request; gives the answer's status."""
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/ping",
        "raw_path": b"/ping",
        "query_string": b"",
        "root_path": "",
        "headers": _HEADERS,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8003),
        "state": {},
    }
    await app(scope, receive, send)
    return status


async def measure(apps: dict[str, App], rounds: int, calls: int) -> dict[str, list[float]]:
    """Median seconds of a call, for each application and round."""
    for app in apps.values():
        for _ in range(calls):
            if await call(app) != 200:
                raise SystemExit("an application did not answer 200")
    medians: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(rounds):
        for name, app in apps.items():
            seconds = []
            for _ in range(calls):
                began = time.perf_counter()
                await call(app)
                seconds.append(time.perf_counter() - began)
            medians[name].append(statistics.median(seconds))
    return medians


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=200, help="calls in a round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 when over budget")
    options = parser.parse_args()
    apps = applications()
    medians = asyncio.run(measure(apps, options.rounds, options.calls))
    bare = next(iter(medians.values()))
    p50 = {name: statistics.median(values) * 1e6 for name, values in medians.items()}
    cost = {
        name: statistics.median(value - base for value, base in zip(values, bare, strict=True))
        * 1e6
        for name, values in medians.items()
    }
    within = cost[OURS] <= BUDGET_MICROSECONDS and cost[OURS] < cost[PEER]
    if options.json:
        results = {
            name: {
                "p50_microseconds": round(p50[name], 2),
                "cost_microseconds": round(cost[name], 2),
            }
            for name in medians
        }
        budget = {"budget_microseconds": BUDGET_MICROSECONDS, "within": within}
        print(json.dumps({**budget, "results": results}, indent=2))
    else:
        print(f"{'application':<36}{'p50 us':>10}{'cost us':>10}")
        for name in medians:
            print(f"{name:<36}{p50[name]:>10.2f}{cost[name]:>10.2f}")
        print(f"budget {BUDGET_MICROSECONDS} us: {'kept' if within else 'EXCEEDED'}")
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main())

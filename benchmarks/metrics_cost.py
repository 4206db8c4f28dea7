"""What measuring costs a request, in microseconds, and what a scrape costs.

Calls small FastAPI applications in this process, without a network: one bare, the others watched to
different degrees by Affectscope's telemetry and by its peers; `telemetry_levels` has them. Rounds of
calls alternate between them, so that a busy machine hurts all alike; a cost is the median over the
rounds of the difference between the round's median and that of the bare application beside it.

    python -m benchmarks.metrics_cost            a table
    python -m benchmarks.metrics_cost --json     the same as JSON
    python -m benchmarks.metrics_cost --check    and exit 1 when over budget, or dearer than a peer
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from affectscope.telemetry import configure_logging
from benchmarks.asgi import call, request_scope
from benchmarks.sink import collector
from benchmarks.telemetry_levels import LEVELS, PATH, Level, Watched


@dataclass
class Figures:
    """What was measured of one level.

    Attributes:
        medians: Median seconds of a call, for each round.
        background: Processor seconds a call of all other threads, for each round, until everything
            was sent.
    """

    medians: list[float] = field(default_factory=list)
    background: list[float] = field(default_factory=list)


async def one_round(watched: Watched, calls: int) -> tuple[float, float]:
    """Measure a round.

    Returns:
        Median seconds of a call, and processor seconds of other threads for each call.
    """
    watched.begin()
    seconds = []
    threads = time.process_time() - time.thread_time()
    for _ in range(calls):
        scope = request_scope(PATH, headers=watched.headers)
        began = time.perf_counter()
        status, _ = await call(watched.app, scope)
        seconds.append(time.perf_counter() - began)
        if status != 200:
            raise SystemExit(f"an application answered {status}")
    watched.drain()
    threads = time.process_time() - time.thread_time() - threads
    return statistics.median(seconds), threads / calls


def measure(rounds: int, calls: int, levels: tuple[Level, ...] = LEVELS) -> dict[str, Figures]:
    """Measure all levels.

    Args:
        rounds: How often each has its turn.
        calls: Calls in a turn.
        levels: What to measure, the bare application first.
    """

    async def everything() -> dict[str, Figures]:
        found = {level.name: Figures() for level in levels}
        for number in range(-1, rounds):
            for name, one in watched.items():
                median, background = await one_round(one, calls)
                if number >= 0:
                    found[name].medians.append(median)
                    found[name].background.append(background)
        return found

    with collector() as address:
        watched = {level.name: level.make(address) for level in levels}
        try:
            return asyncio.run(everything())
        finally:
            for one in watched.values():
                one.close()
            # The levels' lines went nowhere; those of whatever comes next need not.
            configure_logging("bench")


def results(found: Mapping[str, Figures], levels: tuple[Level, ...] = LEVELS) -> dict[str, Any]:
    """Return medians, costs over the bare application and whether budgets are kept.

    All times are microseconds a call.
    """
    base = found[levels[0].name].medians
    costs = {
        name: 1e6
        * statistics.median(
            median - bare for median, bare in zip(figures.medians, base, strict=True)
        )
        for name, figures in found.items()
    }
    document: dict[str, Any] = {}
    for level in levels:
        figures = found[level.name]
        one: dict[str, Any] = {
            "p50_microseconds": round(1e6 * statistics.median(figures.medians), 2),
            "cost_microseconds": round(costs[level.name], 2),
            "background_microseconds": round(1e6 * statistics.median(figures.background), 2),
        }
        if level.budget is not None and level.peer is not None:
            one["budget_microseconds"] = level.budget
            one["peer"] = level.peer
            peer = costs[level.peer]
            one["cost_over_peer"] = round(costs[level.name] / peer, 3) if peer > 0 else None
            one["within"] = costs[level.name] <= min(level.budget, peer)
        document[level.name] = one
    return document


def table(document: Mapping[str, Any]) -> str:
    """Return the results as text."""
    lines = [
        f"{'application':<40}{'p50 us':>9}{'cost us':>9}{'beside us':>10}{'budget':>8}{'/peer':>7}"
    ]
    for name, one in document.items():
        line = (
            f"{name:<40}{one['p50_microseconds']:>9.1f}{one['cost_microseconds']:>9.1f}"
            f"{one['background_microseconds']:>10.1f}"
        )
        if "within" in one:
            ratio = one["cost_over_peer"]
            shown = "-" if ratio is None else f"{ratio:.2f}"
            line += f"{one['budget_microseconds']:>8.0f}{shown:>7}"
            line += "  kept" if one["within"] else "  EXCEEDED"
        lines.append(line)
    return "\n".join(lines)


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=200, help="calls in a round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 when over budget")
    options = parser.parse_args()
    document = results(measure(options.rounds, options.calls))
    print(json.dumps(document, indent=2) if options.json else table(document))
    within = all(one.get("within", True) for one in document.values())
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main())

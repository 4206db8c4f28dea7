"""One load in the generator's process: what was asked for goes in, lines for the gateway come out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from affectscope.gateway.backends import BACKENDS
from affectscope.gateway.load.arrivals import Pace
from affectscope.gateway.load.closed import ClosedLoop, warm_up
from affectscope.gateway.load.driver import Driver
from affectscope.gateway.load.figures import Figures, Outcomes
from affectscope.gateway.load.plan import Plan
from affectscope.gateway.load.resources import Resources
from affectscope.gateway.load.search import Search
from affectscope.gateway.load.steadiness import steadiness
from affectscope.gateway.load.trace import TraceIds, user_agent
from affectscope.gateway.load.verdict import flags, generator
from affectscope.gateway.load.wire import Address

_CLOSED_TIMEOUT = 60.0

Tell = Callable[[dict[str, Any]], None]
"""Takes a line for the gateway: `{"progress": {...}}` or `{"result": {...}}`."""


class Load:
    """A load test.

    Args:
        plan: What is asked for.
        targets: Address of each service that is loaded, by name.
        run: Identity of the run.
        tell: Takes what there is to tell.
    """

    def __init__(self, plan: Plan, targets: Mapping[str, str], run: str, tell: Tell) -> None:
        self._plan = plan
        self._tell = tell
        self._stopping = asyncio.Event()
        agent = user_agent(run)
        self._addresses = [
            Address(backend, targets[backend.name], agent)
            for backend in BACKENDS
            if backend.name in targets
        ]

    def stop(self) -> None:
        """End the load soon; the result is of what was done until then."""
        self._stopping.set()

    async def run(self) -> None:
        """Run it, and tell the result."""
        loads = {"closed": self._closed, "search": self._search}
        begin, used = time.perf_counter(), _cpu_seconds()
        result = await loads.get(self._plan.mode, self._open)()
        for address in self._addresses:
            await address.close()
        took = time.perf_counter() - begin
        machine = {
            "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
            "generator_cpu_percent": 100 * (_cpu_seconds() - used) / took,
        }
        self._tell({"result": {**result, "machine": machine, "partial": self._stopping.is_set()}})

    async def _closed(self) -> dict[str, Any]:
        iterations = int(self._plan["iterations"])
        every = iterations * len(self._addresses)
        loop = ClosedLoop(self._addresses, iterations, _CLOSED_TIMEOUT, self._stopping.is_set)

        async def tell() -> None:
            while True:
                await asyncio.sleep(1)
                self._progress(loop.done / every, loop.document(), [])

        async with _beside(tell()):
            await loop.run()
        return {
            "seconds": loop.duration,
            "summary": loop.document(),
            "services": loop.by_service(),
            **_lines(loop.whole, loop.outcomes),
            "flags": [],
        }

    async def _open(self) -> dict[str, Any]:
        plan = self._plan
        pace = pace_of(plan)
        traces = TraceIds(int(plan["trace_every"]), int(plan["seed"]))
        await warm_up(self._addresses, traces, plan["timeout"])
        figures = Figures([one.name for one in self._addresses], pace.duration)
        driver = Driver(
            self._addresses,
            pace.arrivals(int(plan["seed"]) if plan.arrivals == "poisson" else None),
            figures,
            traces,
            most=int(plan["max_concurrency"]),
            timeout=plan["timeout"],
            enough=self._stopping.is_set,
        )

        def tell(now: float) -> None:
            points = figures.points(now)
            self._progress(now / pace.duration, figures.document(now), points)

        resources = Resources(self._addresses, pace.duration, lambda: driver.now)
        begin, used = time.perf_counter(), _cpu_seconds()
        async with _beside(resources.run()):
            await driver.run(tell)
        seconds = time.perf_counter() - begin
        made = generator(figures, _cpu_seconds() - used, seconds)
        await resources.look()
        stopped = self._stopping.is_set()
        # Where the last arrival lies before the end, the rate is still one of the whole time.
        until = seconds if stopped else pace.duration
        summary = figures.document(until)
        self._progress(min(seconds / pace.duration, 1), summary, figures.last_points())
        result = {
            "seconds": max(seconds, until),
            "step_seconds": figures.step_seconds,
            "summary": summary,
            "services": figures.by_service(until),
            **_lines(figures.whole, figures.services),
            "resources": resources.looks,
            "generator": made,
            "flags": flags(summary, made, int(plan["max_concurrency"]), stopped=stopped),
        }
        if plan.mode == "soak":
            result["steadiness"] = steadiness(figures.whole.blocks, resources.growth())
        return result

    async def _search(self) -> dict[str, Any]:
        begin = time.perf_counter()
        search = Search(self._plan, self._addresses, self._stopping.is_set)
        longest = self._plan["duration"]

        def tell(summary: dict[str, Any]) -> None:
            share = (time.perf_counter() - begin) / longest
            self._progress(share, summary, [], search=search.document())

        await search.run(tell)
        return {
            "seconds": time.perf_counter() - begin,
            "search": search.document(),
            **search.best(),
        }

    def _progress(
        self, share: float, summary: dict[str, Any], points: list[Any], **more: Any
    ) -> None:
        share = min(share, 1.0)
        told = {"share": share, "summary": summary, "points": points, **more}
        self._tell({"progress": told})


def pace_of(plan: Plan) -> Pace:
    """Return the pace of a plan whose requests arrive at a rate that is known beforehand."""
    if plan.mode == "ramp":
        return Pace(plan["start_rate"], plan["end_rate"], plan["duration"])
    return Pace(plan["rate"], plan["rate"], plan["duration"])


def _lines(whole: Outcomes, services: Mapping[str, Outcomes]) -> dict[str, Any]:
    """Return curves and histograms of all services together, and of each."""
    every = {"all": whole, **services}
    return {
        "curves": {name: one.curves() for name, one in every.items()},
        "histograms": {name: one.encoded() for name, one in every.items()},
    }


def _cpu_seconds() -> float:
    return time.process_time()


@asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    """Do something beside, as long as the block lasts."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

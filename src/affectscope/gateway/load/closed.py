"""The closed loop: one client that sends the next request when the last one is answered.

It answers how long a request takes when nobody else is there, and no more: a client that waits for a
slow server asks less of it, so neither its rate nor its percentiles tell what others would meet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from affectscope.errors import BackendTimeout, BackendUnavailable
from affectscope.gateway.load.figures import BLOCKS, Outcomes
from affectscope.gateway.load.histograms import microseconds, times
from affectscope.gateway.load.trace import TraceIds
from affectscope.gateway.load.wire import Address, Wire
from affectscope.gateway.slugs import problem_slug

WARM_UP_REQUESTS = 1
"""Requests to each service before the ones that count: models load, connections open."""


class _Call:
    """One request, as something to wait for; its result is the type of its error, or None."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def answered(self, wire: Wire, status: int, body: bytes) -> None:
        self._address.give_back(wire, time.perf_counter())
        self._end(problem_slug(status, body) if status >= 400 else None)

    def lost(self) -> None:
        self._end(BackendUnavailable.slug)

    def _end(self, error: str | None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)


async def call(address: Address, traceparent: str, timeout: float) -> tuple[str | None, float]:
    """Send the sample once and wait for the answer.

    Args:
        address: The service.
        traceparent: Identity of the request.
        timeout: Seconds after which it is given up.

    Returns:
        The type of the error, None where it succeeded; and seconds from the first byte sent to the
        last one received.
    """
    exchange = _Call(address)
    wire = None
    start = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):
            wire = address.take(start) or await address.connect()
            # A new connection is part of no request: clients keep theirs.
            start = time.perf_counter()
            address.write(wire, exchange, traceparent)
            error = await exchange.ended
    except TimeoutError:
        error = BackendTimeout.slug
    except OSError:
        error = BackendUnavailable.slug
    finally:
        if wire is not None and exchange.ended.cancelled():
            # Nobody waits for the answer any more.
            wire.abort()
    return error, time.perf_counter() - start


async def warm_up(addresses: Sequence[Address], traces: TraceIds, timeout: float) -> None:
    """Send each service the requests that are not counted."""
    for address in addresses:
        for _ in range(WARM_UP_REQUESTS):
            await call(address, traces.next(), timeout)


class ClosedLoop:
    """Loads one service after the other, so that the figures of one do not disturb another's.

    Args:
        addresses: The services.
        iterations: Requests to each.
        timeout: Seconds after which a request is given up.
        enough: Asked before each request whether to stop before the end.

    Attributes:
        outcomes: What became of the requests, by service; times are raw ones alone.
        elapsed: Seconds that each service was loaded.
        done: Requests that have ended.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        iterations: int,
        timeout: float,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self._addresses = addresses
        self._iterations = iterations
        self._timeout = timeout
        self._enough = enough
        self.outcomes = {address.name: Outcomes(BLOCKS) for address in addresses}
        self.whole = Outcomes(BLOCKS)
        self.elapsed = dict.fromkeys(self.outcomes, 0.0)
        self.done = 0

    async def run(self) -> None:
        """Load them all."""
        traces = TraceIds(every=1)
        for address in self._addresses:
            await warm_up([address], traces, self._timeout)
            begin = time.perf_counter()
            for number in range(self._iterations):
                if self._enough():
                    return
                error, seconds = await call(address, traces.next(), self._timeout)
                self._take_down(address.name, number, error, seconds)
                self.elapsed[address.name] = time.perf_counter() - begin

    def _take_down(self, name: str, number: int, error: str | None, seconds: float) -> None:
        self.done += 1
        for one in (self.outcomes[name], self.whole):
            one.scheduled += 1
            one.sent += 1
            one.answered += error != BackendTimeout.slug
            if error is None:
                one.succeeded += 1
                one.raw.record_value(microseconds(seconds))
                one.blocks[number * BLOCKS // self._iterations].record_value(microseconds(seconds))
            else:
                one.errors[error] += 1

    @property
    def duration(self) -> float:
        """Seconds that all services were loaded."""
        return sum(self.elapsed.values())

    def document(self) -> dict[str, Any]:
        """Return the figures of all services together, so far; rates and raw times alone."""
        return _figures(self.whole, self.duration)

    def by_service(self) -> Mapping[str, dict[str, Any]]:
        """Return the figures of each service so far."""
        return {name: _figures(one, self.elapsed[name]) for name, one in self.outcomes.items()}


def _figures(of: Outcomes, seconds: float) -> dict[str, Any]:
    achieved = of.succeeded / seconds if seconds else 0.0
    return {**of.counts(), "achieved_rate": achieved, "corrected": None, "raw": times(of.raw)}


def contract_form(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a closed run as ``POST /load-test`` answers it.

    Args:
        document: The run, with `plan`, `services` and `summary`.
    """
    plan, whole = document["plan"], document["summary"]
    summary = _contract_figures(whole)
    return {
        "test_type": plan["test_type"],
        "iterations": plan["iterations"],
        "services": {name: _contract_figures(one) for name, one in document["services"].items()},
        "summary": {
            **summary,
            "errors": sum(whole["errors"].values()),
            "error_types": summary["errors"],
            "duration_seconds": document["seconds"],
            "warm_up_requests": WARM_UP_REQUESTS * len(document["services"]),
            "concurrency": 1,
        },
    }


def _contract_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    found = figures["raw"]
    names = ("mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds")
    return {
        "requests": figures["requests"],
        "errors": figures["errors"],
        **{name: found[name] for name in names},
        "throughput": figures["achieved_rate"],
    }

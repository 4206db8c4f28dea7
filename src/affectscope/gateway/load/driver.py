"""The open loop itself: sends requests when they are due, whether or not others were answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from affectscope.errors import BackendTimeout, BackendUnavailable
from affectscope.gateway.load.figures import Figures
from affectscope.gateway.load.trace import TraceIds
from affectscope.gateway.load.wire import Address, Wire
from affectscope.gateway.slugs import problem_slug

UNFINISHED = "unfinished"
"""Error type of requests that were not answered when the run ended."""

_MOST_AT_ONCE = 32
"""Requests sent before answers are read again."""

_EARLY_SECONDS = 0.001
"""Timers of event loops are late by up to this: where there is time, the loop turns for as long."""

_SPARE_SECONDS = 0.004
"""Pause between arrivals from which on there is time, so that turning takes a quarter of a core."""

_SWEEP_SECONDS = 0.02


class Sending:
    """One request under way."""

    __slots__ = ("_driver", "address", "intended", "sent", "wire")

    def __init__(self, driver: Driver, address: Address, intended: float, sent: float) -> None:
        self._driver = driver
        self.address, self.intended, self.sent = address, intended, sent
        self.wire: Wire | None = None

    def answered(self, wire: Wire, status: int, body: bytes) -> None:
        """Pass the answer on."""
        error = problem_slug(status, body) if status >= 400 else None
        self._driver.answered(self, wire, error)

    def lost(self) -> None:
        """Pass on that the connection broke."""
        self._driver.broken(self)


class Driver:
    """Sends requests to services in turn, at times that were fixed beforehand.

    Args:
        addresses: The services.
        arrivals: Seconds since the beginning at which requests are meant to start, in order.
        figures: Takes down what happens.
        traces: Gives each request its identity.
        most: Requests under way at once; one that is due beyond waits.
        timeout: Seconds after which a request is given up, sent or not.
        drain: Longest wait, after the last arrival, for answers that are still due; as long as
            `timeout` where None.
        enough: Asked at every sweep whether to stop before the end.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        arrivals: Iterator[float],
        figures: Figures,
        traces: TraceIds,
        *,
        most: int,
        timeout: float,
        drain: float | None = None,
        enough: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._addresses = addresses
        self._arrivals = arrivals
        self._figures = figures
        self._traces = traces
        self._most = most
        self._timeout = timeout
        self._drain = timeout if drain is None else drain
        self._enough = enough
        self._clock = clock
        self._start = 0.0
        self._turn = 0
        self._due: float | None = None
        self._pause = 0.0
        self._due_address = addresses[0]
        self._under_way: dict[Sending, None] = {}
        self._slot_free_since = 0.0
        self._stopped = False
        self._timer: asyncio.Handle | None = None
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._start

    async def run(self, every_second: Callable[[float], Any] = lambda _: None) -> None:
        """Send everything, then wait for the answers that are due.

        Args:
            every_second: Called about once a second with the seconds since the beginning.
        """
        self._start = self._clock()
        self._advance()
        self._pump()
        told, end = 1.0, self._figures.duration
        try:
            while not self._stopped and (self._due is not None or self._under_way):
                await asyncio.sleep(_SWEEP_SECONDS)
                now = self.now
                self._sweep(now)
                if now >= told:
                    every_second(now)
                    told = now - now % 1 + 1
                if self._due is not None and now >= end:
                    self._pump()
                    self._leave_rest(now)
                if self._enough() or now >= end + self._drain:
                    break
        finally:
            self._stop()
            await asyncio.gather(*self._opening, return_exceptions=True)

    def _advance(self) -> None:
        """Look at the next arrival; services take turns."""
        before = self._due or 0.0
        self._due = next(self._arrivals, None)
        if self._due is not None:
            self._pause = self._due - before
            self._due_address = self._addresses[self._turn % len(self._addresses)]
            self._turn += 1
            self._figures.schedule(self._due_address.name, self._due)

    def _pump(self) -> None:
        """Send what is due; then have this called again when something will be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sent = 0
        while self._due is not None and len(self._under_way) < self._most and not self._stopped:
            now = self.now
            if now < self._due:
                self._timer = self._wake_in(self._due - now)
                return
            if sent == _MOST_AT_ONCE:
                self._timer = asyncio.get_running_loop().call_soon(self._pump)
                return
            self._send(self._due_address, self._due, now)
            self._advance()
            sent += 1

    def _wake_in(self, seconds: float) -> asyncio.Handle:
        """Have what is due sent in some seconds."""
        loop = asyncio.get_running_loop()
        if self._pause >= _SPARE_SECONDS:
            seconds -= _EARLY_SECONDS
        if seconds <= 0:
            return loop.call_soon(self._pump)
        return loop.call_later(seconds, self._pump)

    def _send(self, address: Address, intended: float, now: float) -> None:
        free = max(intended, self._slot_free_since)
        self._figures.send(address.name, now, now - free, free > intended)
        sending = Sending(self, address, intended, now)
        self._under_way[sending] = None
        wire = address.take(now)
        if wire is not None:
            self._write(sending, wire)
            return
        task = asyncio.get_running_loop().create_task(self._open(sending))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, sending: Sending) -> None:
        try:
            wire = await sending.address.connect()
        except OSError:
            self.broken(sending)
            return
        if sending in self._under_way:
            self._write(sending, wire)
        else:
            sending.address.give_back(wire, self.now)

    def _write(self, sending: Sending, wire: Wire) -> None:
        sending.wire = wire
        sending.address.write(wire, sending, self._traces.next())

    def answered(self, sending: Sending, wire: Wire, error: str | None) -> None:
        """Take down the answer to a request."""
        now = self.now
        sending.address.give_back(wire, now)
        if sending not in self._under_way:
            return
        name = sending.address.name
        if error is None:
            self._figures.succeed(name, sending.intended, sending.sent, now)
        else:
            self._figures.fail(name, error, now)
        self._free(sending, now)

    def broken(self, sending: Sending) -> None:
        """Take down that a request was lost with its connection."""
        if sending in self._under_way:
            now = self.now
            self._figures.fail(sending.address.name, BackendUnavailable.slug, now)
            self._free(sending, now)

    def _free(self, sending: Sending, now: float) -> None:
        """Let the next request have the place of this one."""
        was_full = len(self._under_way) >= self._most
        self._under_way.pop(sending)
        if was_full:
            self._slot_free_since = now
            self._pump()

    def _sweep(self, now: float) -> None:
        """Give up what has waited for too long: requests under way, and those that wait to be."""
        while self._under_way and not self._stopped:
            # They are in the order in which they were sent.
            sending = next(iter(self._under_way))
            if now - sending.sent < self._timeout:
                break
            self._give_up(sending, BackendTimeout.slug, now)
        while self._due is not None and now - self._due >= self._timeout:
            self._figures.leave(self._due_address.name, self._due, now)
            self._advance()

    def _give_up(self, sending: Sending, error: str, now: float) -> None:
        if sending.wire is not None:
            sending.wire.abort()
        name = sending.address.name
        self._figures.give_up(name, error, sending.intended, sending.sent, now)
        self._free(sending, now)

    def _leave_rest(self, now: float) -> None:
        """Leave unsent what was due by now and found no free place."""
        while self._due is not None and self._due <= now:
            self._figures.leave(self._due_address.name, self._due, now)
            self._advance()

    def _stop(self) -> None:
        """Break off whatever is still under way."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        now = self.now
        self._leave_rest(now)
        if self._due is not None:
            self._figures.withdraw(self._due_address.name, self._due)
            self._due = None
        for sending in list(self._under_way):
            self._give_up(sending, UNFINISHED, now)
        for task in list(self._opening):
            task.cancel()

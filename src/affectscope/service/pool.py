"""A bounded pool of worker threads with a bounded queue."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from affectscope.errors import Overloaded, Unavailable
from affectscope.telemetry import current_timings

T = TypeVar("T")
_LONGEST_WAIT = 30.0


class WorkerPool:
    """Runs what computes, away from the event loop.

    Args:
        name: Of the threads.
        workers: Jobs that run at once.
        queue_limit: Jobs that wait at once; one more is refused.
    """

    def __init__(self, name: str, workers: int, queue_limit: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix=f"{name}-worker")
        self._workers = workers
        self._limit = workers + queue_limit
        self._pending = 0
        self._typical_seconds = 1.0

    @property
    def depth(self) -> int:
        """Jobs that wait for a worker."""
        return max(0, self._pending - self._workers)

    @property
    def full(self) -> bool:
        """Whether the next job would be refused."""
        return self._pending >= self._limit

    def admit(self) -> None:
        """Let a job in, or refuse it.

        Raises:
            Overloaded: The queue is full; `retry_after` is about when it will have moved.
        """
        if self.full:
            wait = self._typical_seconds * max(1, self.depth) / self._workers
            raise Overloaded(
                f"{self._pending} analyses are running or waiting, which is the limit",
                retry_after=float(min(_LONGEST_WAIT, max(1.0, math.ceil(wait)))),
            )

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job in a worker thread, with the caller's context.

        The time until it starts is the stage ``queue``. Where the caller is cancelled, a job that
        waits gives up its place; one that runs goes on to its end and keeps its place until then,
        for a thread cannot be stopped, only asked.

        Raises:
            Overloaded: The queue is full.
            Unavailable: The service is being stopped.
        """
        self.admit()
        timings = current_timings()
        queued = time.perf_counter()

        def timed() -> T:
            began = time.perf_counter()
            if timings is not None:
                timings.add("queue", began - queued, began)
            try:
                return job()
            finally:
                spent = time.perf_counter() - began
                self._typical_seconds += 0.2 * (spent - self._typical_seconds)

        loop = asyncio.get_running_loop()
        try:
            future = self._executor.submit(copy_context().run, timed)
        except RuntimeError:
            raise Unavailable("this service is being stopped", retry_after=5.0) from None
        self._pending += 1
        # Counted down by the job's own end, so that abandoned jobs still hold their place.
        future.add_done_callback(lambda _: _call(loop, self._done))
        return await asyncio.wrap_future(future)

    def _done(self) -> None:
        self._pending -= 1

    def close(self) -> None:
        """Drop what waits and let what runs end by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function)

"""A piece of work that is timed: run a few times in a row, the fastest counts."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Work:
    """What a benchmark does.

    Attributes:
        run: One run, of as many calls as its catalogue entry says.
        loop: Where it runs.
        before_run: Called before each run, outside of the timing.
        before_turn: Called before each turn.
    """

    run: Callable[[], Awaitable[None]]
    loop: asyncio.AbstractEventLoop
    before_run: Callable[[], None] = _nothing
    before_turn: Callable[[], None] = _nothing

    def turn(self, batches: int, inner: int, *, collects: bool = False) -> float:
        """Run it several times.

        Interruptions only ever add time, so the fastest run is the one that tells of the code.

        Args:
            batches: How often.
            inner: Calls in each run.
            collects: Whether the garbage collector may run in between.

        Returns:
            Seconds of one call in the fastest run.
        """
        self.before_turn()
        gc.collect()
        if not collects:
            gc.disable()
        try:
            return min(self._timed() for _ in range(batches)) / inner
        finally:
            gc.enable()

    def _timed(self) -> float:
        self.before_run()
        return self.loop.run_until_complete(self._seconds())

    async def _seconds(self) -> float:
        began = time.perf_counter()
        await self.run()
        return time.perf_counter() - began


Make = Callable[[int, AsyncExitStack], Awaitable[Work]]
"""Makes a piece of work, given the calls in a run and where to leave what has to be closed."""

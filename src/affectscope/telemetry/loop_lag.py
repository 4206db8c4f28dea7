"""How late the event loop is, and what held it up.

Something that computes on the event loop makes every client wait. A callback that should come every
quarter of a second tells how late it came; a watchdog on another thread notes the loop thread's
stack while it is still stuck.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any

from affectscope.telemetry.instruments import Histograms
from affectscope.telemetry.logs import get_logger

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_EVERY = 0.25
_KEPT = 10


class LoopLag:
    """Feeds `affectscope_event_loop_lag_seconds` and notes stalls of the loop it was started in.

    Args:
        service: Value of the `service` label.
        stall_seconds: From this lag on, the stack of the loop's thread is noted.
        clock: Seconds on a clock that never goes back.
        on_stall: Given each entry of `stalls`, on the watching thread.
    """

    def __init__(
        self,
        service: str,
        stall_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        on_stall: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._on_stall = on_stall
        self.family = Histograms(
            "affectscope_event_loop_lag_seconds",
            "Seconds that a timer of the event loop came late.",
            _BOUNDS,
            (),
            {"service": service},
        )
        self.stalls: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        """The last stalls: `at` (seconds since the epoch), `lag_seconds`, `stack` (leaf last)."""
        self._series = self.family.of()
        self._stall_seconds = stall_seconds
        self._clock = clock
        self._due: float | None = None
        self._noted = False
        self._thread = 0
        self._handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to measure the loop that runs in the calling thread."""
        self._loop = loop
        self._thread = threading.get_ident()
        self._schedule()

    def stop(self) -> None:
        """Stop measuring."""
        self._due = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def watch(self) -> None:
        """Called from another thread, several times a second: note a stall that is going on."""
        due = self._due
        if due is None or self._noted:
            return
        lag = self._clock() - due
        frame = sys._current_frames().get(self._thread)
        if lag < self._stall_seconds or frame is None:
            return
        self._noted = True
        stack = [
            f"{entry.filename}:{entry.lineno} {entry.name}"
            for entry in traceback.extract_stack(frame)
        ]
        stall = {"at": time.time(), "lag_seconds": round(lag, 3), "stack": stack}
        self.stalls.append(stall)
        if self._on_stall is not None:
            self._on_stall(stall)
        get_logger().warning("event loop stalled", lag_seconds=round(lag, 3), stack=stack)

    def _schedule(self) -> None:
        loop = self._loop
        if loop is not None:
            self._due = self._clock() + _EVERY
            self._noted = False
            self._handle = loop.call_later(_EVERY, self._beat)

    def _beat(self) -> None:
        if self._due is not None:
            self._series.observe(max(self._clock() - self._due, 0.0))
            self._schedule()

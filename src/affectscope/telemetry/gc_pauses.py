"""How long the garbage collector stops the process.

A collection may begin anywhere, also inside a lock of a metric, so nothing in the callback takes a
lock: that deadlocked other instrumentations. None is needed either, since collections never
overlap.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

from affectscope.telemetry.instruments import Histograms

_BOUNDS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class GcPauses:
    """Feeds `affectscope_gc_pause_seconds` while started.

    Args:
        service: Value of the `service` label.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, service: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self.family = Histograms(
            "affectscope_gc_pause_seconds",
            "Seconds that one garbage collection took.",
            _BOUNDS,
            ("generation",),
            {"service": service},
        )
        self._series = [self.family.of(str(generation)) for generation in range(3)]
        self._clock = clock
        self._began: float | None = None

    def start(self) -> None:
        """Begin to listen."""
        if self._collected not in gc.callbacks:
            gc.callbacks.append(self._collected)

    def stop(self) -> None:
        """Stop listening."""
        if self._collected in gc.callbacks:
            gc.callbacks.remove(self._collected)

    def _collected(self, phase: str, info: Mapping[str, Any]) -> None:
        if phase == "start":
            self._began = self._clock()
        elif self._began is not None:
            self._series[info["generation"]].observe(self._clock() - self._began)
            self._began = None

"""What the operating system says about this process, read on a timer and not by requests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import psutil


class ProcessSampler:
    """Memory and CPU use of this process.

    Args:
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._sampled_at = self._made_at = clock()
        self._age = max(time.time() - self._process.create_time(), 0.0)
        self._cpu_seconds = self._cpu_time()
        self.cpu_percent = 0.0
        """CPU use between the last two samples; 100 = one core."""
        self.memory_bytes = 0
        """Resident memory at the last sample."""
        self.sample()

    def sample(self) -> None:
        """Read the figures again."""
        self.memory_bytes = self._process.memory_info().rss
        now, used = self._clock(), self._cpu_time()
        if now > self._sampled_at:
            self.cpu_percent = 100 * (used - self._cpu_seconds) / (now - self._sampled_at)
            self._sampled_at, self._cpu_seconds = now, used

    def report(self) -> dict[str, Any]:
        """The process in the form of `/health`: process, memory, CPU and uptime."""
        return {
            "uptime_seconds": round(self._age + self._clock() - self._made_at, 3),
            "process": {
                "pid": os.getpid(),
                "threads": self._process.num_threads(),
                "open_files": self._open_files(),
            },
            "memory_bytes": self.memory_bytes,
            "cpu_percent": round(self.cpu_percent, 1),
        }

    def _cpu_time(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _open_files(self) -> int:
        # Descriptors include sockets and pipes, which also run out; Windows has no such count.
        if hasattr(self._process, "num_fds"):
            return int(self._process.num_fds())
        return len(self._process.open_files())

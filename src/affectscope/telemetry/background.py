"""One quiet daemon thread that does all periodic work of the telemetry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

Job = tuple[int, Callable[[], None]]
"""Every how many ticks, and what to do."""


class Ticker:
    """Calls jobs from its own daemon thread until stopped.

    A job that raises is reported and called again next time.

    Args:
        interval: Seconds between ticks.
        jobs: What to do, and how often.
        on_failure: Told of each job that raised.
    """

    def __init__(
        self, interval: float, jobs: Sequence[Job], on_failure: Callable[[], None]
    ) -> None:
        self._interval = interval
        self._jobs = tuple(jobs)
        self._on_failure = on_failure
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; does nothing while it runs."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(
                target=self._run, name="affectscope-telemetry", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait until it has ended."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        ticks = 0
        while not self._stopped.wait(self._interval):
            ticks += 1
            for every, job in self._jobs:
                if ticks % every == 0:
                    try:
                        job()
                    except Exception:
                        self._on_failure()

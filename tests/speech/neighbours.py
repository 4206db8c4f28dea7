"""Whether other threads run while something is called."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable


def steps_of_others(call: Callable[[], object]) -> int:
    """Return how many steps another thread made during a call.

    No thread is interrupted meanwhile, so others get on only where the call lets go of the
    interpreter's lock by itself.
    """
    ended, steps = threading.Event(), 0

    def step() -> None:
        nonlocal steps
        while not ended.is_set():
            steps += 1
            time.sleep(0)

    other = threading.Thread(target=step)
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    try:
        before = steps
        call()
        return steps - before
    finally:
        sys.setswitchinterval(interval)
        ended.set()
        other.join()

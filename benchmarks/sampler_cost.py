"""What the low-rate sampler of stacks costs a service that is busy, in percent of one core.

    python -m benchmarks.sampler_cost             what was measured
    python -m benchmarks.sampler_cost --check     and exit 1 when over budget

Twelve threads work sixty calls deep, which is more than a service with its two workers has; the
sampler takes its samples as often as in a service, and its thread's own processor time is counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from typing import Any

from affectscope.telemetry.stack_sampler import StackSampler
from affectscope.telemetry.telemetry import _TICK

BUDGET_PERCENT = 1.0
_THREADS = 12
_DEPTH = 60


def measure(samples: int = 300) -> dict[str, Any]:
    """Take samples of a busy process, and export the part of the window that they fill.

    Args:
        samples: How many.

    Returns:
        Seconds of a sample (median and longest), percent of one core, and whether that is within.
    """
    ended = threading.Event()
    threads = [threading.Thread(target=_work, args=(number, ended)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    sampler = StackSampler(window_seconds=60 * samples * _TICK)
    taken = []
    try:
        began = time.thread_time()
        for _ in range(samples):
            before = time.thread_time()
            sampler.sample()
            taken.append(time.thread_time() - before)
            time.sleep(0.001)
        sampler.collapsed()
        whole = time.thread_time() - began
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    percent = 100 * whole / (samples * _TICK)
    return {
        "sample_seconds": statistics.median(taken),
        "longest_seconds": max(taken),
        "percent_of_one_core": round(percent, 3),
        "within": percent <= BUDGET_PERCENT,
    }


def _work(number: int, ended: threading.Event) -> None:
    """Be busy, now at one depth and now at another."""
    step = 0
    while not ended.is_set():
        step += 1
        _down(_DEPTH - (number + step) % 10)


def _down(depth: int) -> None:
    if depth > 0:
        _down(depth - 1)
    else:
        time.sleep(0.0005)


def line(document: dict[str, Any]) -> str:
    """Return the result as text."""
    return (
        f"low-rate sampler: {1e6 * document['sample_seconds']:.0f} us a sample, "
        f"{document['percent_of_one_core']:.2f} % of one core "
        f"(budget {BUDGET_PERCENT:g} %, {'kept' if document['within'] else 'EXCEEDED'})"
    )


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when over budget")
    options = parser.parse_args()
    document = measure()
    print(line(document))
    return 1 if options.check and not document["within"] else 0


if __name__ == "__main__":
    sys.exit(main())

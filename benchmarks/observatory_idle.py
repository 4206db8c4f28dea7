"""What the observatory costs while nobody asks for anything, in percent of one core.

Starts the whole system with its usual settings (a scrape of each of the six processes every five
seconds), waits until it has settled, and reads the processor time of each process before and after
an idle while.

    python benchmarks/observatory_idle.py                a table
    python benchmarks/observatory_idle.py --check        and exit 1 when over budget
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

import httpx
import psutil

from affectscope.supervisor import ProcessSpec, processes

BUDGET_PERCENT = 3.0
_SETTLE_SECONDS = 20.0
_START_SECONDS = 120.0


def started(folder: str) -> subprocess.Popen[bytes]:
    """Start the system and wait until all of it is ready."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", "affectscope", "up"],
        env={**os.environ, "AFFECTSCOPE_OBSERVATORY_FOLDER": folder},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + _START_SECONDS
    while not all(ready(spec) for spec in processes()):
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.terminate()
            raise SystemExit("the system did not start; is one of its ports taken?")
        time.sleep(0.5)
    return keeper


def ready(spec: ProcessSpec) -> bool:
    """Whether a process answers that it is ready."""
    try:
        return httpx.get(spec.address("/readyz"), trust_env=False).is_success
    except httpx.HTTPError:
        return False


def processor_seconds() -> dict[str, float]:
    """Processor time of each process so far, by its name."""
    found = {}
    for spec in processes():
        document = httpx.get(spec.address("/health"), trust_env=False).json()
        times = psutil.Process(document["process"]["pid"]).cpu_times()
        found[spec.name] = times.user + times.system
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The idle cost of the observatory.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--check", action="store_true", help="exit 1 when over budget")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keeper = started(folder)
        try:
            time.sleep(_SETTLE_SECONDS)
            before, began = processor_seconds(), time.monotonic()
            time.sleep(options.seconds)
            after, took = processor_seconds(), time.monotonic() - began
        finally:
            keeper.send_signal(signal.SIGTERM)
            keeper.wait()
    percent = {name: 100 * (after[name] - before[name]) / took for name in before}
    for name, one in percent.items():
        print(f"{name:<12} {one:5.2f} % of one core")
    if options.check and percent["observatory"] > BUDGET_PERCENT:
        raise SystemExit(f"the observatory costs more than {BUDGET_PERCENT:g} %")


if __name__ == "__main__":
    main()

"""A late event loop is measured, and what holds it up is named."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from io import StringIO

from affectscope.telemetry import configure_logging
from affectscope.telemetry.loop_lag import LoopLag


def block(seconds: float) -> None:
    time.sleep(seconds)


def test_a_stalled_loop_is_noted_once_with_its_stack() -> None:
    stream = StringIO()
    configure_logging("chat", stream)
    now = 0.0
    lag = LoopLag("chat", stall_seconds=0.5, clock=lambda: now)
    held, release = threading.Event(), threading.Event()

    def hold_the_loop() -> None:
        held.set()
        release.wait(10)

    async def main() -> None:
        lag.start(asyncio.get_running_loop())
        hold_the_loop()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert held.wait(10)
    lag.watch()
    assert not lag.stalls
    now = 2.0
    lag.watch()
    lag.watch()
    release.set()
    thread.join()

    (stall,) = lag.stalls
    assert stall["lag_seconds"] == 1.75
    assert any("hold_the_loop" in entry for entry in stall["stack"])
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert line["event"] == "event loop stalled"
    assert line["level"] == "warning"
    assert line["stack"] == stall["stack"]


def test_lag_is_observed_while_the_loop_runs() -> None:
    lag = LoopLag("chat")

    async def main() -> None:
        lag.start(asyncio.get_running_loop())
        block(0.4)
        while sum(lag.family.of().counts) < 1:
            await asyncio.sleep(0.01)
        lag.stop()

    asyncio.run(main())

    assert lag.family.of().total >= 0.1


def test_a_loop_that_was_never_started_is_not_watched() -> None:
    lag = LoopLag("chat", clock=lambda: 100.0)

    lag.watch()
    lag.stop()

    assert not lag.stalls


def test_a_thread_that_is_gone_is_no_stall() -> None:
    now = 0.0
    lag = LoopLag("chat", clock=lambda: now)

    async def main() -> None:
        lag.start(asyncio.get_running_loop())

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    thread.join()
    now = 100.0
    lag.watch()

    assert not lag.stalls

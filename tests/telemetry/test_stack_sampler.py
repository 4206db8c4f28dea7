"""Stacks are counted over a sliding window, idle threads apart."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import Queue
from typing import Any

import pytest

from affectscope.telemetry.stack_sampler import StackSampler

BUSY = ";spin (telemetry/test_stack_sampler.py);turn ("


def spin(stop: threading.Event, started: threading.Event) -> None:
    while not stop.is_set():
        turn()
        started.set()


def turn() -> int:
    return sum(number * number for number in range(2000))


def sampled_here(sampler: StackSampler) -> None:
    """Be sampled once while this thread is busy in this function."""
    busy, seen = [], []

    def look() -> None:
        while not busy:
            time.sleep(0)
        sampler.sample()
        seen.append(True)

    threading.Thread(target=look).start()
    busy.append(True)
    while not seen:
        pass


@contextmanager
def running(target: Callable[..., object], *arguments: Any) -> Iterator[None]:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    yield
    thread.join(10)


def names(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in report["functions"]}


def test_a_busy_function_is_seen_before_anyone_profiles() -> None:
    sampler = StackSampler()
    stop, started = threading.Event(), threading.Event()
    with running(spin, stop, started):
        assert started.wait(10)
        # Samples in a row see one moment; the other thread goes on while this one waits.
        lines, count, deadline = list[str](), 0, time.monotonic() + 60
        while not any(BUSY in line for line in lines) and time.monotonic() < deadline:
            sampler.sample()
            count += 1
            lines = sampler.collapsed().splitlines()
            time.sleep(0.001)
        stop.set()

    report = sampler.report()

    assert report["samples"] == count
    assert names(report)["spin"]["total_share"] > 0
    assert names(report)["spin"]["file"] == __file__
    assert all(
        0 <= entry["own_share"] <= entry["total_share"] <= 1 for entry in report["functions"]
    )
    assert any(BUSY in line for line in lines)
    version = f"python3.{sys.version_info.minor}"
    assert any(line.startswith(f"Thread._bootstrap ({version}/threading.py);") for line in lines)


def wait_here(release: threading.Event, started: threading.Event) -> None:
    started.set()
    release.wait(10)


def test_a_waiting_thread_is_idle() -> None:
    sampler = StackSampler()
    release, started = threading.Event(), threading.Event()
    with running(wait_here, release, started):
        assert started.wait(10)
        while sampler.report()["idle"] < 5:
            sampler.sample()
        report = sampler.report()
        release.set()

    assert names(report).get("wait_here", {"own_share": 0.0})["own_share"] == 0.0


def test_what_is_older_than_the_window_is_forgotten() -> None:
    now = 0.0
    sampler = StackSampler(window_seconds=100.0, clock=lambda: now)
    sampler.sample()
    now = 60.0
    sampler.sample()
    assert sampler.report()["samples"] == 2
    assert sampler.report()["window_seconds"] == 60.0

    now = 130.0

    assert sampler.report()["samples"] == 1
    now = 1000.0
    assert sampler.report() == {
        "window_seconds": 0.0,
        "samples": 0,
        "busy": 0,
        "idle": 0,
        "dropped": 0,
        "functions": [],
    }


def test_memory_is_bounded_however_many_stacks_there_are() -> None:
    sampler = StackSampler(clock=lambda: 0.0)
    orders: Queue[Any] = Queue()
    answers: Queue[Any] = Queue()

    def work() -> None:
        for source in iter(orders.get, None):
            scope: dict[str, Any] = {"sample": partial(sampled_here, sampler)}
            exec(source, scope)  # each has a code object, and so a stack, of its own
            answers.put(None)

    with running(work):
        for number in range(330):
            orders.put(f"def unique_{number}():\n    sample()\nunique_{number}()")
            answers.get(timeout=10)
        orders.put(None)

    report = sampler.report(limit=10)
    assert report["samples"] == 330
    assert report["dropped"] >= 30
    assert len(report["functions"]) == 10


@pytest.mark.parametrize("depth", [10, 500])
def test_deep_recursion_is_cut_at_the_outer_end(depth: int) -> None:
    sampler = StackSampler()

    def dive(left: int) -> None:
        if left:
            dive(left - 1)
        else:
            sampled_here(sampler)

    diver = threading.Thread(target=dive, args=(depth,))
    diver.start()
    diver.join()

    line = next(line for line in sampler.collapsed().splitlines() if "dive" in line)
    assert line.count(";") < 100

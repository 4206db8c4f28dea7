"""What can be counted instead of timed: the same number every time, whatever else the machine does.

Each function gives its numbers by the names of `catalogue.COUNTED`.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from benchmarks.asgi import HEADERS, SAMPLED, App, call, request_scope
from benchmarks.gate.telemetry_workloads import (
    answer,
    busy_telemetry,
    finished_request,
    measured_app,
)

_WARM = 20
_KEPT_OVER = 500


def of_telemetry(level: str) -> dict[str, float]:
    """Calls and bytecode instructions of the telemetry's part of one request.

    Args:
        level: As `measured_app` takes it.
    """
    headers = (*HEADERS, SAMPLED) if level == "recorded" else HEADERS

    def request(app: App) -> Callable[[], None]:
        scope = request_scope("/ping", headers=headers)

        def once() -> None:
            _finish(call(app, scope))

        return once

    app = measured_app(level)
    for _ in range(_WARM):
        request(app)()
    # Once a second a request becomes an exemplar: the least is a request without.
    own = [_counted(request(app)) for _ in range(5)]
    bare = [_counted(request(answer)) for _ in range(5)]
    return {
        f"telemetry.{level} calls": min(c for c, _ in own) - min(c for c, _ in bare),
        f"telemetry.{level} instructions": min(i for _, i in own) - min(i for _, i in bare),
    }


def of_memory() -> dict[str, float]:
    """Memory blocks that requests leave behind, which should be none: a leak shows at once."""
    app = measured_app("metrics")

    def many(count: int) -> None:
        for _ in itertools.repeat(None, count):
            _finish(call(app, request_scope("/ping")))

    many(_WARM)
    gc.collect()
    before = sys.getallocatedblocks()
    many(_KEPT_OVER)
    gc.collect()
    kept = max(0, sys.getallocatedblocks() - before)
    return {"telemetry.metrics memory blocks kept": float(kept)}


def of_series() -> dict[str, float]:
    """Series of a busy service's exposition."""
    lines = busy_telemetry().exposition(None)[0].splitlines()
    return {"telemetry series": float(sum(not line.startswith(b"#") for line in lines))}


def of_spans() -> dict[str, float]:
    """Spans of a request with five stages."""
    from affectscope.telemetry.spans import request_spans

    return {"telemetry spans of a request": float(len(request_spans(*finished_request())))}


def of_survey() -> dict[str, float]:
    """Calls of scoring the sample questionnaire."""
    from affectscope.samples import sample
    from affectscope.survey.analyzer import SurveyAnalyzer

    document = json.loads(sample("survey").read_text(encoding="utf-8"))
    analyzer = SurveyAnalyzer()

    def once() -> None:
        list(analyzer.stream(document["instrument"], document["answers"]))

    once()
    return {"survey.score calls": float(_counted(once)[0])}


COUNTS: tuple[Callable[[], dict[str, float]], ...] = (
    lambda: of_telemetry("metrics"),
    lambda: of_telemetry("recorded"),
    of_memory,
    of_series,
    of_spans,
    of_survey,
)


def counted(one: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Run one of `COUNTS` outside of any event loop.

    Raises:
        RuntimeError: An event loop runs in this thread.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("counting needs a thread without a running event loop")
    return one()


def _finish(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _counted(work: Callable[[], None]) -> tuple[int, int]:
    """Count the calls, of Python and of C, and the bytecode instructions of some work."""
    calls = instructions = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        if event in ("call", "c_call"):
            calls += 1

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal instructions
        frame.f_trace_opcodes = True
        if event == "opcode":
            instructions += 1
        return trace

    gc.collect()
    gc.disable()
    try:
        sys.setprofile(profile)
        work()
        sys.setprofile(None)
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls, _instructions(work, trace, lambda: instructions)


def _instructions(work: Callable[[], None], trace: Any, seen: Callable[[], int]) -> int:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return seen()

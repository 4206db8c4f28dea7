"""What can be counted instead of timed: the same number every time, whatever else the machine does.

Each function gives its numbers by the names of `catalogue.COUNTED`.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    def request(app: App) -> Callable[[], Callable[[], None]]:
        def make() -> Callable[[], None]:
            # A scope serves one request, and making it does not count.
            scope = request_scope("/ping", headers=headers)
            return lambda: _finish(call(app, scope))

        return make

    app = measured_app(level)
    for _ in range(_WARM):
        request(app)()()
    # Once a second a request becomes an exemplar: the least is a request without.
    own = request(app), request(answer)
    calls = [min(_calls(one()) for _ in range(5)) for one in own]
    instructions = [min(_instructions(one()) for _ in range(5)) for one in own]
    return {
        f"telemetry.{level} calls": float(calls[0] - calls[1]),
        f"telemetry.{level} instructions": float(instructions[0] - instructions[1]),
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
    return {"survey.score calls": float(_calls(once))}


COUNTS: tuple[Callable[[], dict[str, float]], ...] = (
    lambda: of_telemetry("metrics"),
    lambda: of_telemetry("recorded"),
    of_memory,
    of_series,
    of_spans,
    of_survey,
)


def _finish(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _calls(work: Callable[[], None]) -> int:
    """Count the calls of Python and of C functions."""
    calls = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    with _undisturbed():
        sys.setprofile(profile)
        try:
            work()
        finally:
            sys.setprofile(None)
    return calls


def _instructions(work: Callable[[], None]) -> int:
    """Count the bytecode instructions."""
    instructions = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal instructions
        frame.f_trace_opcodes = True
        instructions += event == "opcode"
        return trace

    with _undisturbed():
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(None)
    return instructions


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector, whose callbacks would count, out of it."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

"""A deterministic profiler of one thread, whatever Python is below and whatever C code reports."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeVar

from affectscope.telemetry.call_graph import Edge, Function, Stats

Result = TypeVar("Result")

_BUILT_IN = "~"


class ThreadProfiler:
    """Counts and times the calls of the thread that it runs in.

    The standard library has two, and neither serves here from Python 3.12 on: cProfile records
    all threads (python/cpython#115218), and `profile` asserts that each return follows its call,
    which extension modules don't keep: some report the return of a C function whose call was never
    reported. This one takes a return as the end of what it began, and of nothing else.
    """

    def __init__(self) -> None:
        self._entries: dict[Function, _Entry] = {}
        self._stack: list[_Running] = []
        self._active: dict[Function, int] = {}

    def runcall(self, function: Callable[[], Result]) -> Result:
        """Run `function` and record what it does.

        Raises:
            Exception: Whatever `function` raises.
        """
        before = sys.getprofile()
        sys.setprofile(self._record)
        try:
            return function()
        finally:
            sys.setprofile(before)
            self._leave_down_to(0, time.perf_counter())

    def stats(self) -> Stats:
        """What was recorded, in the form of `pstats`; times in seconds."""
        return {
            function: (
                entry.primitive_calls,
                entry.calls,
                entry.own,
                entry.cumulative,
                {caller: edge.as_tuple() for caller, edge in entry.callers.items()},
            )
            for function, entry in self._entries.items()
        }

    def _record(self, frame: FrameType, event: str, argument: Any) -> None:
        now = time.perf_counter()
        if event == "call":
            self._enter(_of_code(frame.f_code), frame, False, now)
        elif event == "return":
            self._leave_frame(frame, now)
        else:
            # A C function calls no other through its frame: one still open here never reported
            # its return.
            if self._stack and self._stack[-1].built_in and self._stack[-1].frame is frame:
                self._leave(now)
            if event == "c_call":
                self._enter(_of_builtin(argument), frame, True, now)

    def _enter(self, function: Function, frame: FrameType, built_in: bool, now: float) -> None:
        self._active[function] = self._active.get(function, 0) + 1
        self._stack.append(_Running(function, frame, built_in, now))

    def _leave_frame(self, frame: FrameType, now: float) -> None:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place].frame is frame and not self._stack[place].built_in:
                self._leave_down_to(place, now)
                return

    def _leave_down_to(self, place: int, now: float) -> None:
        while len(self._stack) > place:
            self._leave(now)

    def _leave(self, now: float) -> None:
        running = self._stack.pop()
        elapsed = now - running.began
        own = elapsed - running.in_callees
        deeper = self._active[running.function] - 1
        self._active[running.function] = deeper
        # Only the outermost of recursive calls adds to the cumulative time, as in pstats.
        cumulative = 0.0 if deeper else elapsed
        primitive = 0 if deeper else 1
        entry = self._entries.setdefault(running.function, _Entry())
        entry.add(primitive, own, cumulative)
        if self._stack:
            caller = self._stack[-1]
            caller.in_callees += elapsed
            entry.callers.setdefault(caller.function, _Times()).add(primitive, own, cumulative)


class _Running:
    __slots__ = ("began", "built_in", "frame", "function", "in_callees")

    def __init__(self, function: Function, frame: FrameType, built_in: bool, began: float) -> None:
        self.function = function
        self.frame = frame
        self.built_in = built_in
        self.began = began
        self.in_callees = 0.0


class _Times:
    __slots__ = ("calls", "cumulative", "own", "primitive_calls")

    def __init__(self) -> None:
        self.calls = 0
        self.primitive_calls = 0
        self.own = 0.0
        self.cumulative = 0.0

    def add(self, primitive: int, own: float, cumulative: float) -> None:
        self.calls += 1
        self.primitive_calls += primitive
        self.own += own
        self.cumulative += cumulative

    def as_tuple(self) -> Edge:
        return self.primitive_calls, self.calls, self.own, self.cumulative


class _Entry(_Times):
    __slots__ = ("callers",)

    def __init__(self) -> None:
        super().__init__()
        self.callers: dict[Function, _Times] = {}


def _of_code(code: CodeType) -> Function:
    return code.co_filename, code.co_firstlineno, code.co_name


def _of_builtin(function: Any) -> Function:
    name = getattr(function, "__qualname__", None) or repr(type(function))
    module = getattr(function, "__module__", None)
    return _BUILT_IN, 0, f"<{module}.{name}>" if module else f"<{name}>"

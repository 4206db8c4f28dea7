"""A low-rate sampler of all threads' stacks, so that a profile exists before anyone asks for one."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import PurePath
from types import CodeType, FrameType
from typing import Any

Stack = tuple[CodeType, ...]

_DEPTH = 100
_SLOTS = 60
_STACKS_PER_SLOT = 300
_KNOWN_CODE = 10_000

_WAITS = frozenset(
    {
        ("asyncio/runners.py", "run"),
        ("concurrent/futures/thread.py", "_worker"),
        ("multiprocessing/connection.py", "_recv"),
        ("multiprocessing/connection.py", "_poll"),
        ("multiprocessing/connection.py", "wait"),
        ("python3/selectors.py", "select"),
        ("selectors.py", "select"),
        ("socket.py", "accept"),
        ("socket.py", "readinto"),
        ("subprocess.py", "_try_wait"),
        ("threading.py", "_wait_for_tstate_lock"),
        ("threading.py", "wait"),
        ("queue.py", "get"),
    }
)
"""Functions of the standard library that only wait when they are at the top of a stack.

`Runner.run` is there for uvloop, whose loop is not Python and leaves its caller at the top.
"""


class StackSampler:
    """Counts stacks over a sliding window of fixed size, in bounded memory.

    A thread whose innermost function only waits is idle and is counted but not kept. What waits
    inside an extension module looks busy, because its Python caller is all that can be seen.

    Args:
        window_seconds: Length of the window.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(
        self, window_seconds: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.window_seconds = window_seconds
        self._clock = clock
        self._slot_seconds = window_seconds / _SLOTS
        self._slots: deque[_Slot] = deque(maxlen=_SLOTS)
        self._lock = threading.Lock()
        self._waits: dict[CodeType, bool] = {}
        self._taken_until = clock()

    def sample(self) -> None:
        """Count where each thread but the calling one stands."""
        own = threading.get_ident()
        stacks = []
        idle = 0
        for thread, frame in sys._current_frames().items():
            if thread == own:
                continue
            if self._is_waiting(frame.f_code):
                idle += 1
                continue
            codes: list[CodeType] = []
            step: FrameType | None = frame
            while step is not None and len(codes) < _DEPTH:
                codes.append(step.f_code)
                step = step.f_back
            stacks.append(tuple(codes))
        now = self._clock()
        with self._lock:
            slot = self._slot(now)
            slot.samples += 1
            slot.idle += idle
            for stack in stacks:
                if stack in slot.counts or len(slot.counts) < _STACKS_PER_SLOT:
                    slot.counts[stack] = slot.counts.get(stack, 0) + 1
                else:
                    slot.dropped += 1

    def report(self, limit: int = 50) -> dict[str, Any]:
        """What was seen in the window.

        Args:
            limit: Most functions listed.

        Returns:
            `window_seconds` (time covered), `samples`, `busy`, `idle` and `dropped` counts of
            thread stacks, and `functions` sorted by how often they were anywhere on a stack:
            `name`, `file`, `line`, `own_share` and `total_share` (of busy stacks, 0 to 1).
        """
        counts, samples, idle, dropped, covered = self._merged()
        own: dict[CodeType, int] = {}
        total: dict[CodeType, int] = {}
        busy = sum(counts.values())
        for stack, count in counts.items():
            own[stack[0]] = own.get(stack[0], 0) + count
            for code in set(stack):
                total[code] = total.get(code, 0) + count
        ranked = sorted(total, key=lambda code: (-total[code], -own.get(code, 0)))[:limit]
        return {
            "window_seconds": round(covered, 3),
            "samples": samples,
            "busy": busy,
            "idle": idle,
            "dropped": dropped,
            "functions": [
                {
                    "name": code.co_qualname,
                    "file": code.co_filename,
                    "line": code.co_firstlineno,
                    "own_share": round(own.get(code, 0) / busy, 4),
                    "total_share": round(total[code] / busy, 4),
                }
                for code in ranked
            ],
        }

    def collapsed(self) -> str:
        """The window's stacks as `outer;inner count` lines, as flame graph tools read them."""
        return _collapse(self._merged()[0])

    def take(self) -> list[tuple[float, float, Callable[[], str]]]:
        """Return each part of the window that has ended since the last call.

        Returns:
            When it began, on the clock; the seconds it covers; and what makes its collapsed stacks.
        """
        now = self._clock()
        with self._lock:
            ended = [
                slot
                for slot in self._slots
                if slot.began >= self._taken_until and now - slot.began >= self._slot_seconds
            ]
            if ended:
                self._taken_until = ended[-1].began + self._slot_seconds
            return [
                (slot.began, self._slot_seconds, partial(_collapse, dict(slot.counts)))
                for slot in ended
                if slot.counts
            ]

    def _merged(self) -> tuple[dict[Stack, int], int, int, int, float]:
        now = self._clock()
        with self._lock:
            slots = [slot for slot in self._slots if now - slot.began <= self.window_seconds]
            parts = [(dict(slot.counts), slot.samples, slot.idle, slot.dropped) for slot in slots]
            covered = min(now - slots[0].began, self.window_seconds) if slots else 0.0
        counts: dict[Stack, int] = {}
        for part, _, _, _ in parts:
            for stack, count in part.items():
                counts[stack] = counts.get(stack, 0) + count
        return (
            counts,
            sum(part[1] for part in parts),
            sum(part[2] for part in parts),
            sum(part[3] for part in parts),
            covered,
        )

    def _slot(self, now: float) -> _Slot:
        if not self._slots or now - self._slots[-1].began >= self._slot_seconds:
            self._slots.append(_Slot(now))
        return self._slots[-1]

    def _is_waiting(self, code: CodeType) -> bool:
        waiting = self._waits.get(code)
        if waiting is None:
            if len(self._waits) >= _KNOWN_CODE:
                self._waits.clear()  # code made at run time would pile up here
            path = PurePath(code.co_filename)
            waiting = self._waits[code] = any(
                code.co_name == name and path.match(file) for file, name in _WAITS
            )
        return waiting


def _collapse(counts: Mapping[Stack, int]) -> str:
    lines = []
    for stack, count in counts.items():
        names = (f"{code.co_qualname} ({_module_path(code.co_filename)})" for code in stack)
        lines.append(f"{';'.join(reversed([n.replace(';', ',') for n in names]))} {count}")
    return "\n".join(sorted(lines))


class _Slot:
    """One part of the window."""

    __slots__ = ("began", "counts", "dropped", "idle", "samples")

    def __init__(self, began: float) -> None:
        self.began = began
        self.counts: dict[Stack, int] = {}
        self.samples = 0
        self.idle = 0
        self.dropped = 0


@lru_cache(maxsize=_KNOWN_CODE)
def _module_path(file: str) -> str:
    """Return a file's path from its package on; the standard library's begins with its Python."""
    parts = PurePath(file).parts
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] in ("site-packages", "dist-packages", "src"):
            return "/".join(parts[index + 1 :])
        if parts[index].startswith("python3."):
            return "/".join(parts[index:])
    return "/".join(parts[-2:])

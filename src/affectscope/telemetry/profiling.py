"""The profile of one call, right whatever other threads do meanwhile."""

from __future__ import annotations

import cProfile
import marshal
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from affectscope.telemetry.call_graph import CallGraph, Function, Stats
from affectscope.telemetry.thread_profiler import ThreadProfiler
from affectscope.telemetry.timings import current_timings

Result = TypeVar("Result")


class Profile:
    """What one profiled call did.

    Args:
        stats: Statistics in the form of `pstats`.
        wall_seconds: Time on the clock from the beginning of the call to its end.
    """

    def __init__(self, stats: Stats, wall_seconds: float) -> None:
        self._stats = stats
        self.wall_seconds = wall_seconds

    def to_dict(self, limit: int = 500) -> dict[str, Any]:
        """The profile as an answer shows it.

        Args:
            limit: Most functions listed.

        Returns:
            `wall_seconds`, `functions_total` and `functions`, sorted by cumulative time: `name`,
            `file` (`~` for what is built in), `line`, `calls`, `own_seconds` (without callees),
            `cumulative_seconds` (with callees).
        """
        ranked = sorted(self._stats.items(), key=lambda item: -item[1][3])
        return {
            "wall_seconds": self.wall_seconds,
            "functions_total": len(ranked),
            "functions": [
                {
                    "name": name,
                    "file": file,
                    "line": line,
                    "calls": calls,
                    "own_seconds": own,
                    "cumulative_seconds": cumulative,
                }
                for (file, line, name), (_, calls, own, cumulative, _) in ranked[:limit]
            ],
        }

    def to_pstats(self) -> bytes:
        """The profile as a file that `pstats.Stats(filename)` and snakeviz read."""
        return marshal.dumps(self._stats)

    def to_collapsed(self) -> str:
        """Lines of `outer;inner microseconds`, as flame graph tools read them.

        See `CallGraph` for what stacks derived from a call graph can and cannot tell.
        """
        lines = []
        for stack, seconds in CallGraph(self._stats).stacks():
            microseconds = round(seconds * 1e6)
            if microseconds:
                lines.append(f"{';'.join(_label(function) for function in stack)} {microseconds}")
        return "\n".join(lines) + "\n"

    def to_speedscope(self, name: str) -> dict[str, Any]:
        """The profile as a document that https://www.speedscope.app opens; weights in seconds.

        Args:
            name: Title of the profile.

        Source: https://www.speedscope.app/file-format-schema.json
        """
        index: dict[Function, int] = {}
        samples, weights = [], []
        for stack, seconds in CallGraph(self._stats).stacks():
            samples.append([index.setdefault(function, len(index)) for function in stack])
            weights.append(seconds)
        return {
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "name": name,
            "exporter": "affectscope",
            "activeProfileIndex": 0,
            "shared": {
                "frames": [
                    {"name": function, "file": file, "line": line} for file, line, function in index
                ]
            },
            "profiles": [
                {
                    "type": "sampled",
                    "name": name,
                    "unit": "seconds",
                    "startValue": 0,
                    "endValue": sum(weights),
                    "samples": samples,
                    "weights": weights,
                }
            ],
        }


def profile_call(function: Callable[[], Result]) -> tuple[Result, Profile]:
    """Run `function` in this thread and profile it, and nothing else.

    Uses cProfile up to Python 3.11. From 3.12 on cProfile records what all threads do
    (python/cpython#115218), so `ThreadProfiler` takes its place: it hooks one thread only, and
    slows calls down more (what is written in C, such as NumPy, not at all).
    Not to be used inside another profiled call of the same thread, for a thread has one hook.

    Args:
        function: What to run; an async function can't be profiled this way.

    Returns:
        Its result and its profile.

    Raises:
        Exception: Whatever `function` raises.
    """
    profiled = profile_with_c if sys.version_info < (3, 12) else profile_in_python
    result, profile = profiled(function)
    timings = current_timings()
    if timings is not None:
        timings.profiles.append(profile)
    return result, profile


def profile_with_c(function: Callable[[], Result]) -> tuple[Result, Profile]:
    """`profile_call` by cProfile."""
    profiler = cProfile.Profile()
    began = time.perf_counter()
    result = profiler.runcall(function)
    wall = time.perf_counter() - began
    profiler.create_stats()
    return result, Profile(_without_hook(vars(profiler)["stats"]), wall)


def profile_in_python(function: Callable[[], Result]) -> tuple[Result, Profile]:
    """`profile_call` by the profiler that is written in Python."""
    profiler = ThreadProfiler()
    began = time.perf_counter()
    result = profiler.runcall(function)
    wall = time.perf_counter() - began
    return result, Profile(_without_hook(profiler.stats()), wall)


def _without_hook(stats: Stats) -> Stats:
    return {
        function: entry
        for function, entry in stats.items()
        if not any(hook in function[2] for hook in ("_lsprof.Profiler", "setprofile"))
    }


def _label(function: Function) -> str:
    file, line, name = function
    place = f" ({file}:{line})" if line else ""
    return f"{name}{place}".replace(";", ",").replace("\n", " ")

"""Calls are counted as cProfile counts them, even where C code misreports its own."""

from __future__ import annotations

import cProfile
import sys
import time
from typing import Any

import pytest

from affectscope.telemetry.thread_profiler import ThreadProfiler


def factorial(number: int) -> int:
    return 1 if number < 2 else number * factorial(number - 1)


def squares(number: int) -> list[int]:
    return sorted(map(square, range(number)), key=square)


def square(number: int) -> int:
    return number * number


def work() -> int:
    pause()
    return factorial(6) + sum(squares(9))


def pause() -> None:
    time.sleep(0.02)


def profiled(function: Any) -> dict[str, Any]:
    profiler = ThreadProfiler()
    profiler.runcall(function)
    return {name: entry for (_, _, name), entry in profiler.stats().items()}


class TestCounts:
    def test_they_are_those_of_cprofile(self) -> None:
        reference = cProfile.Profile()
        reference.runcall(work)
        reference.create_stats()
        expected = {
            function: entry[:2]
            for function, entry in vars(reference)["stats"].items()
            if function[0] == __file__
        }
        profiler = ThreadProfiler()

        profiler.runcall(work)

        counts = {
            function: entry[:2]
            for function, entry in profiler.stats().items()
            if function[0] == __file__
        }
        assert counts == expected

    def test_callers_are_told_apart(self) -> None:
        stats = profiled(work)

        callers = {name: edge for (_, _, name), edge in stats["factorial"][4].items()}
        assert callers["work"][:2] == (1, 1)
        assert callers["factorial"][:2] == (0, 5)
        assert callers["work"][3] == pytest.approx(stats["factorial"][3])


class TestTimes:
    def test_a_wait_is_its_own_time_of_the_function_that_waits(self) -> None:
        stats = profiled(work)

        assert stats["<time.sleep>"][2] >= 0.02
        assert stats["pause"][2] < 0.02 <= stats["pause"][3] <= stats["work"][3]

    def test_own_times_sum_up_to_the_whole(self) -> None:
        stats = profiled(work)

        assert sum(entry[2] for entry in stats.values()) == pytest.approx(
            stats["work"][3], rel=0.05
        )


class TestMisreportedCalls:
    def test_a_return_without_its_call_ends_nothing(self) -> None:
        def orphans() -> None:
            record = sys.getprofile()
            assert record is not None
            frame = sys._getframe()
            record(frame, "c_return", len)
            record(frame.f_back, "c_return", len)  # type: ignore[arg-type]
            square(2)

        stats = profiled(orphans)

        assert stats["orphans"][1] == stats["square"][1] == 1
        assert [name for (_, _, name) in stats["square"][4]] == ["orphans"]

    def test_a_call_without_its_return_ends_with_its_frame(self) -> None:
        def unfinished() -> None:
            record = sys.getprofile()
            assert record is not None
            record(sys._getframe(), "c_call", len)

        def outer() -> None:
            unfinished()
            square(2)

        stats = profiled(outer)

        assert stats["<builtins.len>"][1] == 1
        assert [name for (_, _, name) in stats["square"][4]] == ["outer"]


def test_what_the_call_raises_leaves_the_thread_as_it_was() -> None:
    before = sys.getprofile()
    profiler = ThreadProfiler()

    with pytest.raises(ZeroDivisionError):
        profiler.runcall(lambda: square(2) // 0)

    assert sys.getprofile() is before
    assert "square" in {name for (_, _, name) in profiler.stats()}

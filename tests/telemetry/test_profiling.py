"""A profile shows the call that it was asked for, and nothing of what other threads do."""

from __future__ import annotations

import json
import pstats
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from affectscope.telemetry import Profile, Timings, profile_call
from affectscope.telemetry.profiling import profile_in_python, profile_with_c

# From Python 3.12 on cProfile records all threads, which is why `profile_call` leaves it there.
IMPLEMENTATIONS = [profile_in_python, *([profile_with_c] if sys.version_info < (3, 12) else [])]

# From https://www.speedscope.app/file-format-schema.json: what concerns a sampled profile.
SPEEDSCOPE = {
    "type": "object",
    "required": ["$schema", "profiles", "shared"],
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "activeProfileIndex": {"type": "number"},
        "exporter": {"type": "string"},
        "name": {"type": "string"},
        "shared": {
            "type": "object",
            "required": ["frames"],
            "properties": {
                "frames": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string"},
                            "file": {"type": "string"},
                            "line": {"type": "number"},
                            "col": {"type": "number"},
                        },
                    },
                }
            },
        },
        "profiles": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    *("type", "name", "unit", "startValue", "endValue", "samples", "weights"),
                ],
                "properties": {
                    "type": {"const": "sampled"},
                    "unit": {
                        "enum": [
                            *("bytes", "microseconds", "milliseconds", "nanoseconds"),
                            *("none", "seconds"),
                        ]
                    },
                    "startValue": {"type": "number"},
                    "endValue": {"type": "number"},
                    "samples": {
                        "type": "array",
                        "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                    },
                    "weights": {"type": "array", "items": {"type": "number", "minimum": 0}},
                },
            },
        },
    },
}


def inner(number: int) -> int:
    return sum(value * value for value in range(number))


def outer() -> int:
    return sum(inner(5000) for _ in range(20))


def elsewhere(stop: threading.Event) -> None:
    while not stop.is_set():
        other_work()


def other_work() -> int:
    return sum(range(500))


@contextmanager
def another_thread() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=elsewhere, args=(stop,))
    thread.start()
    yield
    stop.set()
    thread.join()


Implementation = Callable[[Callable[[], int]], tuple[int, Profile]]


def functions(profile: Profile) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in profile.to_dict()["functions"]}


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
class TestBothImplementations:
    def test_functions_are_counted_and_timed(self, implementation: Implementation) -> None:
        result, profile = implementation(outer)

        seen = functions(profile)
        assert result == outer()
        assert seen["inner"]["calls"] == 20
        assert seen["outer"]["calls"] == 1
        assert seen["outer"]["file"] == __file__
        assert seen["outer"]["line"] == outer.__code__.co_firstlineno
        assert 0 < seen["inner"]["cumulative_seconds"] <= seen["outer"]["cumulative_seconds"]
        assert seen["outer"]["cumulative_seconds"] <= profile.wall_seconds

    def test_it_is_sorted_by_cumulative_time(self, implementation: Implementation) -> None:
        _, profile = implementation(outer)

        times = [entry["cumulative_seconds"] for entry in profile.to_dict()["functions"]]
        assert times == sorted(times, reverse=True)
        assert len(profile.to_dict(limit=2)["functions"]) == 2
        assert profile.to_dict(limit=2)["functions_total"] == len(times)
        json.dumps(profile.to_dict())

    def test_other_threads_are_not_in_it(self, implementation: Implementation) -> None:
        with another_thread():
            _, profile = implementation(outer)

        assert "other_work" not in functions(profile)
        assert "elsewhere" not in functions(profile)

    def test_in_a_worker_thread_the_main_thread_is_not_in_it(
        self, implementation: Implementation
    ) -> None:
        found: list[Profile] = []
        thread = threading.Thread(target=lambda: found.append(implementation(outer)[1]))
        thread.start()
        while thread.is_alive():
            other_work()
        thread.join()

        assert "outer" in functions(found[0])
        assert "other_work" not in functions(found[0])

    def test_the_profilers_own_functions_are_not_in_it(
        self, implementation: Implementation
    ) -> None:
        _, profile = implementation(outer)

        text = json.dumps(profile.to_dict())
        assert "_lsprof" not in text
        assert "setprofile" not in text

    def test_what_the_call_raises_is_raised(self, implementation: Implementation) -> None:
        def fail() -> int:
            raise LookupError("defect")

        with pytest.raises(LookupError, match="defect"):
            implementation(fail)

        _, profile = implementation(outer)
        assert "fail" not in functions(profile)

    def test_pstats_reads_it(self, implementation: Implementation, tmp_path: Path) -> None:
        _, profile = implementation(outer)
        (tmp_path / "profile").write_bytes(profile.to_pstats())

        stats = pstats.Stats(str(tmp_path / "profile"))

        calls = {key[2]: entry[1] for key, entry in vars(stats)["stats"].items()}
        assert calls["inner"] == 20
        stats.sort_stats("cumulative")

    def test_collapsed_stacks_sum_up_to_the_call(self, implementation: Implementation) -> None:
        _, profile = implementation(outer)

        weights = {}
        for line in profile.to_collapsed().splitlines():
            stack, _, weight = line.rpartition(" ")
            weights[stack] = int(weight)
        whole = functions(profile)["outer"]["cumulative_seconds"] * 1e6
        assert sum(weights.values()) == pytest.approx(whole, rel=0.05)
        assert any(
            stack.index("outer (") < stack.index("inner (")
            for stack in weights
            if "inner (" in stack
        )

    def test_speedscope_opens_it(self, implementation: Implementation) -> None:
        _, profile = implementation(outer)

        document = profile.to_speedscope("POST /analyze-speech")

        jsonschema.validate(document, SPEEDSCOPE)
        (sampled,) = document["profiles"]
        frames = document["shared"]["frames"]
        assert sampled["unit"] == "seconds"
        assert len(sampled["samples"]) == len(sampled["weights"])
        assert sampled["endValue"] == pytest.approx(sum(sampled["weights"]))
        assert all(index < len(frames) for stack in sampled["samples"] for index in stack)
        assert {"outer", "inner"} <= {frame["name"] for frame in frames}


def test_the_request_knows_that_it_was_profiled() -> None:
    timings = Timings()

    with timings.activate():
        profile_call(outer)

    assert len(timings.profiles) == 1


def test_it_needs_no_request() -> None:
    result, profile = profile_call(outer)

    assert result == outer()
    assert profile.wall_seconds > 0

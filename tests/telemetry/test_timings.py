"""Stages add up in the timings of the work that they belong to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context

from hypothesis import given
from hypothesis import strategies as st

from affectscope.telemetry import Timings, current_timings, drawn, note_media, stage


def ticking(step: float = 1.0) -> Callable[[], float]:
    """A clock that goes on by `step` whenever it is read."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock


def test_a_stage_entered_again_adds_up() -> None:
    timings = Timings(clock=ticking())

    with timings.activate():
        for _ in range(1000):
            with stage("infer"):
                pass

    assert timings.seconds == {"infer": 1000.0}


def test_a_stage_that_raises_still_counts() -> None:
    timings = Timings(clock=ticking())

    try:
        with timings.activate(), stage("decode"):
            raise ValueError("broken")
    except ValueError:
        pass

    assert timings.seconds == {"decode": 1.0}


def test_of_what_is_drawn_only_the_drawing_counts() -> None:
    now = 0.0

    def slow() -> Iterator[int]:
        nonlocal now
        for number in range(3):
            now += 1.0
            yield number
        now += 0.5

    timings = Timings(clock=lambda: now)
    found = []
    with timings.activate():
        for number in drawn("decode", slow()):
            found.append(number)
            now += 10.0

    assert found == [0, 1, 2]
    assert timings.seconds == {"decode": 3.5}


def test_outside_of_measured_work_nothing_happens() -> None:
    with stage("infer"):
        note_media(3.0)

    assert current_timings() is None


def test_timings_are_current_only_inside() -> None:
    outer, inner = Timings(), Timings()

    with outer.activate():
        with inner.activate():
            assert current_timings() is inner
        assert current_timings() is outer
    assert current_timings() is None


def test_a_worker_thread_with_a_copied_context_feeds_the_same_timings() -> None:
    timings = Timings(clock=ticking())

    def work() -> None:
        with stage("detect"):
            note_media(2.0, "video")

    with timings.activate():
        thread = threading.Thread(target=copy_context().run, args=(work,))
        thread.start()
        thread.join()

    assert timings.seconds == {"detect": 1.0}
    assert timings.media == {"video": 2.0}


def test_many_threads_lose_nothing() -> None:
    timings = Timings()

    def work() -> None:
        for _ in range(2000):
            timings.add("infer", 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert timings.seconds == {"infer": 8000.0}


@given(st.dictionaries(st.sampled_from(["upload", "queue", "infer"]), st.floats(0, 1e4)))
def test_server_timing_lists_milliseconds(seconds: dict[str, float]) -> None:
    timings = Timings()
    for name, value in seconds.items():
        timings.add(name, value)

    parts = [part.split(";dur=") for part in timings.server_timing().split(", ") if part]

    assert {name: float(value) for name, value in parts} == {
        name: round(value * 1000, 3) for name, value in seconds.items()
    }


def test_a_name_that_would_break_the_header_is_left_out() -> None:
    timings = Timings()
    for name in ("first-byte", "a\r\nset-cookie: x", "größe", "a;b", ""):
        timings.add(name, 0.001)

    assert timings.server_timing() == "first-byte;dur=1.000"

"""Joining frames of sound by their time stamps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.media.sound import TOLERANCE, Splice


def placed(*frames: tuple[float | None, float]) -> list[tuple[float, float]]:
    splice = Splice()
    return [
        (pytest.approx(gap), pytest.approx(cut))
        for gap, cut in (splice.place(time, length) for time, length in frames)
    ]


class TestSplice:
    """Silence before a frame, and what is cut from its beginning."""

    def test_frames_that_follow_each_other(self) -> None:
        assert placed((0.0, 1.0), (1.0, 1.0), (2.0, 1.0)) == [(0, 0)] * 3

    def test_jitter_is_left_alone(self) -> None:
        assert placed((0.0, 1.0), (1.03, 1.0), (1.98, 1.0)) == [(0, 0)] * 3

    def test_missing_times_follow(self) -> None:
        assert placed((None, 1.0), (None, 1.0), (5.0, 1.0)) == [(0, 0), (0, 0), (3.0, 0)]

    def test_gap(self) -> None:
        assert placed((2.0, 1.0), (4.5, 1.0), (5.5, 1.0)) == [(0, 0), (1.5, 0), (0, 0)]

    def test_overlap(self) -> None:
        assert placed((0.0, 2.0), (1.5, 1.0), (2.5, 1.0)) == [(0, 0), (0, 0.5), (0, 0)]

    def test_a_frame_that_was_there_already(self) -> None:
        assert placed((0.0, 2.0), (1.2, 0.5), (2.0, 1.0)) == [(0, 0), (0, 0.5), (0, 0)]

    def test_run_in_before_zero_is_cut(self) -> None:
        assert placed((-0.1, 0.5), (0.4, 0.5)) == [(0, 0.1), (0, 0)]

    def test_times_that_start_anew(self) -> None:
        assert placed((0.0, 5.0), (0.0, 5.0), (5.0, 1.0)) == [(0, 0), (0, 0), (0, 0)]

    @given(st.lists(st.tuples(st.none() | st.floats(0, 1000), st.floats(0.001, 1.0)), min_size=1))
    def test_the_signal_stays_on_the_clock(self, frames: list[tuple[float | None, float]]) -> None:
        splice = Splice()
        reached = None
        for time, length in frames:
            gap, cut = splice.place(time, length)
            assert gap >= 0
            assert 0 <= cut <= length
            reached = (splice.start or 0.0 if reached is None else reached) + gap + length - cut
            assert splice._next == pytest.approx(reached, abs=TOLERANCE * len(frames) + 1e-6)

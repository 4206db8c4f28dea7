"""Clocks, samples and gaps."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.media.timing import LEAST, Clock, Pace, Sampler, gif_length


class TestClock:
    """Times always grow, and are the file's own wherever those grow."""

    def run(self, *times: float | None) -> list[float]:
        clock = Clock(0.1)
        return [round(clock.next(time), 6) for time in times]

    def test_good_times_are_kept(self) -> None:
        assert self.run(0.0, 0.2, 5.0) == [0.0, 0.2, 5.0]

    def test_missing_times_follow_the_rate(self) -> None:
        assert self.run(None, None, 0.3, None) == [0.0, 0.1, 0.3, 0.4]

    def test_repeated_times_move_on_a_little(self) -> None:
        assert self.run(1.0, 1.0, 0.9, 1.5) == [1.0, 1.001, 1.002, 1.5]

    def test_times_that_start_anew_go_on(self) -> None:
        assert self.run(8.0, 9.0, 0.0, 1.0) == [8.0, 9.0, 9.1, 10.1]

    def test_a_leap_without_reason_is_not_believed(self) -> None:
        assert self.run(0.0, 90.0, 40_000.0, 40_001.0) == [0.0, 90.0, 90.1, 91.1]

    @given(st.lists(st.none() | st.floats(-1e6, 1e6)))
    def test_any_times_grow(self, times: list[float | None]) -> None:
        clock = Clock(0.04)
        answered = [clock.next(time) for time in times]

        assert all(a < b for a, b in pairwise(answered))
        assert all(time >= 0 for time in answered)


class TestSampler:
    """Of every interval the first frame is taken."""

    @staticmethod
    def taken(times: list[float], fps: float | None) -> list[float]:
        sampler, taken = Sampler(fps), []
        for time in times:
            if sampler.wants(time):
                sampler.take(time)
                taken.append(time)
        return taken

    def test_a_rate_below_that_of_the_frames(self) -> None:
        assert self.taken([k / 25 for k in range(50)], 5.0) == [k / 5 for k in range(10)]

    def test_the_grid_is_that_of_the_clock(self) -> None:
        assert self.taken([0.3, 0.45, 0.55, 0.95, 1.02], 2.0) == [0.3, 0.55, 1.02]

    @pytest.mark.parametrize("fps", [None, 60.0])
    def test_a_rate_above_it(self, fps: float | None) -> None:
        times = [k / 30 for k in range(90)]

        assert self.taken(times, fps) == times

    @given(st.lists(st.floats(0, 1e4), unique=True), st.floats(0.1, 60))
    def test_never_more_than_asked_for(self, times: list[float], fps: float) -> None:
        taken = self.taken(sorted(times), fps)

        assert len(taken) <= (max(times, default=0) - min(times, default=0)) * fps + 2


class TestPace:
    """A gap is long by what is usual and by the clock."""

    @staticmethod
    def pace(*intervals: float) -> Pace:
        pace = Pace(0.04)
        for interval in intervals:
            pace.add(interval)
        return pace

    def test_a_pause_is_a_gap(self) -> None:
        pace = self.pace(*[0.04] * 20)

        assert pace.add(3.04) == pytest.approx(0.04)
        assert (pace.gaps, pace.missing) == (1, pytest.approx(3.0))

    @pytest.mark.parametrize("interval", [0.04, 0.1, 0.5])
    def test_a_hitch_is_none(self, interval: float) -> None:
        pace = self.pace(*[0.04] * 20)

        assert pace.add(interval) == interval
        assert (pace.gaps, pace.missing) == (0, 0.0)

    def test_a_slide_show_has_none(self) -> None:
        pace = self.pace(*[5.0] * 30, 14.0)

        assert pace.gaps == 0

    def test_slides_after_a_film_become_what_is_usual(self) -> None:
        pace = self.pace(*[0.04] * 100, *[5.0] * 100)

        assert 0 < pace.gaps < 15
        assert pace.usual == 5.0

    def test_nothing_is_said_of_the_first_intervals(self) -> None:
        assert self.pace(*[0.04] * (LEAST - 1), 9.0).gaps == 0
        assert self.pace(*[0.04] * LEAST, 9.0).gaps == 1

    def test_the_last_frame(self) -> None:
        pace = self.pace(*[0.04] * 20)

        assert pace.last(0.0) == 0.04  # nothing is stated
        assert pace.last(0.001) == 0.04  # a tick
        assert pace.last(0.03) == 0.03
        assert pace.last(30.0) == 0.04  # a gap before nothing
        assert Pace(0.2).last(0.0) == 0.2

    @given(st.lists(st.floats(0.001, 100)))
    def test_shown_and_missing_are_the_whole(self, intervals: list[float]) -> None:
        pace = Pace(0.04)
        shown = sum(pace.add(interval) for interval in intervals)

        assert shown + pace.missing == pytest.approx(sum(intervals))


@pytest.mark.parametrize(
    ("stated", "shown"), [(0.0, 0.1), (0.01, 0.1), (0.02, 0.02), (0.03, 0.03), (2.0, 2.0)]
)
def test_delays_of_a_gif_are_those_of_browsers(stated: float, shown: float) -> None:
    assert gif_length(stated) == shown

"""Percentiles of histograms are those of the values, to three digits."""

from __future__ import annotations

import math

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.gateway.load.histograms import (
    PERCENTILES,
    count_above,
    curve,
    histogram,
    microseconds,
    percentile,
    times,
    total,
)

SECONDS = st.lists(st.floats(1e-6, 3000.0), min_size=1, max_size=60)


def holding(values: list[float]) -> HdrHistogram:
    found = histogram()
    for value in values:
        found.record_value(microseconds(value))
    return found


class TestTimes:
    def test_nothing_has_no_times(self) -> None:
        assert set(times(histogram()).values()) == {None}
        assert curve(histogram()) == []
        assert percentile(histogram(), 99) is None

    @settings(deadline=None, max_examples=25)
    @given(SECONDS)
    def test_they_are_those_of_the_library_itself(self, values: list[float]) -> None:
        found = holding(values)
        expected = found.get_percentile_to_value_dict(list(PERCENTILES))
        shown = times(found)

        for percent in (50, 75, 90):
            # The library rounds the rank, where ours is the nearest rank: at least that many.
            rank = math.ceil(len(values) * percent / 100)
            exact = sorted(values)[rank - 1]
            assert shown[f"p{percent}_seconds"] == pytest.approx(exact, rel=2e-3, abs=2e-6)
        assert shown["max_seconds"] == pytest.approx(max(values), rel=2e-3, abs=2e-6)
        assert shown["p99_9_seconds"] == pytest.approx(expected[99.9] / 1e6, rel=2e-3)

    @settings(deadline=None, max_examples=25)
    @given(SECONDS)
    def test_the_mean_is_exact_to_three_digits(self, values: list[float]) -> None:
        mean = times(holding(values))["mean_seconds"]

        assert mean == pytest.approx(sum(values) / len(values), rel=2e-3, abs=2e-6)

    @settings(deadline=None, max_examples=25)
    @given(SECONDS)
    def test_the_curve_only_rises(self, values: list[float]) -> None:
        line = [point["seconds"] for point in curve(holding(values))]

        assert line == sorted(line)
        assert line[-1] == times(holding(values))["max_seconds"]

    def test_what_is_beyond_a_limit_is_counted(self) -> None:
        assert count_above(holding([0.1, 0.2, 0.3, 0.4]), 0.25) == 2

    def test_sums_hold_everything(self) -> None:
        whole = total([holding([0.1]), holding([0.3, 0.5])])

        assert whole.get_total_count() == 3
        assert times(whole)["p50_seconds"] == pytest.approx(0.3, rel=2e-3)

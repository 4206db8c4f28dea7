"""Slopes, changes and correlations are found where they are, and rarely where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.chat.statistics import LEAST_STRETCH, Values, changes, correlation, theil_sen

VALENCE = st.floats(-1, 1, width=32)
SERIES = st.lists(VALENCE, min_size=12, max_size=60).map(lambda one: np.array(one, np.float64))


def autoregressive(random: np.random.Generator, n: int, share: float) -> Values:
    """Return a series each point of which keeps a share of the one before."""
    noise = random.normal(size=n)
    for i in range(1, n):
        noise[i] += share * noise[i - 1]
    return noise


class TestSlope:
    def test_a_line_has_its_own_slope(self) -> None:
        line = theil_sen(np.arange(30) * 0.02 - 0.3)

        assert (line.slope, line.low, line.high) == pytest.approx((0.02, 0.02, 0.02))

    def test_a_few_wild_points_do_not_turn_it(self) -> None:
        values = np.arange(40) * 0.01
        values[[3, 17, 30]] = (1.0, -1.0, -1.0)

        assert theil_sen(values).slope == pytest.approx(0.01, abs=0.001)

    def test_the_interval_holds_the_truth_nineteen_times_of_twenty(self) -> None:
        random = np.random.default_rng(1)
        lines = [theil_sen(0.01 * np.arange(30) + random.normal(0, 0.3, 30)) for _ in range(200)]

        assert 0.9 <= np.mean([one.low <= 0.01 <= one.high for one in lines]) <= 0.99

    def test_a_long_series_is_judged_by_points_all_over_it(self) -> None:
        assert theil_sen(np.arange(50_000) * 1e-5).slope == pytest.approx(1e-5)

    @given(SERIES)
    def test_it_lies_within_its_interval(self, values: Values) -> None:
        line = theil_sen(values)

        assert line.low <= line.slope <= line.high


class TestChanges:
    def test_a_lasting_change_is_found_where_it_is(self) -> None:
        random = np.random.default_rng(2)
        values = np.r_[random.normal(-0.4, 0.2, 30), random.normal(0.4, 0.2, 20)]

        (change,) = changes(values)

        assert abs(change.at - 30) <= 1
        assert change.before == pytest.approx(-0.4, abs=0.1)
        assert change.after == pytest.approx(0.4, abs=0.1)
        assert change.p_value <= 0.01

    def test_several_are_found_in_their_order(self) -> None:
        random = np.random.default_rng(3)
        levels = [random.normal(level, 0.1, 40) for level in (0.5, -0.5, 0.2)]

        found = changes(np.concatenate(levels))

        assert [round(one.at, -1) for one in found] == [40, 80]

    def test_of_a_very_long_series_the_place_is_found_too(self) -> None:
        random = np.random.default_rng(4)
        values = np.r_[random.normal(0, 0.3, 40_000), random.normal(0.3, 0.3, 60_000)]

        (change,) = changes(values)

        assert abs(change.at - 40_000) <= 200

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
    def test_messages_that_resemble_those_before_are_no_change(self, share: float) -> None:
        random = np.random.default_rng(5)

        alarms = sum(bool(changes(autoregressive(random, 80, share))) for _ in range(60))

        assert alarms <= 5

    def test_one_bad_message_is_none(self) -> None:
        values = np.full(40, 0.3)
        values[20] = -1.0

        assert changes(values) == []

    @given(SERIES)
    def test_stretches_are_never_shorter_than_is_said(self, values: Values) -> None:
        edges = [0, *(one.at for one in changes(values)), len(values)]

        assert min(np.diff(edges)) >= LEAST_STRETCH

    @given(SERIES)
    def test_the_same_series_gets_the_same_answer(self, values: Values) -> None:
        assert changes(values) == changes(values)


class TestCorrelation:
    def test_who_follows_is_found(self) -> None:
        random = np.random.default_rng(6)
        said = random.normal(size=60)

        found = correlation(said, said + random.normal(0, 0.5, 60))

        assert found is not None
        assert found[0] > 0.7
        assert found[1] <= 0.005

    def test_two_that_only_rise_together_are_not_said_to_follow(self) -> None:
        random = np.random.default_rng(7)
        rising = np.linspace(-1, 1, 60)

        found = correlation(rising + random.normal(0, 0.2, 60), rising + random.normal(0, 0.2, 60))

        assert found is not None
        assert abs(found[0]) < 0.3

    @pytest.mark.parametrize("share", [0.0, 0.3])
    def test_chance_is_rarely_taken_for_more(self, share: float) -> None:
        random = np.random.default_rng(8)
        pairs = [
            correlation(autoregressive(random, 50, share), autoregressive(random, 50, share))
            for _ in range(150)
        ]

        assert np.mean([pair is not None and pair[1] < 0.05 for pair in pairs]) <= 0.12

    def test_what_does_not_vary_has_none(self) -> None:
        assert correlation(np.full(20, 0.3), np.arange(20.0) ** 2) is None
        assert correlation(np.arange(20.0) ** 2, np.arange(20.0)) is None

    @given(SERIES)
    def test_it_is_symmetric_and_bounded(self, values: Values) -> None:
        found, other = correlation(values, values[::-1]), correlation(values[::-1], values)

        assert (found is None) == (other is None)
        if found is not None and other is not None:
            assert found[0] == pytest.approx(other[0])
            assert -1 <= found[0] <= 1
            assert 0 < found[1] <= 1

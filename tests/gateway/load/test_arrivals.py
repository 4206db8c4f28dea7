"""The schedule of an open-loop load is fixed before any answer."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectscope.gateway.load.arrivals import Pace

RATES = st.floats(0.0, 500.0)


@st.composite
def paces(draw: st.DrawFn) -> Pace:
    start, end = draw(RATES), draw(RATES)
    return Pace(start, max(end, 0.01) if start < 0.01 else end, draw(st.floats(0.5, 20.0)))


class TestEvenly:
    def test_a_rate_that_stays_gives_equal_steps(self) -> None:
        assert list(Pace(4, 4, 1.5).arrivals()) == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1.25])

    @settings(deadline=None)
    @given(paces())
    def test_there_are_as_many_as_the_rate_says(self, pace: Pace) -> None:
        found = sum(1 for _ in pace.arrivals())

        assert found == pytest.approx(math.ceil(pace.expected()), abs=1)

    @settings(deadline=None)
    @given(paces(), st.one_of(st.none(), st.integers(0, 1000)))
    def test_they_are_in_order_and_within_the_time(self, pace: Pace, seed: int | None) -> None:
        found = list(islice(pace.arrivals(seed), 5000))

        assert all(one <= two for one, two in pairwise(found))
        assert all(0 <= one <= pace.duration * (1 + 1e-9) for one in found)

    @settings(deadline=None)
    @given(paces(), st.floats(0.0, 1.0))
    def test_the_expected_number_is_reached_when_it_says(self, pace: Pace, share: float) -> None:
        count = pace.expected() * share
        at = pace.time_of(count)

        reached = (pace.start_rate + pace.rate(at)) / 2 * at
        assert reached == pytest.approx(count, rel=1e-6, abs=1e-6)

    def test_a_ramp_from_nothing_begins(self) -> None:
        found = list(Pace(0, 10, 2).arrivals())

        assert len(found) == 10
        assert found[-1] - found[-2] < found[1] - found[0]


class TestPoisson:
    def test_it_is_the_same_for_the_same_seed(self) -> None:
        pace = Pace(10, 30, 5)

        assert list(pace.arrivals(3)) == list(pace.arrivals(3))
        assert list(pace.arrivals(3)) != list(pace.arrivals(4))

    def test_pauses_are_exponential(self) -> None:
        found = list(Pace(1000, 1000, 20).arrivals(1))
        pauses = [two - one for one, two in pairwise(found)]
        mean = sum(pauses) / len(pauses)
        spread = math.sqrt(sum((one - mean) ** 2 for one in pauses) / len(pauses))

        assert mean == pytest.approx(0.001, rel=0.05)
        assert spread == pytest.approx(mean, rel=0.05)
        assert sum(one > 0.001 for one in pauses) / len(pauses) == pytest.approx(
            math.exp(-1), abs=0.02
        )

    def test_a_ramp_has_more_of_them_where_the_rate_is_higher(self) -> None:
        found = list(Pace(0, 400, 10).arrivals(1))

        assert sum(one > 5 for one in found) / len(found) == pytest.approx(0.75, abs=0.03)

"""Pairs of rows and columns, against all there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from affectscope.video.assignment import assign

LIMIT = 6.0
COSTS = st.one_of(st.integers(0, 9).map(float), st.just(np.inf))


def total(costs: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    return sum(costs[pair] for pair in pairs) + LIMIT * (len(costs) - len(pairs))


def least(costs: np.ndarray) -> float:
    """The least sum of all ways to pair, some rows staying alone."""
    rows, columns = costs.shape
    return min(
        total(costs, [(row, column) for row, column in enumerate(chosen) if column < columns])
        for chosen in permutations(range(columns + rows), rows)
    )


@given(st.data(), st.integers(0, 4), st.integers(0, 3))
def test_no_other_way_is_cheaper(data: st.DataObject, rows: int, columns: int) -> None:
    costs = np.array(data.draw(st.lists(COSTS, min_size=rows * columns, max_size=rows * columns)))
    costs = costs.reshape(rows, columns)

    pairs = assign(costs, LIMIT)

    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert total(costs, pairs) == least(costs)


def test_the_nearest_is_given_up_where_that_helps_all() -> None:
    assert assign(np.array([[1.0, 2.0], [2.0, np.inf]]), LIMIT) == [(0, 1), (1, 0)]


def test_a_row_stays_alone_rather_than_cost_more_than_the_limit() -> None:
    assert assign(np.array([[7.0, 8.0], [1.0, 9.0]]), LIMIT) == [(1, 0)]


def test_many_of_both() -> None:
    order = np.random.default_rng(0).permutation(60)
    costs = np.random.default_rng(1).uniform(2, 4, (60, 60))
    costs[np.arange(60), order] = 1.0

    assert assign(costs, LIMIT) == list(enumerate(order))

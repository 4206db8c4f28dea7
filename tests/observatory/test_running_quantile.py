"""A quantile that follows what it measures."""

from __future__ import annotations

import random

import pytest

from affectscope.observatory.running_quantile import RunningQuantile


def test_it_says_nothing_before_it_knows_enough():
    quantile = RunningQuantile(0.99)
    for _ in range(199):
        quantile.add(1.0)
    assert quantile.value is None

    quantile.add(1.0)
    assert quantile.value == 1.0


@pytest.mark.parametrize("wanted", [0.0, 0.5, 0.99, 1.0])
def test_it_is_the_quantile_of_the_last_thousand(wanted: float):
    chance = random.Random(1)
    values = [chance.random() for _ in range(3_000)]
    quantile = RunningQuantile(wanted)
    for value in values:
        quantile.add(value)

    ranked = sorted(values[-1_000:])
    assert quantile.value == ranked[min(999, int(wanted * 1_000))]


def test_it_follows_when_everything_becomes_slower():
    quantile = RunningQuantile(0.5)
    for value in [1.0] * 1_000 + [5.0] * 1_000:
        quantile.add(value)

    assert quantile.value == 5.0

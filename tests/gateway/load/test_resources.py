"""Memory and processor time of the services while they are loaded, and whether a soak was steady."""

from __future__ import annotations

import asyncio

import pytest

from affectscope.gateway.backends import SURVEY
from affectscope.gateway.load.histograms import histogram, microseconds
from affectscope.gateway.load.resources import Resources
from affectscope.gateway.load.steadiness import steadiness
from affectscope.gateway.load.wire import Address


def looked_at(url: str, times: list[float]) -> Resources:
    async def run() -> Resources:
        clock = iter(times)
        found = Resources([Address(SURVEY, url, "test")], 10, lambda: next(clock))
        for _ in times:
            await found.look()
        return found

    return asyncio.run(run())


def test_growth_is_that_of_the_second_half(quick_server) -> None:
    # The server's memory grows by a byte a look, here every ten seconds.
    found = looked_at(quick_server, [10.0 * number for number in range(10)])

    assert [look["start"] for look in found.looks["survey"]][:2] == [0, 10]
    assert found.looks["survey"][0] == {
        "start": 0.0,
        "memory_bytes": 100_000_001.0,
        "cpu_percent": 50.0,
    }
    assert found.growth()["survey"] == pytest.approx(360, rel=0.01)


def test_few_looks_tell_no_growth(quick_server) -> None:
    assert looked_at(quick_server, [0.0, 1.0, 2.0]).growth() == {"survey": None}


def test_a_service_that_is_gone_leaves_a_gap(refused) -> None:
    assert looked_at(refused, [0.0, 1.0]).looks == {"survey": []}


def test_a_soak_that_became_slower() -> None:
    blocks = [histogram() for _ in range(8)]
    for number, block in enumerate(blocks):
        for _ in range(10):
            block.record_value(microseconds(0.01 * (1 if number < 4 else 3)))

    found = steadiness(blocks, {"survey": 5.0})
    assert found["ratios"]["p99_seconds"] == pytest.approx(3, rel=0.01)
    assert found["first"]["p50_seconds"] == pytest.approx(0.01, rel=0.01)
    assert found["memory_bytes_an_hour"] == {"survey": 5.0}


def test_a_soak_without_times_has_no_ratio() -> None:
    found = steadiness([histogram() for _ in range(8)], {})

    assert found["ratios"]["p99_seconds"] is None

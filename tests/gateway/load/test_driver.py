"""The open loop sends when requests are due, whatever became of others."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from affectscope.gateway.backends import SURVEY
from affectscope.gateway.load.arrivals import Pace
from affectscope.gateway.load.driver import UNFINISHED, Driver
from affectscope.gateway.load.figures import Figures
from affectscope.gateway.load.trace import TraceIds
from affectscope.gateway.load.wire import Address


def drive(url: str, pace: Pace, *, most: int = 64, timeout: float = 5, **more: Any) -> Figures:
    async def run() -> Figures:
        address = Address(SURVEY, url, "test")
        figures = Figures(["survey"], pace.duration)
        driver = Driver(
            [address],
            pace.arrivals(),
            figures,
            TraceIds(0),
            most=most,
            timeout=timeout,
            **more,
        )
        await driver.run()
        await address.close()
        return figures

    return asyncio.run(run())


class TestStall:
    """A server that stands still for a while, met by one client at a time."""

    def test_corrected_times_see_it_and_raw_ones_do_not(self, server_that) -> None:
        def stalls(at: float) -> tuple[int, bytes]:
            if 0.5 <= at < 1.1:
                time.sleep(1.1 - at)
            return 200, b"{}"

        found = drive(server_that(stalls), Pace(100, 100, 2), most=1).document(2)

        assert found["succeeded"] == 200
        assert found["corrected"]["p99_seconds"] > 0.4
        assert found["corrected"]["p90_seconds"] > 0.2
        assert found["raw"]["p99_seconds"] < 0.2
        assert found["raw"]["max_seconds"] > 0.5

    def test_with_places_enough_both_see_it(self, server_that) -> None:
        def stalls(at: float) -> tuple[int, bytes]:
            if 0.5 <= at < 1.1:
                time.sleep(1.1 - at)
            return 200, b"{}"

        found = drive(server_that(stalls), Pace(100, 100, 2), most=100).document(2)

        assert found["raw"]["p90_seconds"] > 0.2
        assert found["raw"]["p90_seconds"] == pytest.approx(
            found["corrected"]["p90_seconds"], abs=0.1
        )


class TestRates:
    def test_the_rate_does_not_follow_a_slow_server(self, server_that) -> None:
        def slow(_: float) -> tuple[int, bytes]:
            time.sleep(0.3)
            return 200, b"{}"

        begin = time.perf_counter()
        found = drive(server_that(slow), Pace(50, 50, 1)).document(1)

        assert found["requests"] >= 45
        assert found["offered_rate"] == pytest.approx(50, abs=5)
        assert time.perf_counter() - begin < 10

    def test_what_finds_no_place_is_left_and_told(self, server_that) -> None:
        def slow(_: float) -> tuple[int, bytes]:
            time.sleep(0.25)
            return 200, b"{}"

        figures = drive(server_that(slow), Pace(50, 50, 1), most=1)
        found = figures.document(1)

        assert found["scheduled"] == 50
        assert found["requests"] + found["unsent"] == 50
        assert found["unsent"] > 30
        assert found["censored"] == found["unsent"]
        assert figures.waited >= 1

    def test_the_generator_knows_how_late_it_was(self, quick_server) -> None:
        figures = drive(quick_server, Pace(100, 100, 1))

        found = figures.document(1)
        assert figures.lag.get_total_count() == found["requests"] >= 90


class TestErrors:
    def test_a_time_out_is_an_error_with_its_full_time(self, server_that) -> None:
        def hangs(_: float) -> tuple[int, bytes]:
            time.sleep(1)
            return 200, b"{}"

        found = drive(server_that(hangs), Pace(10, 10, 0.5), timeout=0.2).document(0.5)

        # What a busy machine sends late may still be waited for when the run ends.
        assert set(found["errors"]) <= {"backend-timeout", "unfinished"}
        assert found["errors"]["backend-timeout"] >= 1
        assert sum(found["errors"].values()) == 5
        assert found["corrected"]["p50_seconds"] == pytest.approx(0.22, abs=0.15)
        assert found["raw"]["p50_seconds"] >= 0.2

    def test_refusals_have_the_slug_of_their_problem(self, server_that) -> None:
        def refuses(_: float) -> tuple[int, bytes]:
            return 503, b'{"type": "urn:affectscope:problem:overloaded"}'

        found = drive(server_that(refuses), Pace(20, 20, 0.5)).document(0.5)

        assert found["errors"] == {"overloaded": 10}
        assert found["achieved_rate"] == 0

    def test_a_server_that_is_gone(self, refused) -> None:
        found = drive(refused, Pace(20, 20, 0.5)).document(0.5)

        assert found["errors"] == {"backend-unavailable": 10}

    def test_what_is_under_way_at_a_stop_is_unfinished(self, server_that) -> None:
        def hangs(_: float) -> tuple[int, bytes]:
            time.sleep(1)
            return 200, b"{}"

        begin = time.perf_counter()
        found = drive(
            server_that(hangs),
            Pace(20, 20, 30),
            enough=lambda: time.perf_counter() - begin > 0.5,
        ).document(0.5)

        assert set(found["errors"]) == {UNFINISHED}
        assert found["scheduled"] == found["requests"] + found["unsent"] < 20

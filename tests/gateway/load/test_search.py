"""The search finds a rate that holds, and says why it stopped."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from affectscope.gateway.backends import SURVEY
from affectscope.gateway.load.plan import parse_plan
from affectscope.gateway.load.search import ENDINGS, RESOLUTION, Search
from affectscope.gateway.load.wire import Address

CAPACITY = 50
LENIENT = {"percentile": 90, "seconds": 1.0, "error_ratio": 0.05}


def search(
    url: str, *, enough: Callable[[], bool] = lambda: False, **body: Any
) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    plan = parse_plan({"mode": "search", "test_type": "survey", "trial_seconds": 1.0, **body})

    async def run() -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
        address = Address(SURVEY, url, "test")
        found = Search(plan, [address], enough)
        told: list[Any] = []
        await found.run(told.append)
        await address.close()
        return found.document(), found.best(), told

    return asyncio.run(run())


def one_at_a_time() -> Callable[[float], tuple[int, bytes]]:
    lock = threading.Lock()

    def serve(_: float) -> tuple[int, bytes]:
        with lock:
            time.sleep(1 / CAPACITY)
        return 200, b"{}"

    return serve


def test_it_ends_between_what_holds_and_what_does_not(server_that) -> None:
    objective = {"percentile": 90, "seconds": 0.4, "error_ratio": 0.01}
    found, best, told = search(
        server_that(one_at_a_time()), start_rate=4, objective=objective, max_rate=400
    )

    failed = [trial["rate"] for trial in found["trials"] if not trial["passed"]]
    assert found["reason"] in ("resolution", "generator-limit")
    # In a trial of a second, the queue of a rate 1.44 times the capacity delays one in ten by 0.4 s.
    assert 4 <= found["found_rate"] <= CAPACITY * 1.6
    assert min(failed) / found["found_rate"] <= RESOLUTION
    assert found["objective"] == objective
    assert found["reason_text"] == ENDINGS[found["reason"]]
    assert best["summary"]["corrected"]["p90_seconds"] <= 0.4
    assert len(told) == len(found["trials"])


def test_a_failure_is_confirmed_by_a_second_trial(server_that, monkeypatch) -> None:
    monkeypatch.setattr("affectscope.gateway.load.search._QUIET_SECONDS", 0.5)
    found, best, _ = search(
        server_that(lambda _: (503, b"{}")), start_rate=20, objective={"error_ratio": 0}
    )

    assert found["found_rate"] is None
    assert found["reason"] == "below-start-rate"
    assert [trial["cause"] for trial in found["trials"]] == ["errors", "errors"]
    assert found["trials"][0]["seconds"] < 1
    assert best["summary"]["errors"]


def test_it_is_too_slow_at_once(server_that) -> None:
    def slow(_: float) -> tuple[int, bytes]:
        time.sleep(0.3)
        return 200, b"{}"

    found, _, _ = search(server_that(slow), start_rate=10, objective={"seconds": 0.05})

    assert found["found_rate"] is None
    assert {trial["cause"] for trial in found["trials"]} <= {"percentile", "generator"}


def test_a_trial_has_requests_enough_to_judge(quick_server) -> None:
    found, _, _ = search(quick_server, start_rate=4, max_rate=4, objective=LENIENT)

    assert found["trials"][0]["requests"] == 10
    assert found["trials"][0]["seconds"] > 2


def test_it_goes_no_higher_than_it_may(quick_server) -> None:
    found, _, _ = search(quick_server, start_rate=5, max_rate=10, objective=LENIENT)

    assert found["reason"] == "max-rate"
    assert found["found_rate"] == 10
    assert [trial["rate"] for trial in found["trials"] if trial["passed"]] == [5, 10]


def test_its_time_is_limited(quick_server) -> None:
    found, _, _ = search(quick_server, start_rate=10, duration=2, objective=LENIENT)

    assert found["reason"] == "time"
    assert found["found_rate"] is not None
    assert len(found["trials"]) <= 2


def test_it_can_be_stopped(quick_server) -> None:
    begin = time.monotonic()
    found, best, _ = search(
        quick_server,
        start_rate=10,
        objective=LENIENT,
        enough=lambda: time.monotonic() > begin + 1.5,
    )

    assert found["reason"] == "stopped"
    assert time.monotonic() - begin < 20
    assert best["summary"]["scheduled"] >= 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_is_explained(ending) -> None:
    assert len(ENDINGS[ending]) > 20

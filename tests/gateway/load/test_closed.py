"""The contract's form: one client after the other, each request after the last answer."""

from __future__ import annotations

import asyncio
import time

import pytest

import affectscope.survey.app
from affectscope.gateway.backends import CHAT, SPEECH, SURVEY, Backend
from affectscope.gateway.load.closed import ClosedLoop, contract_form
from affectscope.gateway.load.plan import parse_plan
from affectscope.gateway.load.wire import Address
from affectscope.survey.app import SurveySettings


def load(backend: Backend, url: str, iterations: int, timeout: float = 10) -> ClosedLoop:
    async def run() -> ClosedLoop:
        address = Address(backend, url, "test")
        loop = ClosedLoop([address], iterations, timeout)
        await loop.run()
        await address.close()
        return loop

    return asyncio.run(run())


def contract(loop: ClosedLoop, **body: object) -> dict:
    plan = parse_plan(body).document()
    return contract_form(
        {
            "plan": plan,
            "seconds": loop.duration,
            "summary": loop.document(),
            "services": loop.by_service(),
        }
    )


def test_a_real_service(serve) -> None:
    url = serve(affectscope.survey.app.create(SurveySettings()).app)
    found = contract(load(SURVEY, url, 3), test_type="survey", iterations=3)

    survey = found["services"]["survey"]
    assert (survey["requests"], survey["errors"]) == (3, {})
    assert 0 < survey["p50_seconds"] <= survey["p95_seconds"] <= survey["p99_seconds"] < 5
    assert found["summary"]["warm_up_requests"] == 1
    assert found["summary"]["errors"] == 0
    assert found["summary"]["throughput"] == pytest.approx(3 / found["summary"]["duration_seconds"])


def test_no_success_has_no_times(refused) -> None:
    found = contract(load(CHAT, refused, 2), test_type="chat", iterations=2)

    assert found["services"]["chat"] == {
        "requests": 2,
        "errors": {"backend-unavailable": 2},
        "mean_seconds": None,
        "p50_seconds": None,
        "p95_seconds": None,
        "p99_seconds": None,
        "throughput": 0.0,
    }
    assert found["summary"]["error_types"] == {"backend-unavailable": 2}


def test_a_service_that_hangs(server_that) -> None:
    def hangs(_: float) -> tuple[int, bytes]:
        time.sleep(0.6)
        return 200, b"{}"

    found = load(SPEECH, server_that(hangs), 1, timeout=0.2)

    assert found.whole.errors == {"backend-timeout": 1}


def test_the_warm_up_is_not_counted(server_that) -> None:
    asked: list[float] = []

    def first_is_slow(at: float) -> tuple[int, bytes]:
        asked.append(at)
        time.sleep(0.3 if len(asked) == 1 else 0)
        return 200, b"{}"

    found = load(CHAT, server_that(first_is_slow), 4)

    assert len(asked) == 5
    assert found.document()["raw"]["max_seconds"] < 0.25

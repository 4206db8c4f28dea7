"""A run says itself where its figures are not to be believed."""

from __future__ import annotations

import pytest

from affectscope.gateway.load.figures import Figures
from affectscope.gateway.load.verdict import flags, generator


def figures(count: int = 1000, *, lag: float = 0.0, late: int = 0, waited: int = 0) -> Figures:
    found = Figures(["chat"], 10)
    for number in range(count):
        at = number * 10 / count
        found.schedule("chat", at)
        found.send("chat", at, lag if number < late else 0.0, number < waited)
        found.succeed("chat", at, at, at + 0.01)
    return found


def codes(of: Figures, *, stopped: bool = False) -> list[str]:
    made = generator(of, 1.0, 10.0)
    return [flag["code"] for flag in flags(of.document(10), made, 64, stopped=stopped)]


def test_a_good_run_has_nothing_to_say() -> None:
    assert codes(figures()) == []


def test_a_generator_that_is_late_says_so() -> None:
    late = figures(lag=0.03, late=20)
    made = generator(late, 1.0, 10.0)

    assert codes(late) == ["generator-late"]
    assert made["kept_up"] is False
    assert made["late_share"] == pytest.approx(0.02)
    assert made["cpu_percent"] == 10
    (flag,) = flags(late.document(10), made, 64, stopped=False)
    assert "2.0% of the requests over 10 ms late (p99 30.0 ms)" in flag["text"]


def test_few_late_requests_are_no_matter() -> None:
    assert codes(figures(lag=0.03, late=5)) == []


def test_waiting_for_a_place_is_not_the_generator_s_lateness() -> None:
    assert codes(figures(waited=50)) == ["places-taken"]


def test_services_that_fall_behind() -> None:
    found = figures(900)
    for _ in range(100):
        found.schedule("chat", 9.0)
        found.leave("chat", 9.0, 10.0)

    assert codes(found) == ["behind", "censored"]


def test_a_percentile_of_few_requests() -> None:
    assert codes(figures(50)) == ["few-requests"]


def test_a_run_that_was_stopped() -> None:
    assert codes(figures(), stopped=True) == ["stopped"]

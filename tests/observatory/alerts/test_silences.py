"""Silences match what they name, within their time."""

from __future__ import annotations

import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.alerts.silences import Silence, check

LABELS = {"alertname": "LatencyBurnsFast", "service": "chat"}


@pytest.mark.parametrize(
    ("matchers", "at", "expected"),
    [
        ({"service": "chat"}, 15.0, True),
        ({"service": "chat"}, 9.0, False),
        ({"service": "chat"}, 20.0, False),
        ({"service": "cha"}, 15.0, False),
        ({"service": "chat", "alertname": "re:Latency.*|Queue.*"}, 15.0, True),
        ({"alertname": "re:Latency"}, 15.0, False),
        ({"missing": ""}, 15.0, True),
    ],
)
def test_holds(matchers: dict[str, str], at: float, expected: bool) -> None:
    assert Silence(1, matchers, 10.0, 20.0, "Ada", "").holds(LABELS, at) is expected


@pytest.mark.parametrize(
    "matchers",
    [
        {},
        {str(number): "a" for number in range(21)},
        {"": "a"},
        {"service": "a" * 201},
        {"service": "re:("},
        {"service": "re:(a+)+$"},
    ],
)
def test_what_matches_nothing_or_takes_for_ever_is_refused(matchers: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        check(matchers)

"""Budgets are the sum of what was counted, and say how fast they burn."""

from __future__ import annotations

from typing import Any

import pytest

from affectscope.observatory.alerts.budgets import MOST_CAUGHT_UP, Budgets
from affectscope.observatory.database import Database
from affectscope.observatory.definitions import load
from affectscope.observatory.promql import Engine
from tests.observatory.alerts.alert_series import BEGIN, SeriesSource

CHAT = 'service="chat",job="affectscope",instance="a"'
REQUESTS = f'http_server_request_duration_seconds_count{{http_route="/analyze-chat",{CHAT}'
SERIES = [
    {"series": f'{REQUESTS},http_response_status_code="200"}}', "values": "0+99x240"},
    {"series": f'{REQUESTS},http_response_status_code="500"}}', "values": "0+1x240"},
    {
        "series": f'chat_processing_seconds_count{{endpoint="/analyze-chat",{CHAT}}}',
        "values": "0+100x240",
    },
    {
        "series": f'chat_processing_seconds_bucket{{endpoint="/analyze-chat",le="0.5",{CHAT}}}',
        "values": "0+90x240",
    },
]


def budgets(database: Database, series: list[dict[str, Any]]) -> Budgets:
    return Budgets(Engine(SeriesSource(series, "1m")), load(), database)


def entry(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in found if one["id"] == name)


def test_counts_add_up_to_budgets(database: Database) -> None:
    watched = budgets(database, SERIES)
    for minute in range(0, 91, 5):
        watched.count(BEGIN + minute * 60)
    found = watched.report(BEGIN + 90 * 60)

    chat = entry(found, "chat-availability")
    assert chat["good_ratio"] == pytest.approx(0.99)
    assert chat["budget_remaining"] == pytest.approx(-1.0)
    assert chat["burn_rate"] == {
        "5m": pytest.approx(2),
        "1h": pytest.approx(2),
        "6h": pytest.approx(2),
    }
    assert chat["requests"] == pytest.approx(9000, rel=0.06)
    assert chat["title"] == "Chat Analysis: 99.5 % of requests succeed"
    latency = entry(found, "chat-latency")
    assert latency["good_ratio"] == pytest.approx(0.9)
    assert latency["title"] == "Chat Analysis: 95 % of requests take at most 0.5 s"


def test_without_requests_nothing_is_known(database: Database) -> None:
    watched = budgets(database, [])
    watched.count(BEGIN)
    chat = entry(watched.report(BEGIN), "chat-availability")

    assert chat["good_ratio"] is None
    assert chat["budget_remaining"] is None
    assert chat["burn_rate"] == {"5m": None, "1h": None, "6h": None}
    assert chat["requests"] == 0


def test_counts_outlive_a_restart_and_are_caught_up_within_bounds(database: Database) -> None:
    first = budgets(database, SERIES)
    first.count(BEGIN + 300)
    assert first.count(BEGIN + 1000) == 2

    second = budgets(database, SERIES)
    assert second.count(BEGIN + 1000) == 0
    assert second.count(BEGIN + 3 * 3600) == MOST_CAUGHT_UP


def test_a_clock_that_was_set_back_does_not_stop_the_counts(database: Database) -> None:
    watched = budgets(database, SERIES)
    watched.count(BEGIN + 10_000)
    watched.count(BEGIN + 300)

    assert watched.count(BEGIN + 1000) == 2


def test_a_report_is_made_anew_after_a_while(database: Database) -> None:
    watched = budgets(database, SERIES)
    first = watched.report(BEGIN + 600)

    assert watched.report(BEGIN + 610) is first
    assert watched.report(BEGIN + 620) is not first

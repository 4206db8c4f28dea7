"""Spans of machines whose clocks differ, on one clock."""

from __future__ import annotations

from typing import Any

import pytest

from affectscope.observatory.clock_skew import SKEW, align


def span(
    number: int, parent: int | None, service: str, start: float, seconds: float = 1.0
) -> dict[str, Any]:
    return {
        "span_id": f"{number:016x}",
        "parent_id": None if parent is None else f"{parent:016x}",
        "service": service,
        "start": start,
        "seconds": seconds,
        "events": [{"name": "e", "time": start + 0.1, "attributes": {}}],
        "attributes": {},
    }


def starts(spans: list[dict[str, Any]]) -> dict[int, float]:
    return {int(one["span_id"], 16): one["start"] for one in spans}


class TestAlign:
    def test_a_call_that_begins_before_its_caller_is_set_into_its_middle(self):
        found = align([span(1, None, "gateway", 100, 10), span(2, 1, "chat", 40, 4)])

        assert starts(found) == {1: 100, 2: 103}
        assert found[1]["attributes"][SKEW] == pytest.approx(63)
        assert found[1]["events"][0]["time"] == pytest.approx(103.1)

    def test_a_call_longer_than_its_caller_begins_with_it(self):
        assert starts(align([span(1, None, "a", 100, 1), span(2, 1, "b", 40, 9)]))[2] == 100

    def test_everything_below_in_the_same_service_moves_along(self):
        found = align(
            [
                span(1, None, "gateway", 100, 10),
                span(2, 1, "chat", 40, 4),
                span(3, 2, "chat", 41),
                span(4, 3, "chat", 41.5),
            ]
        )

        assert starts(found) == {1: 100, 2: 103, 3: 104, 4: 104.5}

    def test_within_one_service_nothing_moves(self):
        spans = [span(1, None, "chat", 100), span(2, 1, "chat", 90)]

        assert starts(align(spans)) == {1: 100, 2: 90}
        assert all(SKEW not in one["attributes"] for one in align(spans))

    def test_a_clock_that_is_ahead_within_its_caller_is_believed(self):
        spans = [span(1, None, "a", 100, 10), span(2, 1, "b", 109, 5)]

        assert starts(align(spans)) == {1: 100, 2: 109}

    def test_a_third_service_is_measured_against_its_moved_caller(self):
        spans = [span(1, None, "a", 100, 10), span(2, 1, "b", 0, 4), span(3, 2, "c", 500, 2)]
        found = starts(align(spans))

        assert found[2] == 103
        assert found[3] == 500

    def test_orphans_and_circles_stand_as_they_are(self):
        spans = [span(1, 2, "a", 5), span(2, 1, "b", 3), span(3, 99, "c", 4), span(4, 4, "d", 1)]

        assert starts(align(spans)) == {4: 1, 2: 3, 3: 4, 1: 5}

    def test_a_chain_of_thousands_is_no_matter(self):
        spans = [span(1, None, "a", 0)] + [
            span(number, number - 1, f"s{number % 2}", -number) for number in range(2, 5_000)
        ]

        assert min(starts(align(spans)).values()) == 0

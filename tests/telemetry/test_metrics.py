"""Series exist from the start, and never more than the cap."""

from __future__ import annotations

from affectscope.telemetry import RequestContext, Timings
from affectscope.telemetry.context import random_ids
from affectscope.telemetry.metrics import OVERFLOW, RequestMetrics


def answer(metrics: RequestMetrics, endpoint: str, error_type: str | None = None) -> None:
    context = RequestContext([], random_ids)
    metrics.ended(
        endpoint,
        "GET",
        500 if error_type else 200,
        error_type,
        0.1,
        0.1,
        0,
        1,
        Timings(),
        context,
        0.0,
    )


def test_known_endpoints_are_at_zero() -> None:
    metrics = RequestMetrics("chat", "chat", ["/a", "/b"], ["internal"])

    assert set(metrics.requests.series) == {("/a",), ("/b",), ("unmatched",)}
    assert set(metrics.processing.series) == {("/a",), ("/b",), ("unmatched",)}
    assert set(metrics.errors.series) == {
        (endpoint, "internal") for endpoint in ("/a", "/b", "unmatched")
    }
    assert all(series.value == 0 for series in metrics.requests.series.values())


def test_series_over_the_cap_are_counted_together() -> None:
    metrics = RequestMetrics("chat", "chat", ["/a"], ["internal"], series_limit=500)

    for number in range(1000):
        answer(metrics, f"/made-up/{number}", error_type=f"odd-{number}")

    lines = sum(family.lines * len(family.series) for family in metrics.families)
    counted = sum(series.value for series in metrics.requests.series.values())
    errors = sum(series.value for series in metrics.errors.series.values())
    assert lines < 600
    assert counted == errors == 1000
    assert metrics.requests.of(OVERFLOW).value > 900
    assert metrics.errors.of(OVERFLOW, OVERFLOW).value > 900


def test_a_known_series_still_counts_when_the_cap_is_reached() -> None:
    metrics = RequestMetrics("chat", "chat", ["/a"], ["internal"], series_limit=500)
    answer(metrics, "/a")
    for number in range(100):
        answer(metrics, f"/made-up/{number}")

    answer(metrics, "/a", error_type="internal")

    assert metrics.requests.of("/a").value >= 1
    assert metrics.errors.of("/a", "internal").value == 1


def test_exemplars_come_at_most_once_a_second() -> None:
    made = []

    def ids() -> str:
        made.append(1)
        return f"{len(made):064x}"

    metrics = RequestMetrics("chat", "chat", ["/a"], [], now=lambda: 5.0)
    for ended in (0.0, 0.5, 0.9, 1.1):
        context = RequestContext(
            [(b"traceparent", f"00-{'f' * 30}{ended * 10:02.0f}-{'1' * 16}-01".encode())], ids
        )
        metrics.ended("/a", "GET", 200, None, 0.2, 0.2, 0, 1, Timings(), context, ended)
        exemplars = list(metrics.duration.of("GET", "/a", "200").exemplars.values())
        expected = "00" if ended < 1 else "11"
        assert [one.labels["trace_id"][-2:] for one in exemplars] == [expected]

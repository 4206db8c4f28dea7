"""Instruments show what prometheus_client's own would show."""

from __future__ import annotations

import prometheus_client
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from affectscope.telemetry.instruments import Counters, FamilyCollector, Gauges, Histograms


def shown(*families: Counters | Gauges | Histograms) -> str:
    registry = CollectorRegistry()
    registry.register(FamilyCollector(families))
    return generate_latest(registry).decode()


@given(st.lists(st.floats(0, 20, allow_nan=False)))
def test_a_histogram_counts_like_the_clients_own(values: list[float]) -> None:
    bounds = (0.005, 0.1, 1.0, 10.0)
    ours = Histograms("spread_seconds", "Help.", bounds, ("kind",))
    registry = CollectorRegistry()
    theirs = prometheus_client.Histogram(
        "spread_seconds", "Help.", ("kind",), buckets=bounds, registry=registry
    )
    theirs.labels("a")
    ours.of("a")

    for value in values:
        ours.of("a").observe(value)
        theirs.labels("a").observe(value)

    expected = [
        line for line in generate_latest(registry).decode().splitlines() if "_created" not in line
    ]
    assert shown(ours).splitlines() == expected


def test_series_exist_at_zero_once_asked_for() -> None:
    counters = Counters("things", "Help.", ("kind",), {"service": "x"})

    counters.of("a")

    assert 'things_total{kind="a",service="x"} 0.0' in shown(counters)


def test_the_same_labels_give_the_same_series() -> None:
    gauges = Gauges("level", "Help.", ("kind",))

    assert gauges.of("a") is gauges.of("a")
    assert gauges.of("a") is not gauges.of("b")


@given(st.text(max_size=20))
def test_any_label_value_survives(value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    gauges = Gauges("level", "Help.", ("kind",))
    gauges.of(value).value = 2.0

    (family,) = text_string_to_metric_families(shown(gauges))

    assert family.samples[0].labels == {"kind": value}


def test_an_exemplar_is_kept_with_its_bucket() -> None:
    histograms = Histograms("spread_seconds", "Help.", (1.0, 2.0))
    series = histograms.of()
    series.observe(1.5)
    series.remember(1.5, "abc", 10.0)

    samples = {sample.labels.get("le"): sample.exemplar for sample in histograms.metric().samples}

    assert samples["1.0"] is None
    assert samples["2.0"] is not None
    assert samples["2.0"].labels == {"trace_id": "abc"}

"""OTLP metrics as samples: every kind of data, deltas added up, and numbers nobody expects."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1 import metrics_pb2

from affectscope.observatory import frames, otlp_metrics
from affectscope.observatory.database import Database
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.otlp_metrics import MetricReader, labels_of
from tests.observatory.store_parts import NOW, resource, text

DELTA = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE


@pytest.fixture
def store(tmp_path: Path):
    database = Database(tmp_path / "telemetry.db", (frames.SCHEMA,))
    yield MetricStore(database)
    database.close()


@pytest.fixture
def reader(store: MetricStore) -> MetricReader:
    return MetricReader(store)


def request(name: str = "jobs", unit: str = "", **data: Any) -> ExportMetricsServiceRequest:
    message = ExportMetricsServiceRequest()
    group = message.resource_metrics.add(resource=resource("robot"))
    group.scope_metrics.add().metrics.add(name=name, unit=unit, **data)
    return message


def number(value: float | int, when: float = NOW, *attributes: Any, **fields: Any) -> Any:
    kind = "as_int" if isinstance(value, int) else "as_double"
    return metrics_pb2.NumberDataPoint(
        time_unix_nano=int(when * 1e9), attributes=attributes, **{kind: value}, **fields
    )


def total(*points: Any, temporality: int = CUMULATIVE, monotonic: bool = True) -> metrics_pb2.Sum:
    return metrics_pb2.Sum(
        data_points=points,
        aggregation_temporality=temporality,  # type: ignore[arg-type]
        is_monotonic=monotonic,
    )


def shown(store: MetricStore) -> dict[tuple[str, str], list[float]]:
    """All values that are kept, by the name of the metric and its label `le` or `quantile`."""
    return {
        (labels["__name__"], labels.get("le", labels.get("quantile", ""))): values.tolist()
        for labels, _, values in store.select([], 0, NOW * 2)
    }


class TestKinds:
    def test_a_gauge(self, reader, store):
        data = metrics_pb2.Gauge(data_points=[number(3.5)])

        assert reader.take(request("heat", "Cel", gauge=data), NOW) == (1, 0)
        assert shown(store) == {("heat_celsius", ""): [3.5]}
        assert store.descriptions()["heat_celsius"][0] == "gauge"

    def test_a_counter_has_total_in_its_name_and_a_sum_that_may_fall_has_not(self, reader, store):
        reader.take(request("jobs", sum=total(number(3))), NOW)
        reader.take(request("open", sum=total(number(4, NOW + 1), monotonic=False)), NOW + 1)

        assert shown(store)[("jobs_total", "")][0] == 3
        assert shown(store)[("open", "")][-1] == 4

    def test_a_histogram_counts_up_to_each_bound(self, reader, store):
        point = metrics_pb2.HistogramDataPoint(
            count=6, sum=9.5, explicit_bounds=[1, 5], bucket_counts=[1, 2, 3], time_unix_nano=1
        )
        reader.take(request("wait", "s", histogram=metrics_pb2.Histogram(data_points=[point])), NOW)

        assert shown(store) == {
            ("wait_seconds_count", ""): [6],
            ("wait_seconds_sum", ""): [9.5],
            ("wait_seconds_bucket", "1.0"): [1],
            ("wait_seconds_bucket", "5.0"): [3],
            ("wait_seconds_bucket", "+Inf"): [6],
        }

    def test_an_exponential_histogram_has_bounds_that_are_powers_of_two(self, reader, store):
        point = metrics_pb2.ExponentialHistogramDataPoint(
            count=8,
            sum=20,
            scale=1,
            zero_count=1,
            # At scale 1 these are the buckets up to sqrt(2), 2, 2 sqrt(2), 4.
            positive=metrics_pb2.ExponentialHistogramDataPoint.Buckets(
                offset=0, bucket_counts=[1, 2, 0, 4]
            ),
        )
        data = metrics_pb2.ExponentialHistogram(data_points=[point])
        reader.take(request("wait", exponential_histogram=data), NOW)

        found = {le: values for (name, le), values in shown(store).items() if "bucket" in name}
        assert found == {"0.0": [1], "2.0": [4], "4.0": [8], "+Inf": [8]}

    def test_a_summary(self, reader, store):
        point = metrics_pb2.SummaryDataPoint(
            count=2,
            sum=3,
            quantile_values=[metrics_pb2.SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=7)],
        )
        reader.take(request("wait", summary=metrics_pb2.Summary(data_points=[point])), NOW)

        assert shown(store)[("wait", "0.5")] == [7]


class TestDeltas:
    def test_they_become_totals(self, reader, store):
        for step, value in enumerate((3, 4, 5)):
            reader.take(
                request(sum=total(number(value, NOW + step), temporality=DELTA)), NOW + step
            )

        assert shown(store)[("jobs_total", "")] == [3, 7, 12]

    def test_a_series_beyond_the_room_for_totals_is_dropped_and_counted(
        self, reader, store, monkeypatch
    ):
        monkeypatch.setattr(otlp_metrics, "_MOST_TOTALS", 1)
        points = [number(1, NOW, text("who", name)) for name in ("a", "b")]
        reader.take(request(sum=total(*points, temporality=DELTA)), NOW)

        assert store.dropped_series == 1
        assert len(shown(store)) == 1


class TestTimes:
    def test_what_comes_late_is_told_as_dropped(self, reader, store):
        assert reader.take(request(sum=total(number(1, NOW))), NOW) == (1, 0)
        assert reader.take(request(sum=total(number(1, NOW - 60))), NOW) == (0, 1)

    def test_a_clock_of_next_year_is_not_believed(self, reader, store):
        reader.take(request(sum=total(number(1, NOW + 400 * 86_400))), NOW)

        (times,) = [times for _, times, _ in store.select([], 0, NOW * 2)]
        assert times.tolist() == [NOW]


class TestHostile:
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 2**63 - 1])
    def test_odd_numbers_are_kept_as_they_are(self, reader, store, value):
        reader.take(request(gauge=metrics_pb2.Gauge(data_points=[number(value)])), NOW)

        found = [values for _, _, values in store.select([], 0, NOW * 2)]
        expected = [] if math.isnan(value) else [[float(value)]]
        assert [one.tolist() for one in found if not np.isnan(one).all()] == expected

    @pytest.mark.parametrize("scale", [-(2**31), -11, 0, 20, 2**31 - 1])
    @pytest.mark.parametrize("offset", [-(2**31), -1, 2**31 - 1])
    def test_exponential_buckets_of_any_scale(self, reader, store, scale, offset):
        point = metrics_pb2.ExponentialHistogramDataPoint(
            count=3,
            scale=scale,
            positive=metrics_pb2.ExponentialHistogramDataPoint.Buckets(
                offset=offset, bucket_counts=[1, 1, 1]
            ),
        )
        data = metrics_pb2.ExponentialHistogram(data_points=[point])

        taken, dropped = reader.take(request("wait", exponential_histogram=data), NOW)

        assert (taken > 2, dropped) == (True, 0)
        buckets = sorted(
            (float(le.replace("Inf", "inf")), values[0])
            for (name, le), values in shown(store).items()
            if name == "wait_bucket"
        )
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1] == (math.inf, 3)

    def test_buckets_without_counts_and_counts_without_buckets(self, reader, store):
        points = [
            metrics_pb2.HistogramDataPoint(count=1, explicit_bounds=[1, 2, 3], bucket_counts=[1]),
            metrics_pb2.HistogramDataPoint(
                count=1, bucket_counts=[1, 2], attributes=[text("other", "yes")]
            ),
        ]
        data = metrics_pb2.Histogram(data_points=points)

        assert reader.take(request("wait", histogram=data), NOW)[1] == 0

    def test_points_without_a_value_and_metrics_without_data_are_nothing(self, reader, store):
        missing = metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
        data = metrics_pb2.Gauge(data_points=[number(1.0, flags=missing)])

        assert reader.take(request(gauge=data), NOW) == (0, 0)
        assert reader.take(request(), NOW) == (0, 0)
        assert reader.take(ExportMetricsServiceRequest(), NOW) == (0, 0)

    def test_too_many_series_are_dropped_and_told(self, tmp_path):
        database = Database(tmp_path / "small.db", (frames.SCHEMA,))
        store = MetricStore(database, most_series=10)
        points = [number(1, NOW, text("who", str(one))) for one in range(25)]

        assert MetricReader(store).take(request(sum=total(*points)), NOW) == (10, 15)
        database.close()


class TestLabels:
    def test_names_that_become_the_same_share_one_label(self):
        assert labels_of([text("a.b", "1"), text("a-b", "2")]) == {"a_b": "2;1"}

    def test_there_are_at_most_32_of_bounded_length(self):
        found = labels_of(text(f"n{one:03}", "ü" * 1_000) for one in range(100))

        assert len(found) == 32
        assert max(len(value) for value in found.values()) == 256

    def test_who_sends_is_told_by_job_and_instance(self, reader, store):
        message = request(sum=total(number(1)))
        message.resource_metrics[0].resource.attributes.extend(
            [text("service.namespace", "shop"), text("service.instance.id", "i-7")]
        )
        reader.take(message, NOW)

        ((labels, _, _),) = store.select([], 0, NOW * 2)
        assert labels == {
            "__name__": "jobs_total",
            "job": "shop/robot",
            "instance": "i-7",
            "service": "robot",
        }

"""Metrics as they arrive: in the form of Prometheus, and from deltas to totals.

Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from affectscope.observatory.frames import MetricSample, MetricStore, TargetKey
from affectscope.observatory.otlp_names import label_name, metric_name
from affectscope.observatory.otlp_spans import service_of, time_of
from affectscope.observatory.otlp_values import LONGEST_NAME, attributes_of, encode

_MOST_TOTALS = 20_000
_MOST_LABELS = 32
_MOST_BUCKETS = 200
_DELTA = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE = metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

Labels = dict[str, str]
Key = tuple[TargetKey, str, tuple[tuple[str, str], ...]]


@dataclass
class _Frame:
    """All samples of one sender in one request."""

    key: TargetKey
    time: float = 0.0
    samples: list[MetricSample] = field(default_factory=list)


class MetricReader:
    """Turns OTLP metrics into samples of the store.

    The data points of one resource become one frame, at the latest of their times.

    Args:
        store: Gets the samples.
    """

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._totals: dict[Key, float] = {}

    def take(self, request: ExportMetricsServiceRequest, now: float) -> tuple[int, int]:
        """Keep the metrics of a request.

        Args:
            request: As it was sent.
            now: Seconds since the epoch.

        Returns:
            How many samples were kept, and how many were dropped.
        """
        frames: dict[TargetKey, _Frame] = {}
        for group in request.resource_metrics:
            key = _target(group.resource)
            frame = frames.setdefault(key, _Frame(key))
            for scope in group.scope_metrics:
                own = _scope_labels(scope.scope.name, scope.scope.version)
                for metric in scope.metrics:
                    self._metric(frame, metric, own)
        taken = dropped = 0
        for frame in frames.values():
            if frame.samples:
                when = time_of(round(frame.time * 1e9), now)
                lost = self._store.append(frame.key, when, frame.samples)
                dropped += lost
                taken += len(frame.samples) - lost
        return taken, dropped

    def _metric(self, frame: _Frame, metric: metrics_pb2.Metric, own: Labels) -> None:
        kind = metric.WhichOneof("data")
        if kind is None:
            return
        data = getattr(metric, kind)
        totals = kind == "sum" and data.is_monotonic
        name = metric_name(metric.name, metric.unit, total=totals, gauge=kind == "gauge")
        delta = getattr(data, "aggregation_temporality", 0) == _DELTA
        prometheus = {"gauge": "gauge", "sum": "counter" if totals else "gauge"}
        described = prometheus.get(kind, "summary" if kind == "summary" else "histogram")
        self._store.describe(name, described, metric.description)
        for point in data.data_points:
            if point.flags & _NO_VALUE:
                continue
            frame.time = max(frame.time, point.time_unix_nano / 1e9)
            labels = own | labels_of(point.attributes)
            for sample in _samples(kind, name, labels, point, totals):
                kept = self._total(frame.key, sample) if delta else sample
                if kept is not None:
                    frame.samples.append(kept)

    def _total(self, target: TargetKey, sample: MetricSample) -> MetricSample | None:
        """Return the sum of a delta and all before; None where there is no room for another."""
        key = (target, sample.name, tuple(sorted(sample.labels.items())))
        before = self._totals.get(key)
        if before is None and len(self._totals) >= _MOST_TOTALS:
            self._store.dropped_series += 1
            return None
        total = self._totals[key] = (before or 0.0) + sample.value
        return MetricSample(sample.name, sample.labels, total, sample.kind)


def labels_of(pairs: Iterable[KeyValue]) -> Labels:
    """Return attributes as labels; values of names that become the same are joined by `;`."""
    labels: Labels = {}
    for name, value in sorted(attributes_of(pairs).items())[:_MOST_LABELS]:
        text = value if isinstance(value, str) else encode(value)
        label = label_name(name)
        text = f"{labels[label]};{text}" if label in labels else text
        labels[label] = text[:LONGEST_NAME]
    return labels


def _target(resource: Resource) -> TargetKey:
    attributes = attributes_of(resource.attributes)
    service = service_of(resource)
    namespace = attributes.get("service.namespace")
    instance = attributes.get("service.instance.id")
    if instance is None:
        places = (attributes.get("host.name"), attributes.get("process.pid"))
        instance = ":".join(str(place) for place in places if place is not None)
    job = service if namespace is None else f"{namespace}/{service}"
    return TargetKey(service, str(instance)[:LONGEST_NAME], job[:LONGEST_NAME])


def _scope_labels(name: str, version: str) -> Labels:
    labels = {"otel_scope_name": name, "otel_scope_version": version}
    return {label: value[:LONGEST_NAME] for label, value in labels.items() if value}


def _samples(
    kind: str,
    name: str,
    labels: Labels,
    point: metrics_pb2.NumberDataPoint
    | metrics_pb2.HistogramDataPoint
    | metrics_pb2.ExponentialHistogramDataPoint
    | metrics_pb2.SummaryDataPoint,
    total: bool,
) -> Iterator[MetricSample]:
    if isinstance(point, metrics_pb2.NumberDataPoint):
        value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        yield MetricSample(name, labels, float(value), "counter" if total else "gauge")
        return
    yield MetricSample(f"{name}_count", labels, float(point.count), "counter")
    yield MetricSample(f"{name}_sum", labels, float(point.sum), "counter")
    if isinstance(point, metrics_pb2.SummaryDataPoint):
        for quantile in point.quantile_values[:_MOST_BUCKETS]:
            own = labels | {"quantile": _number(quantile.quantile)}
            yield MetricSample(name, own, quantile.value, "summary")
        return
    if isinstance(point, metrics_pb2.HistogramDataPoint):
        buckets = _explicit(point.explicit_bounds, point.bucket_counts)
    else:
        buckets = _exponential(point)
    for bound, count in buckets:
        own = labels | {"le": _number(bound)}
        yield MetricSample(f"{name}_bucket", own, float(count), "histogram")
    yield MetricSample(f"{name}_bucket", labels | {"le": "+Inf"}, float(point.count), "histogram")


def _explicit(bounds: Sequence[float], counts: Sequence[int]) -> Iterator[tuple[float, int]]:
    """Yield upper bounds and how many values are below each, without the infinite one."""
    below = 0
    for bound, count in zip(bounds[:_MOST_BUCKETS], counts, strict=False):
        below += count
        yield bound, below


def _exponential(
    point: metrics_pb2.ExponentialHistogramDataPoint,
) -> Iterator[tuple[float, int]]:
    """Yield upper bounds and how many values are below each, without the infinite one.

    Buckets are merged to powers of two at the finest, so that the bounds stay the same when the
    sender changes its scale: bucket i of scale s covers (b^i, b^(i+1)] with b = 2^(2^-s).

    Source: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
    """
    below = sum(point.negative.bucket_counts) + point.zero_count
    if below:
        yield 0.0, below
    scale = min(point.scale, 0)
    shift = min(point.scale - scale, 64)
    merged: dict[int, int] = {}
    for place, count in enumerate(point.positive.bucket_counts):
        if count:
            index = (point.positive.offset + place) >> shift
            merged[index] = merged.get(index, 0) + count
    for index in sorted(merged)[:_MOST_BUCKETS]:
        below += merged[index]
        exponent = (index + 1) * 2 ** min(-scale, 16)
        yield math.ldexp(1.0, max(-1074, exponent)) if exponent < 1024 else math.inf, below


def _number(value: float) -> str:
    """Return a bound as Prometheus writes it in labels."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)

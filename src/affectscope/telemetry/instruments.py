"""Counters, gauges and histograms that are cheap to feed, shown through prometheus_client.

Why not prometheus_client's own: a labelled `observe` there takes two locks, checks itself and walks
the buckets one by one, which is most of the microseconds that a request may cost. Here one series
is one small object with plain numbers. Writers on different threads must hold a lock of their
own; readers need none, for they copy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, Literal, TypeVar

from prometheus_client import Metric
from prometheus_client.samples import Exemplar


class Number:
    """The one value of a counter's or a gauge's series."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Histogram:
    """One series of a histogram.

    Args:
        bounds: Upper bounds of the buckets, ascending, without infinity.
    """

    __slots__ = ("bounds", "counts", "exemplars", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.exemplars: dict[int, Exemplar] = {}

    def observe(self, value: float) -> None:
        """Count `value` in the first bucket whose upper bound is not below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def remember(self, value: float, trace_id: str, timestamp: float) -> None:
        """Attach the trace of an observed value to its bucket, in place of an older one."""
        self.exemplars[bisect_left(self.bounds, value)] = Exemplar(
            {"trace_id": trace_id}, value, timestamp
        )


Series = TypeVar("Series", Number, Histogram)


class Family(ABC, Generic[Series]):
    """The series of one metric, by their label values.

    Args:
        name: Name of the metric, without `_total`.
        help: One sentence.
        labels: Label names.
        constant: Labels with one value for all series, such as the service.
    """

    kind: Literal["counter", "gauge", "histogram"]

    def __init__(
        self,
        name: str,
        help: str,
        labels: Sequence[str] = (),
        constant: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.help = help
        self.labels = tuple(labels)
        self.constant = dict(constant or {})
        self.series: dict[tuple[str, ...], Series] = {}

    def of(self, *values: str) -> Series:
        """The series with these label values, made at zero when it is new."""
        series = self.series.get(values)
        if series is None:
            series = self.series.setdefault(values, self._new())
        return series

    @property
    def lines(self) -> int:
        """How many lines one series takes when it is shown."""
        return 1

    def metric(self) -> Metric:
        """A copy of all series as prometheus_client shows them."""
        metric = Metric(self.name, self.help, self.kind)
        for values, series in self.series.copy().items():
            labels = {**self.constant, **dict(zip(self.labels, values, strict=True))}
            self._show(metric, labels, series)
        return metric

    @abstractmethod
    def _new(self) -> Series:
        """A series at zero."""

    @abstractmethod
    def _show(self, metric: Metric, labels: dict[str, str], series: Series) -> None:
        """Add the lines of one series to `metric`."""


class Counters(Family[Number]):
    """A metric that only grows."""

    kind = "counter"

    def _new(self) -> Number:
        return Number()

    def _show(self, metric: Metric, labels: dict[str, str], series: Number) -> None:
        metric.add_sample(f"{self.name}_total", labels, series.value)


class Gauges(Family[Number]):
    """A metric that goes up and down."""

    kind = "gauge"

    def _new(self) -> Number:
        return Number()

    def _show(self, metric: Metric, labels: dict[str, str], series: Number) -> None:
        metric.add_sample(self.name, labels, series.value)


class Histograms(Family[Histogram]):
    """A metric of how values are spread.

    Args:
        name: Name of the metric.
        help: One sentence.
        bounds: Upper bounds of the buckets, ascending, without infinity.
        labels: Label names.
        constant: Labels with one value for all series.
    """

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help: str,
        bounds: Sequence[float],
        labels: Sequence[str] = (),
        constant: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, help, labels, constant)
        self.bounds = tuple(bounds)
        self._edges = [*(str(float(bound)) for bound in self.bounds), "+Inf"]

    @property
    def lines(self) -> int:
        """One for each bucket, the last bucket, the count and the sum."""
        return len(self.bounds) + 3

    def _new(self) -> Histogram:
        return Histogram(self.bounds)

    def _show(self, metric: Metric, labels: dict[str, str], series: Histogram) -> None:
        counts, total = series.counts[:], series.total
        sofar = 0
        for index, (edge, count) in enumerate(zip(self._edges, counts, strict=True)):
            sofar += count
            metric.add_sample(
                f"{self.name}_bucket",
                {**labels, "le": edge},
                sofar,
                exemplar=series.exemplars.get(index),
            )
        metric.add_sample(f"{self.name}_count", labels, sofar)
        metric.add_sample(f"{self.name}_sum", labels, total)


class FamilyCollector:
    """Shows families to a `CollectorRegistry`.

    Args:
        families: What to show, in this order.
    """

    def __init__(self, families: Iterable[Counters | Gauges | Histograms]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        for family in self._families:
            yield family.metric()

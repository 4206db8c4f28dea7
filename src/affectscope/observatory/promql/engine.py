"""Answers PromQL queries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from promql_parser import Expr, MatrixSelector, ParenExpr, StringLiteral, SubqueryExpr

from affectscope.errors import InvalidValue
from affectscope.observatory.promql.errors import QueryError
from affectscope.observatory.promql.evaluation import Evaluation, Value
from affectscope.observatory.promql.parsing import parse
from affectscope.observatory.promql.source import Floats, Source
from affectscope.observatory.promql.vectors import Times, Vector, signature

MOST_STEPS = 11_000
"""Points of one series in an answer: Prometheus' limit."""

_LATEST = 1e11
"""Seconds since the epoch: the year 5138. Later times are milliseconds by mistake."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of an instant vector."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: points are pairs of seconds since the epoch and value."""

    labels: dict[str, str]
    points: list[tuple[float, float]]


class Engine:
    """Evaluates PromQL as Prometheus 2.42 does.

    Every method computes and may read the disk: call them from threads.

    Args:
        source: Where samples come from.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def instant(self, query: str, at: float) -> list[Sample] | float:
        """Answer a query at one time.

        Args:
            query: PromQL whose value is a vector or a number.
            at: Seconds since the epoch.

        Returns:
            The samples of the vector, or the number.

        Raises:
            QueryError: Not PromQL, above a limit, or not to be evaluated.
        """
        node = parse(query)
        times = _steps(at, at, 1.0)
        value = self._evaluate(node, times)
        if isinstance(value, np.ndarray):
            return float(value[0])
        rows = np.flatnonzero(value.present[:, 0])
        return [Sample(value.labels[row], float(value.values[row, 0])) for row in rows]

    def samples(self, query: str, at: float) -> list[Series] | None:
        """Answer a query whose value is a range of samples, such as `up[5m]`.

        Args:
            query: PromQL.
            at: Where the range ends, in seconds since the epoch.

        Returns:
            The samples as they are kept, by series; None if the query is of another kind.

        Raises:
            QueryError: As `instant` does.
        """
        node: Expr = parse(query)
        while isinstance(node, ParenExpr):
            node = node.expr
        if not isinstance(node, MatrixSelector | SubqueryExpr):
            return None
        times = _steps(at, at, 1.0)
        with _refusals():
            fetched = self._over(times).fetch(node)
        end = int(fetched.at[0])
        result = []
        for labels, (when, values) in zip(fetched.labels, fetched.series, strict=True):
            there = (when >= end - fetched.length) & (when <= end) & ~np.isnan(values)
            points = zip((when[there] / 1000).tolist(), values[there].tolist(), strict=True)
            if there.any():
                result.append(Series(labels, list(points)))
        return result

    def range(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """Answer a query at steps from `start` to `end`.

        Args:
            query: PromQL whose value is a vector or a number.
            start: Seconds since the epoch.
            end: Not before `start`; included where a step falls on it.
            step: Seconds, above 0; at most 11,000 steps.

        Returns:
            Series with the points of the steps at which they have a value, sorted by label.

        Raises:
            QueryError: Not PromQL, above a limit, or not to be evaluated.
        """
        node = parse(query)
        times = _steps(start, end, step)
        value = self._evaluate(node, times)
        if isinstance(value, np.ndarray):
            value = Vector([{}], value[np.newaxis], np.ones((1, len(times)), bool))
        seconds = times / 1000
        result = []
        for labels, values, present in zip(value.labels, value.values, value.present, strict=True):
            if present.any():
                points = zip(seconds[present].tolist(), values[present].tolist(), strict=True)
                result.append(Series(labels, list(points)))
        return sorted(result, key=lambda series: signature(series.labels))

    def _evaluate(self, node: Expr, times: Times) -> Vector | Floats:
        inner = node
        while isinstance(inner, ParenExpr):
            inner = inner.expr
        if isinstance(inner, StringLiteral):
            raise QueryError("a string is no answer; ask for a vector or a number")
        with _refusals():
            value: Value = self._over(times).evaluate(node)
        assert not isinstance(value, str)
        return value

    def _over(self, times: Times) -> Evaluation:
        return Evaluation(self._source, times, int(times[0]), int(times[-1]))


@contextmanager
def _refusals() -> Iterator[None]:
    """Make one kind of error of all for which a query is to blame."""
    try:
        yield
    except QueryError:
        raise
    except InvalidValue as error:
        raise QueryError(error.detail, "execution") from error
    except RecursionError as error:
        raise QueryError("the query is nested too deeply") from error


def _steps(start: float, end: float, step: float) -> Times:
    for name, value in (("start", start), ("end", end)):
        if not abs(value) < _LATEST:
            raise QueryError(f"{name} {value} is no time; use seconds since the epoch")
    if not 0.001 <= step < math.inf:
        raise QueryError(
            f"zero or negative query resolution step widths are not accepted: step is {step}; "
            "use seconds, at least 0.001"
        )
    if end < start:
        raise QueryError(f"end timestamp must not be before start time: {end} is before {start}")
    first, last, width = round(start * 1000), round(end * 1000), round(step * 1000)
    count = (last - first) // width + 1
    if count > MOST_STEPS:
        raise QueryError(
            f"exceeded maximum resolution of {MOST_STEPS} points per timeseries: {count}; "
            "try increasing the step"
        )
    return np.asarray(first + width * np.arange(count, dtype=np.int64))

"""Walks the syntax tree of a query and computes every node at all steps at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from promql_parser import (
    AggModifierType,
    AggregateExpr,
    AtModifierType,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from affectscope.observatory.matchers import NAME
from affectscope.observatory.promql import functions
from affectscope.observatory.promql.aggregation import aggregate
from affectscope.observatory.promql.binary import SETS, scalars, sets, vector_scalar, vector_vector
from affectscope.observatory.promql.errors import QueryError
from affectscope.observatory.promql.histogram import histogram_quantile
from affectscope.observatory.promql.parsing import matchers, matching, milliseconds
from affectscope.observatory.promql.source import Floats, Source
from affectscope.observatory.promql.vectors import (
    Labels,
    Times,
    Vector,
    signature,
)
from affectscope.observatory.promql.windows import (
    RANGE_FUNCTIONS,
    RANGE_FUNCTIONS_WITH_NUMBER,
    Ranges,
    grouped,
)

LOOKBACK = 300_000
"""Milliseconds for which a sample stands: Prometheus' default."""

SUBQUERY_STEP = 60_000
"""Milliseconds between the steps of a subquery that names none: Prometheus' default interval."""

MOST_SERIES = 50_000
MOST_SAMPLES = 5_000_000
"""Values (series times steps) of one node of a query."""

MOST_SUBQUERY_STEPS = 50_000
"""30 d at every minute, and some."""

Value = Vector | Floats | str


@dataclass(frozen=True, slots=True)
class Fetched:
    """Samples of the series of a selector or a subquery.

    Attributes:
        labels: Of each series.
        series: Times in milliseconds and values of each; series may share one array of times.
        at: Where the range of each step ends.
        length: Of the range; 0 for an instant selector.
    """

    labels: list[Labels]
    series: list[tuple[Times, Floats]]
    at: Times
    length: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One query over some steps.

    Args:
        source: Where samples come from.
        times: Of the steps, in milliseconds, ascending and equally far apart.
        start: Of the whole query, for `@ start()`.
        end: Of the whole query, for `@ end()`.
    """

    source: Source
    times: Times
    start: int
    end: int

    def evaluate(self, node: Expr) -> Value:
        """Return the value of a node at every step.

        Raises:
            QueryError: It cannot be computed.
        """
        match node:
            case NumberLiteral():
                return np.full(len(self.times), node.val)
            case StringLiteral():
                return str(node.val)
            case ParenExpr():
                return self.evaluate(node.expr)
            case VectorSelector():
                return self._instant(self._select(node, 0))[0]
            case UnaryExpr():
                return self._negative(self.evaluate(node.expr))
            case BinaryExpr():
                return self._binary(node)
            case AggregateExpr():
                return self._aggregate(node)
            case Call():
                return self._call(node)
            case _:
                raise QueryError(
                    "a range of samples is no value at a step; put it into a function such as rate"
                )

    def vector(self, node: Expr) -> Vector:
        """Evaluate a node that is an instant vector."""
        value = self.evaluate(node)
        if not isinstance(value, Vector):
            raise QueryError("an instant vector is needed here")
        return value

    def number(self, node: Expr) -> Floats:
        """Evaluate a node that is a number at every step."""
        value = self.evaluate(node)
        if not isinstance(value, np.ndarray):
            raise QueryError("a number is needed here")
        return value

    def text(self, node: Expr) -> str:
        """Evaluate a node that is a string."""
        value = self.evaluate(node)
        if not isinstance(value, str):
            raise QueryError("a string is needed here")
        return value

    def _shifted(self, node: VectorSelector | SubqueryExpr) -> Times:
        """Return the times that a selector looks at, after `@` and `offset`."""
        at = self.times
        if node.at is not None:
            try:
                named = self.start if node.at.type == AtModifierType.Start else self.end
                moment = named if node.at.at is None else round(node.at.at.timestamp() * 1000)
            except (OverflowError, ValueError) as error:
                raise QueryError(f"the time after @ is no time: {error}") from error
            at = np.full(len(at), moment)
        return np.asarray(at - milliseconds(node.offset))

    def _select(self, node: VectorSelector, length: int) -> Fetched:
        at = self._shifted(node)
        wanted = matchers(node)
        back = length or LOOKBACK
        step = int(self.times[1] - self.times[0]) if len(self.times) > 1 else 0
        # Thirty samples in a range give a rate as good as all; between steps one is looked at.
        resolution = (length / 30 if length else step) / 1000
        start, end = (int(at.min()) - back) / 1000, int(at.max()) / 1000
        found = self.source.select(wanted, start, end, resolution)
        found.sort(key=lambda series: signature(series[0]))
        self._check(len(found))
        rounded: dict[int, Times] = {}
        series = []
        for _, times, values in found:
            if id(times) not in rounded:
                rounded[id(times)] = np.rint(times * 1000).astype(np.int64)
            series.append((rounded[id(times)], values))
        return Fetched([labels for labels, _, _ in found], series, at, length)

    def _check(self, series: int) -> None:
        if series > MOST_SERIES:
            raise QueryError(
                f"the query meets {series} series; at most {MOST_SERIES}: narrow a selector",
                "execution",
            )
        if series * len(self.times) > MOST_SAMPLES:
            raise QueryError(
                f"the query makes {series} series of {len(self.times)} steps; at most "
                f"{MOST_SAMPLES} values: narrow a selector or widen the step",
                "execution",
            )

    def _instant(self, fetched: Fetched) -> tuple[Vector, Floats]:
        """Return the newest sample of each series at every step, and its time in seconds."""
        shape = (len(fetched.series), len(self.times))
        result = Vector(fetched.labels, np.zeros(shape), np.zeros(shape, bool))
        seconds = np.zeros(shape)
        shared: dict[int, list[int]] = {}
        for row, (times, _) in enumerate(fetched.series):
            shared.setdefault(id(times), []).append(row)
        for rows in shared.values():
            times = fetched.series[rows[0]][0]
            newest = np.searchsorted(times, fetched.at, side="right") - 1
            there = np.flatnonzero(
                (newest >= 0) & (times[np.maximum(newest, 0)] >= fetched.at - LOOKBACK)
            )
            for row in rows:
                values = fetched.series[row][1][newest[there]]
                result.values[row, there] = values
                # NaN is the mark of a series that has gone.
                result.present[row, there] = ~np.isnan(values)
                seconds[row, there] = times[newest[there]] / 1000
        some = np.flatnonzero(result.present.any(axis=1))
        return result.rows(some), seconds[some]

    def fetch(self, node: Expr) -> Fetched:
        """Return the samples of a node that is a range vector."""
        if isinstance(node, ParenExpr):
            return self.fetch(node.expr)
        if isinstance(node, MatrixSelector):
            return self._select(node.vector_selector, milliseconds(node.range))
        if isinstance(node, SubqueryExpr):
            return self._subquery(node)
        raise QueryError("a range of samples is needed here, such as metric[5m]")

    def _subquery(self, node: SubqueryExpr) -> Fetched:
        at = self._shifted(node)
        length = milliseconds(node.range)
        step = milliseconds(node.step) or SUBQUERY_STEP
        # Steps of subqueries lie at multiples of the step, whenever the query is made.
        first = -(-(int(at.min()) - length) // step) * step
        count = (int(at.max()) - first) // step + 1
        if count > MOST_SUBQUERY_STEPS:
            raise QueryError(
                f"the subquery has {count} steps; at most {MOST_SUBQUERY_STEPS}: widen its step",
                "execution",
            )
        times = first + step * np.arange(max(count, 0), dtype=np.int64)
        inner: Value = Vector.empty(0)
        if len(times):
            inner = replace(self, times=times).evaluate(node.expr)
        if isinstance(inner, np.ndarray):
            inner = Vector([{}], inner[np.newaxis], np.ones((1, len(times)), bool))
        assert isinstance(inner, Vector)
        series = [
            (times[there], values[there])
            for values, there in zip(inner.values, inner.present, strict=True)
        ]
        return Fetched(inner.labels, series, at, length)

    def _over_time(self, name: str, fetched: Fetched, number: Floats | None) -> Vector:
        shape = (len(fetched.series), len(self.times))
        result = Vector(fetched.labels, np.zeros(shape), np.zeros(shape, bool))
        for rows, times, values in grouped(fetched.series):
            ranges = Ranges.of(times, values, fetched.at, fetched.length)
            if not len(times):
                continue
            with np.errstate(all="ignore"):
                if number is None:
                    window = RANGE_FUNCTIONS[name](ranges)
                else:
                    window = RANGE_FUNCTIONS_WITH_NUMBER[name](ranges, number)
            result.values[rows], result.present[rows] = window
        result = result.rows(np.flatnonzero(result.present.any(axis=1)))
        return result if name == "last_over_time" else result.without_name()

    def _negative(self, value: Value) -> Value:
        if isinstance(value, Vector):
            return Vector(value.labels, -value.values, value.present).without_name()
        assert isinstance(value, np.ndarray)
        return -value

    def _binary(self, node: BinaryExpr) -> Value:
        operator = str(node.op)
        left, right = self.evaluate(node.lhs), self.evaluate(node.rhs)
        how = matching(node.modifier)
        bool_ = node.modifier is not None and node.modifier.return_bool
        if isinstance(left, Vector) and isinstance(right, Vector):
            if operator in SETS:
                return sets(operator, left, right, how)
            return vector_vector(operator, left, right, how, bool_)
        if isinstance(left, Vector) and isinstance(right, np.ndarray):
            return vector_scalar(operator, left, right, False, bool_)
        if isinstance(left, np.ndarray) and isinstance(right, Vector):
            return vector_scalar(operator, right, left, True, bool_)
        assert isinstance(left, np.ndarray)
        assert isinstance(right, np.ndarray)
        return scalars(operator, left, right)

    def _aggregate(self, node: AggregateExpr) -> Vector:
        vector = self.vector(node.expr)
        parameter: Any = None if node.param is None else self.evaluate(node.param)
        names = frozenset(node.modifier.labels if node.modifier is not None else ())
        without = node.modifier is not None and node.modifier.type == AggModifierType.Without
        return aggregate(str(node.op), vector, parameter, names, without)

    def _call(self, node: Call) -> Value:
        name, args = node.func.name, list(node.args)
        if name in RANGE_FUNCTIONS:
            return self._over_time(name, self.fetch(args[0]), None)
        if name == "quantile_over_time":
            return self._over_time(name, self.fetch(args[1]), self.number(args[0]))
        if name == "predict_linear":
            return self._over_time(name, self.fetch(args[0]), self.number(args[1]))
        if name in functions.EACH:
            return functions.each(name, self.vector(args[0]), [self.number(a) for a in args[1:]])
        if name in functions.CALENDAR:
            vector = self.vector(args[0]) if args else self._clock()
            return functions.calendar(name, vector)
        return self._special(name, args)

    def _special(self, name: str, args: list[Expr]) -> Value:
        match name:
            case "time":
                return self.times / 1000
            case "pi":
                return np.full(len(self.times), np.pi)
            case "vector":
                numbers = self.number(args[0])
                return Vector([{}], numbers[np.newaxis], np.ones((1, len(numbers)), bool))
            case "scalar":
                return functions.scalar(self.vector(args[0]))
            case "timestamp":
                return self._timestamp(args[0])
            case "absent":
                return functions.absent(self.vector(args[0]), _absent_labels(args[0]))
            case "absent_over_time":
                found = self._over_time("present_over_time", self.fetch(args[0]), None)
                return functions.absent(found, _absent_labels(args[0]))
            case "histogram_quantile":
                return histogram_quantile(self.number(args[0]), self.vector(args[1]))
            case "label_replace":
                target, replacement, source, regex = (self.text(arg) for arg in args[1:])
                return functions.label_replace(
                    self.vector(args[0]), target, replacement, source, regex
                )
            case "label_join":
                target, separator, *sources = (self.text(arg) for arg in args[1:])
                return functions.label_join(self.vector(args[0]), target, separator, sources)
            case "sort" | "sort_desc":
                return functions.sort(self.vector(args[0]), name == "sort_desc")
        raise QueryError(f"the function {name!r} is not supported")

    def _clock(self) -> Vector:
        return Vector([{}], self.times[np.newaxis] / 1000, np.ones((1, len(self.times)), bool))

    def _timestamp(self, node: Expr) -> Vector:
        while isinstance(node, ParenExpr):
            node = node.expr
        if isinstance(node, VectorSelector):
            vector, seconds = self._instant(self._select(node, 0))
            return Vector(vector.labels, seconds, vector.present).without_name()
        vector = self.vector(node)
        seconds = np.broadcast_to(self.times / 1000, vector.values.shape)
        return Vector(vector.labels, seconds, vector.present).without_name()


def _absent_labels(node: Expr) -> Labels:
    """Return the labels that a selector fixes; `absent` bears them."""
    if isinstance(node, MatrixSelector):
        node = node.vector_selector
    if not isinstance(node, VectorSelector):
        return {}
    labels: Labels = {}
    fixed: set[str] = set()
    for matcher in matchers(node):
        if matcher.operator == "=" and matcher.name not in fixed:
            labels[matcher.name] = matcher.value
            fixed.add(matcher.name)
        else:
            labels.pop(matcher.name, None)
    return {name: value for name, value in labels.items() if value and name != NAME}

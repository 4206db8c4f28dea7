"""Aggregation operators: `sum by (service) (…)` and their like."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.matchers import NAME
from affectscope.observatory.promql.errors import QueryError
from affectscope.observatory.promql.source import Floats
from affectscope.observatory.promql.vectors import (
    Flags,
    Labels,
    Signature,
    Vector,
    dropped,
    kept,
    merged,
    signature,
)
from affectscope.observatory.promql.windows import quantiles

Rows = NDArray[np.intp]

_MOST_VALUES = 10_000
"""Distinct values that `count_values` may make into series."""


def _grouping(vector: Vector, names: frozenset[str], without: bool) -> dict[Signature, list[int]]:
    groups: dict[Signature, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        own = dropped(labels, names | {NAME}) if without else kept(labels, names)
        groups.setdefault(signature(own), []).append(row)
    return groups


def _mean(values: Floats, present: Flags) -> Floats:
    return np.asarray(np.where(present, values, 0.0).sum(axis=0) / present.sum(axis=0))


def _variance(values: Floats, present: Flags) -> Floats:
    return _mean((values - _mean(values, present)) ** 2, present)


# Each takes the values and the presence of one group, shape (series, steps), and returns one value
# for each step; those of steps where nothing is present are thrown away. The least and the greatest
# are NaN only where all values are.
_SIMPLE: dict[str, Callable[[Floats, Flags], Floats]] = {
    "sum": lambda values, present: np.where(present, values, 0.0).sum(axis=0),
    "avg": _mean,
    "min": lambda values, present: np.fmin.reduce(np.where(present, values, np.nan), axis=0),
    "max": lambda values, present: np.fmax.reduce(np.where(present, values, np.nan), axis=0),
    "count": lambda values, present: present.sum(axis=0).astype(float),
    "group": lambda values, present: np.ones(values.shape[1]),
    "stdvar": _variance,
    "stddev": lambda values, present: np.sqrt(_variance(values, present)),
}


def aggregate(
    operator: str,
    vector: Vector,
    parameter: Floats | str | None,
    names: frozenset[str],
    without: bool,
) -> Vector:
    """Apply an aggregation operator.

    Args:
        operator: As PromQL names it.
        vector: What to aggregate.
        parameter: Numbers at every step (`topk`, `bottomk`, `quantile`) or a label
            (`count_values`).
        names: Labels to group by, or to leave out.
        without: Whether they are left out.

    Returns:
        One series for each group; for `topk` and `bottomk` the chosen series as they were.

    Raises:
        QueryError: An operator that is not known, or a parameter that does not fit.
    """
    groups = _grouping(vector, names, without)
    with np.errstate(all="ignore"):
        if operator in _SIMPLE:
            return _reduce(vector, groups, _SIMPLE[operator])
        if operator in ("topk", "bottomk") and isinstance(parameter, np.ndarray):
            return _extremes(vector, groups, parameter, operator == "topk")
        if operator == "quantile" and isinstance(parameter, np.ndarray):
            phi = parameter

            def quantile(values: Floats, present: Flags) -> Floats:
                result = np.zeros(values.shape[1])
                for step in np.flatnonzero(present.any(axis=0)):
                    there = values[present[:, step], step]
                    result[step] = quantiles(float(phi[step]), there[np.newaxis])[0]
                return result

            return _reduce(vector, groups, quantile)
        if operator == "count_values" and isinstance(parameter, str):
            return _count_values(vector, groups, parameter)
    known = ", ".join([*_SIMPLE, "topk", "bottomk", "quantile", "count_values"])
    raise QueryError(f"unknown aggregation {operator!r}; known are {known}")


def _reduce(
    vector: Vector,
    groups: dict[Signature, list[int]],
    function: Callable[[Floats, Flags], Floats],
) -> Vector:
    shape = (len(groups), vector.values.shape[1])
    values, present = np.empty(shape), np.empty(shape, bool)
    for group, rows in enumerate(groups.values()):
        values[group] = function(vector.values[rows], vector.present[rows])
        present[group] = vector.present[rows].any(axis=0)
    return Vector([dict(key) for key in groups], values, present)


def _extremes(
    vector: Vector, groups: dict[Signature, list[int]], parameter: Floats, greatest: bool
) -> Vector:
    """Keep the k greatest or least of each group; NaN is chosen last, the earlier series first."""
    present = np.zeros_like(vector.present)
    chosen = np.arange(0)
    keys = -vector.values if greatest else vector.values
    for step, wanted in enumerate(parameter.tolist()):
        if math.isnan(wanted) or abs(wanted) > 2**62:
            raise QueryError(
                f"the parameter {wanted} is no number of series; use a whole number", "execution"
            )
        ranked: list[Rows] = []
        for rows in groups.values():
            there = np.array([row for row in rows if vector.present[row, step]], int)
            order = np.argsort(keys[there, step], kind="stable")[: max(int(wanted), 0)]
            ranked.append(there[order])
        chosen = np.concatenate(ranked) if ranked else chosen
        present[chosen, step] = True
    result = Vector(vector.labels, vector.values, present)
    # An instant query shows them in this order; a range query sorts its series by label.
    return result.rows(chosen) if len(parameter) == 1 else result


def _count_values(vector: Vector, groups: dict[Signature, list[int]], label: str) -> Vector:
    if not label.isidentifier() or not label.isascii():
        raise QueryError(f"invalid label name {label!r}; use letters, digits and _", "execution")
    counts: dict[Signature, tuple[Labels, Floats]] = {}
    steps = vector.values.shape[1]
    for key, rows in groups.items():
        for row in rows:
            for step in np.flatnonzero(vector.present[row]):
                text = go_number(float(vector.values[row, step]))
                labels = {**dict(key), label: text}
                if len(counts) > _MOST_VALUES:
                    raise QueryError(
                        f"count_values met more than {_MOST_VALUES} values", "execution"
                    )
                counts.setdefault(signature(labels), (labels, np.zeros(steps)))[1][step] += 1
    if not counts:
        return Vector.empty(steps)
    values = np.array([count for _, count in counts.values()])
    return merged(Vector([labels for labels, _ in counts.values()], values, values > 0))


def go_number(value: float) -> str:
    """Write a number as Prometheus does: the fewest digits that read back as the same, no exponent.

    Args:
        value: Any float.

    Returns:
        Text such as `0.1`, `1500`, `NaN`, `+Inf`.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value).removesuffix(".0")
    return np.format_float_positional(value, trim="-") if "e" in text else text

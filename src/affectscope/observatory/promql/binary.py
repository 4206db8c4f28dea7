"""Binary operators between numbers and vectors, with Prometheus' rules of matching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

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
    stacked,
)

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SETS = ("and", "or", "unless")

Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]


@dataclass(frozen=True, slots=True)
class Matching:
    """How the series of two vectors find each other.

    Attributes:
        cardinality: Which side may have several series for one of the other.
        on: Whether `labels` are those that must agree, or those that need not.
        labels: Names.
        include: Labels that the many side takes from the one side.
    """

    cardinality: Cardinality = "one-to-one"
    on: bool = False
    labels: frozenset[str] = frozenset()
    include: tuple[str, ...] = ()

    def key(self, labels: Labels) -> Signature:
        """Return what must agree."""
        if self.on:
            return signature(kept(labels, self.labels))
        return signature(dropped(labels, self.labels | {NAME}))

    def rows(self, vector: Vector) -> dict[Signature, list[int]]:
        """Return the rows of each group of series that a partner cannot tell apart."""
        rows: dict[Signature, list[int]] = {}
        for row, labels in enumerate(vector.labels):
            rows.setdefault(self.key(labels), []).append(row)
        return rows


def scalars(operator: str, left: Floats, right: Floats) -> Floats:
    """Apply an operator to two numbers at every step."""
    with np.errstate(all="ignore"):
        return np.asarray((ARITHMETIC | COMPARISONS)[operator](left, right), float)


def _apply(
    operator: str, left: Floats, right: Floats, sample: Floats, bool_: bool
) -> tuple[Floats, Flags]:
    """Return values, and which of them stay: a comparison without `bool` filters."""
    with np.errstate(all="ignore"):
        if operator in ARITHMETIC:
            values = np.asarray(ARITHMETIC[operator](left, right))
            return values, np.ones(values.shape, bool)
        holds = np.asarray(COMPARISONS[operator](left, right))
    if bool_:
        return holds.astype(float), np.ones(holds.shape, bool)
    return np.broadcast_to(sample, holds.shape), holds


def vector_scalar(
    operator: str, vector: Vector, scalar: Floats, swapped: bool, bool_: bool
) -> Vector:
    """Apply an operator to a vector and a number.

    Args:
        operator: Arithmetic or comparison.
        vector: Whose samples a comparison keeps, on either side.
        scalar: Shape (steps,).
        swapped: Whether the number stands on the left.
        bool_: Whether a comparison answers 0 or 1 instead of filtering.

    Returns:
        A vector; without metric names unless samples were only filtered.
    """
    left, right = (scalar, vector.values) if swapped else (vector.values, scalar)
    values, stay = _apply(operator, left, right, vector.values, bool_)
    result = Vector(vector.labels, values, vector.present & stay)
    return result.without_name() if operator in ARITHMETIC or bool_ else result


def vector_vector(
    operator: str, left: Vector, right: Vector, matching: Matching, bool_: bool
) -> Vector:
    """Apply an arithmetic operator or a comparison to the matching series of two vectors.

    Raises:
        QueryError: A series has several partners where it may have one.
    """
    steps = left.values.shape[1]
    swapped = matching.cardinality == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    # Prometheus looks for partners only at steps where both sides have samples.
    both = np.asarray(many.present.any(axis=0) & one.present.any(axis=0))
    partners = _partners(one, matching, both, "left" if swapped else "right")
    labels: list[Labels] = []
    values: list[Floats] = []
    present: list[Flags] = []
    taken: dict[Signature, Flags] = {}
    for row, own in enumerate(many.labels):
        key = matching.key(own)
        for partner_labels, partner_values, partner_present in partners.get(key, ()):
            there = many.present[row] & partner_present & both
            if not there.any():
                continue
            ours = many.values[row]
            a, b = (partner_values, ours) if swapped else (ours, partner_values)
            value, stay = _apply(operator, a, b, a, bool_)
            there = there & stay
            result = _result_labels(own, partner_labels, operator, matching, bool_)
            identity = key if matching.cardinality == "one-to-one" else signature(result)
            before = taken.setdefault(identity, np.zeros(steps, bool))
            if np.any(before & there):
                raise QueryError(
                    "multiple matches for labels: many-to-one matching must be explicit "
                    "(group_left/group_right)"
                    if matching.cardinality == "one-to-one"
                    else "multiple matches for labels: grouping labels must ensure unique matches",
                    "execution",
                )
            before |= there
            labels.append(result)
            values.append(value)
            present.append(there)
    if not labels:
        return Vector.empty(steps)
    return merged(Vector(labels, np.array(values), np.array(present)))


def _partners(
    one: Vector, matching: Matching, both: Flags, side: str
) -> dict[Signature, list[tuple[Labels, Floats, Flags]]]:
    partners: dict[Signature, list[tuple[Labels, Floats, Flags]]] = {}
    for key, rows in matching.rows(one).items():
        if len(rows) > 1 and np.any(one.present[rows].sum(axis=0)[both] > 1):
            first, second = (one.labels[row] for row in rows[:2])
            raise QueryError(
                f"found duplicate series for the match group {dict(key)} on the {side} hand-side "
                f"of the operation: [{second}, {first}]; many-to-many matching not allowed: "
                "matching labels must be unique on one side",
                "execution",
            )
        partners[key] = [(one.labels[row], one.values[row], one.present[row]) for row in rows]
    return partners


def _result_labels(
    many: Labels, one: Labels, operator: str, matching: Matching, bool_: bool
) -> Labels:
    labels = dict(many)
    if operator in ARITHMETIC or bool_:
        labels.pop(NAME, None)
    if matching.cardinality == "one-to-one":
        choose = kept if matching.on else dropped
        labels = choose(labels, matching.labels)
    for name in matching.include:
        if name in one:
            labels[name] = one[name]
        else:
            labels.pop(name, None)
    return labels


def sets(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Apply `and`, `or` or `unless`."""
    steps = left.values.shape[1]
    if operator == "or":
        there = _presence(left, matching)
        mask = _mask(right, matching, there, steps)
        rest = Vector(right.labels, right.values, right.present & ~mask)
        return stacked([_pruned(left), _pruned(rest)], steps)
    mask = _mask(left, matching, _presence(right, matching), steps)
    return Vector(left.labels, left.values, left.present & (mask if operator == "and" else ~mask))


def _presence(vector: Vector, matching: Matching) -> dict[Signature, Flags]:
    return {
        key: np.asarray(vector.present[rows].any(axis=0))
        for key, rows in matching.rows(vector).items()
    }


def _mask(vector: Vector, matching: Matching, there: dict[Signature, Flags], steps: int) -> Flags:
    never = np.zeros(steps, bool)
    rows = [there.get(matching.key(labels), never) for labels in vector.labels]
    return np.array(rows, bool).reshape(len(rows), steps)


def _pruned(vector: Vector) -> Vector:
    return vector.rows(np.flatnonzero(vector.present.any(axis=1)))

"""Values of an expression at all steps at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.matchers import NAME
from affectscope.observatory.promql.errors import QueryError
from affectscope.observatory.promql.source import Floats

Flags = NDArray[np.bool_]
Times = NDArray[np.int64]
"""Milliseconds since the epoch, as Prometheus counts."""
Labels = dict[str, str]
Signature = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Vector:
    """An instant vector at every step.

    A sample that is there may well be NaN (0 / 0), hence the flags.

    Attributes:
        labels: Of each series; none has an empty value.
        values: Shape (series, steps).
        present: Shape (series, steps): whether the series has a sample at that step.
    """

    labels: list[Labels]
    values: Floats
    present: Flags

    @staticmethod
    def empty(steps: int) -> Vector:
        """Return a vector without series."""
        return Vector([], np.empty((0, steps)), np.empty((0, steps), bool))

    def rows(self, rows: NDArray[np.intp]) -> Vector:
        """Return some of the series."""
        return Vector([self.labels[row] for row in rows], self.values[rows], self.present[rows])

    def without_name(self) -> Vector:
        """Drop the metric name of all series."""
        return merged(
            Vector([dropped(it, (NAME,)) for it in self.labels], self.values, self.present)
        )


def signature(labels: Mapping[str, str]) -> Signature:
    """Return labels as something that can be compared and sorted."""
    return tuple(sorted(labels.items()))


def kept(labels: Labels, names: Collection[str]) -> Labels:
    """Return those labels alone."""
    return {name: value for name, value in labels.items() if name in names}


def dropped(labels: Labels, names: Collection[str]) -> Labels:
    """Return all labels but those."""
    return {name: value for name, value in labels.items() if name not in names}


def merged(vector: Vector) -> Vector:
    """Make one series of those that bear the same labels at different steps.

    Raises:
        QueryError: Two series bear the same labels at the same step.
    """
    rows: dict[Signature, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        rows.setdefault(signature(labels), []).append(row)
    if len(rows) == len(vector.labels):
        return vector
    first = np.array([same[0] for same in rows.values()])
    result = vector.rows(first)
    for row, same in enumerate(rows.values()):
        for other in same[1:]:
            there = vector.present[other]
            if np.any(result.present[row] & there):
                raise QueryError(
                    "vector cannot contain metrics with the same labelset", "execution"
                )
            result.values[row][there] = vector.values[other][there]
            result.present[row] |= there
    return result


def stacked(vectors: list[Vector], steps: int) -> Vector:
    """Put the series of several vectors into one."""
    filled = [vector for vector in vectors if vector.labels]
    if not filled:
        return Vector.empty(steps)
    return merged(
        Vector(
            [labels for vector in filled for labels in vector.labels],
            np.vstack([vector.values for vector in filled]),
            np.vstack([vector.present for vector in filled]),
        )
    )

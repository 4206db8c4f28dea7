"""`histogram_quantile`, as Prometheus 2.42 computes it (promql/quantile.go)."""

from __future__ import annotations

import numpy as np

from affectscope.observatory.matchers import NAME
from affectscope.observatory.promql.source import Floats
from affectscope.observatory.promql.vectors import Labels, Vector, dropped, signature


def histogram_quantile(phi: Floats, vector: Vector) -> Vector:
    """Estimate quantiles from the cumulative buckets of histograms.

    Values are taken to be spread evenly within a bucket; the lowest begins at 0 unless its bound is
    not above 0; a quantile in the bucket without bound is the highest finite bound.

    Args:
        phi: At every step; below 0 gives -Inf, above 1 gives +Inf.
        vector: Buckets with the label `le`; series without a number there are left out.

    Returns:
        One series for each histogram, without `le` and the metric name.
    """
    histograms: dict[object, tuple[Labels, list[tuple[float, int]]]] = {}
    for row, labels in enumerate(vector.labels):
        try:
            bound = float(labels.get("le", ""))
        except ValueError:
            continue
        own = dropped(labels, ("le", NAME))
        histograms.setdefault(signature(own), (own, []))[1].append((bound, row))
    steps = vector.values.shape[1]
    result = Vector(
        [labels for labels, _ in histograms.values()],
        np.zeros((len(histograms), steps)),
        np.zeros((len(histograms), steps), bool),
    )
    for number, (_, buckets) in enumerate(histograms.values()):
        buckets.sort()
        bounds = np.array([bound for bound, _ in buckets])
        rows = [row for _, row in buckets]
        there = vector.present[rows]
        result.present[number] = there.any(axis=0)
        # Buckets may be there at some steps only: steps with the same ones are computed together.
        patterns, which = np.unique(there, axis=1, return_inverse=True)
        for pattern in range(patterns.shape[1]):
            at = np.flatnonzero(which.reshape(-1) == pattern)
            some = patterns[:, pattern]
            if some.any():
                counts = vector.values[rows][some][:, at]
                result.values[number, at] = _quantile(phi[at], bounds[some], counts)
    return result


def _quantile(phi: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Return the quantile of one histogram at every step.

    Args:
        phi: Shape (steps,).
        bounds: Ascending, shape (buckets,).
        counts: Cumulative, shape (buckets, steps).
    """
    result = np.full(len(phi), np.nan)
    if np.isposinf(bounds[-1]):
        # Bounds written in two ways (1 and 1.0) are one bucket.
        unique, first = np.unique(bounds, return_index=True)
        counts = np.add.reduceat(counts, first, axis=0)
        # Scraped or summed at different moments, buckets may fall; Prometheus raises them.
        counts = np.fmax.accumulate(counts, axis=0)
        if len(unique) > 1:
            result = _interpolated(phi, unique, counts)
    result[phi < 0] = -np.inf
    result[phi > 1] = np.inf
    return result


def _interpolated(phi: Floats, bounds: Floats, counts: Floats) -> Floats:
    steps = np.arange(len(phi))
    observations = counts[-1]
    with np.errstate(all="ignore"):
        rank = phi * observations
        reached = counts[:-1] >= rank
        bucket = np.where(reached.any(axis=0), reached.argmax(axis=0), len(bounds) - 1)
        below = np.maximum(bucket - 1, 0)
        start = np.where(bucket > 0, bounds[below], 0.0)
        under = np.where(bucket > 0, counts[below, steps], 0.0)
        inside = counts[bucket, steps] - under
        result = start + (bounds[bucket] - start) * ((rank - under) / inside)
    result = np.where((bucket == 0) & (bounds[0] <= 0), bounds[0], result)
    result = np.where(bucket == len(bounds) - 1, bounds[-2], result)
    return np.where((observations == 0) | np.isnan(phi), np.nan, result)

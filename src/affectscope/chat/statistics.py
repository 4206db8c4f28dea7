"""The statistics of a conversation: slopes, changes of level, and correlation, each with its doubt.

All tests are by permutation of blocks, not of single points: what somebody writes resembles what
they wrote just before, and a test that takes each message for independent of the last finds changes
and correlations where there are none. The seed is fixed: the same conversation gets the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PERMUTATIONS = 999
_AT_ONCE = 111
"""Permutations that are in memory at once."""

LEAST_STRETCH = 6
"""Messages on either side of a turning point."""

_SIGNIFICANT = 0.01
"""Stricter than usual: a long conversation is searched at several places."""

_MOST_SLOPES = 400
"""Points between whose pairs slopes are taken; of more, as many evenly spaced ones."""

_MOST_POINTS = 1000
"""Points that are searched for changes; of more, means of stretches of equal length."""

_MOST_CHANGES = 20


@dataclass(frozen=True)
class Slope:
    """A robust slope with its 95 % interval, change of value from one point to the next."""

    slope: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """A change of level at a point.

    Attributes:
        at: First point of the new level.
        before: Mean of the stretch that ends there.
        after: Mean of the stretch that begins there.
        p_value: How often chance alone makes a change as large.
    """

    at: int
    before: float
    after: float
    p_value: float


def theil_sen(values: Values) -> Slope:
    """Return the median slope between all pairs of points.

    The interval is Sen's (1968, J. Am. Stat. Assoc. 63), from the variance of Kendall's S without
    ties; it takes the points for independent, so it is somewhat too narrow where they are not.

    Args:
        values: At least 3, one for each of equally spaced points.
    """
    n = len(values)
    points = np.unique(np.linspace(0, n - 1, min(n, _MOST_SLOPES)).round().astype(int))
    first, second = np.triu_indices(len(points), 1)
    run = points[second] - points[first]
    slopes = np.sort((values[points[second]] - values[points[first]]) / run)
    count = len(points)
    reach = 1.959964 * np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = int(np.floor((len(slopes) - reach) / 2))
    high = int(np.ceil((len(slopes) + reach) / 2))
    return Slope(
        float(np.median(slopes)),
        float(slopes[max(low, 0)]),
        float(slopes[min(high, len(slopes) - 1)]),
    )


def changes(values: Values) -> list[Change]:
    """Find where the level of a series changes.

    The point with the largest CUSUM, |S_k| / sqrt(k (n - k) / n) with S_k the sum of the first k
    deviations from the mean, is a change where permutations of the series hardly ever have one as
    large; each side is then searched in the same way (binary segmentation, Vostrikova 1981). Single
    messages do not count: every stretch has at least `LEAST_STRETCH`.

    Args:
        values: In order.
    """
    block = -(-len(values) // _MOST_POINTS)
    if block > 1:
        # Beyond a thousand points single ones tell nothing any more; their means do.
        whole = len(values) // block * block
        coarse = values[:whole].reshape(-1, block).mean(1)
    else:
        coarse = values
    least = max(1, -(-LEAST_STRETCH // block))
    random = np.random.default_rng(0)
    found: list[tuple[int, float]] = []
    waiting = [(0, len(coarse))]
    while waiting and len(found) < _MOST_CHANGES:
        start, end = waiting.pop(0)
        part = coarse[start:end]
        if len(part) < 2 * least or np.ptp(part) == 0:
            continue
        at, size = _largest(part[None], least)
        larger = sum(
            int((_largest(rows, least)[1] >= size[0]).sum()) for rows in _shuffled(part, random)
        )
        p_value = (1 + larger) / (1 + PERMUTATIONS)
        if p_value > _SIGNIFICANT:
            continue
        split = start + int(at[0])
        found.append((split * block, p_value))
        waiting += [(start, split), (split, end)]
    found.sort()
    edges = [0, *(at for at, _ in found), len(values)]
    return [
        Change(
            at,
            float(values[edges[i] : at].mean()),
            float(values[at : edges[i + 2]].mean()),
            p_value,
        )
        for i, (at, p_value) in enumerate(found)
    ]


def _largest(rows: Values, least: int) -> tuple[NDArray[np.int64], Values]:
    """Return place and size of the largest CUSUM of each row [m, n]."""
    n = rows.shape[1]
    k = np.arange(least, n - least + 1)
    sums = np.cumsum(rows - rows.mean(1, keepdims=True), axis=1)[:, k - 1]
    sizes = np.abs(sums) / np.sqrt(k * (n - k) / n)
    best = sizes.argmax(1)
    return k[best], sizes[np.arange(len(rows)), best]


def correlation(one: Values, other: Values) -> tuple[float, float] | None:
    """Return Spearman's correlation of two series without their linear trends, and its p value.

    Without their trends, because two series that both rise are correlated whether or not one has
    to do with the other. The p value is two-sided, by permutation.

    Returns:
        None where one of them does not vary.
    """
    ranked = [_ranks(_detrended(series)) for series in (one, other)]
    if any(np.ptp(ranks) == 0 for ranks in ranked):
        return None
    first, second = (
        (ranks - ranks.mean()) / np.linalg.norm(ranks - ranks.mean()) for ranks in ranked
    )
    found = float(first @ second)
    larger = sum(
        int((np.abs(rows @ first) >= abs(found) - 1e-12).sum())
        for rows in _shuffled(second, np.random.default_rng(0))
    )
    return min(1.0, max(-1.0, found)), (1 + larger) / (1 + PERMUTATIONS)


def _shuffled(values: Values, random: np.random.Generator) -> Iterator[Values]:
    """Yield `PERMUTATIONS` rows in all, each the series in blocks of another order, [m, n].

    Blocks have about the cube root of n points (Kuensch 1989, Ann. Stat. 17), which keeps most of
    how each point resembles the one before, and begin at a random point, the series closed to a
    ring.
    """
    n = len(values)
    size = max(1, round(n ** (1 / 3)))
    starts = np.arange(0, n, size)
    within = np.arange(size)
    for _ in range(PERMUTATIONS // _AT_ONCE):
        order = random.permuted(np.tile(starts, (_AT_ONCE, 1)), axis=1)
        places = (order[:, :, None] + within).reshape(_AT_ONCE, -1)
        # The last block may be short: what it lacks is left out.
        places = places[places < n].reshape(_AT_ONCE, n)
        yield values[(places + random.integers(0, n, (_AT_ONCE, 1))) % n]


def _detrended(values: Values) -> Values:
    place = np.arange(len(values), dtype=np.float64)
    place -= place.mean()
    rest = values - values.mean() - place * (place @ values) / (place @ place)
    # What only rounding has left is no variation.
    return np.where(np.abs(rest) < 1e-9, 0.0, rest)


def _ranks(values: Values) -> Values:
    """Return ranks, equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place], np.float64)

"""HdrHistograms of seconds: percentiles, curves, and what is added up.

HdrHistogram's own functions walk all 23,552 counters in Python, which takes 90 ms: for so long the
generator that asks for its figures once a second would send nothing. Here numpy does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

Whole = npt.NDArray[np.int64]

PERCENTILES = (50, 75, 90, 95, 99, 99.9)
CURVE = (
    *(0, 10, 20, 30, 40, 50, 55, 60, 65, 70, 75, 77.5, 80, 82.5, 85, 87.5, 90, 91.25, 92.5, 93.75),
    *(95, 96, 97, 98, 98.5, 99, 99.25, 99.5, 99.75, 99.9, 99.95, 99.975, 99.99, 99.999, 100),
)
"""Percentiles of a drawn curve, closer to each other where they come near to 100."""

MICROSECONDS = 1_000_000
_LONGEST = 3600 * MICROSECONDS
_DIGITS = 3


def histogram() -> HdrHistogram:
    """Return an empty histogram of microseconds, 1 us to 1 h, exact to three digits."""
    return HdrHistogram(1, _LONGEST, _DIGITS)


def microseconds(seconds: float) -> int:
    """Return a time as a histogram takes it."""
    return min(max(int(seconds * MICROSECONDS), 1), _LONGEST)


def total(of: Iterable[HdrHistogram]) -> HdrHistogram:
    """Return the sum of histograms."""
    whole = histogram()
    for one in of:
        whole.add(one)
    return whole


def percentile_name(percent: float) -> str:
    """Return the field of a percentile, such as ``p99_9_seconds``."""
    return f"p{percent:g}_seconds".replace(".", "_")


def times(found: HdrHistogram) -> dict[str, float | None]:
    """Return mean, percentiles and greatest value in seconds; null where nothing was recorded."""
    names = ["mean_seconds", *map(percentile_name, PERCENTILES), "max_seconds"]
    if not found.get_total_count():
        return dict.fromkeys(names)
    least, most, counts = _recorded(found)
    mean = float(np.average((least + most) / 2, weights=counts))
    values = [mean, *_percentiles(most, counts, PERCENTILES), found.get_max_value()]
    return {
        name: min(value, found.get_max_value()) / MICROSECONDS
        for name, value in zip(names, values, strict=True)
    }


def curve(found: HdrHistogram) -> list[dict[str, float]]:
    """Return the percentiles of `CURVE` as points of a line, in seconds; empty without values."""
    if not found.get_total_count():
        return []
    _, ends, counts = _recorded(found)
    most = found.get_max_value()
    return [
        {"percentile": percent, "seconds": min(value, most) / MICROSECONDS}
        for percent, value in zip(CURVE, _percentiles(ends, counts, CURVE), strict=True)
    ]


def percentile(found: HdrHistogram, percent: float) -> float | None:
    """Return one percentile in seconds, or None where nothing was recorded."""
    if not found.get_total_count():
        return None
    _, ends, counts = _recorded(found)
    (value,) = _percentiles(ends, counts, (percent,))
    return float(min(value, found.get_max_value())) / MICROSECONDS


def count_above(found: HdrHistogram, seconds: float) -> int:
    """Return how many recorded values are greater, to the three digits of a histogram."""
    least, _, counts = _recorded(found)
    return int(counts[least > seconds * MICROSECONDS].sum())


def _recorded(found: HdrHistogram) -> tuple[Whole, Whole, Whole]:
    """Return the least and the greatest value of each counter above zero, and its count.

    Source: https://github.com/HdrHistogram/HdrHistogram (valueFromIndex)
    """
    counts = np.frombuffer(found.counts, dtype=np.int64)
    at = np.flatnonzero(counts)
    half = found.sub_bucket_half_count
    bucket = (at >> found.sub_bucket_half_count_magnitude) - 1
    place = (at & (half - 1)) + np.where(bucket < 0, 0, half)
    width = np.left_shift(1, np.maximum(bucket, 0))
    return place * width, (place + 1) * width - 1, counts[at]


def _percentiles(ends: Whole, counts: Whole, percents: Sequence[float]) -> list[float]:
    """Return nearest-rank percentiles: the greatest values of the counters in which they fall."""
    passed = np.cumsum(counts)
    ranks = np.maximum(np.ceil(passed[-1] * np.asarray(percents) / 100 - 1e-9), 1)
    return [float(ends[place]) for place in np.searchsorted(passed, ranks)]

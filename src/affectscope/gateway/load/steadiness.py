"""Whether a soak was at its end as it was at its beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hdrh.histogram import HdrHistogram

from affectscope.gateway.load.histograms import times, total

_NAMES = ("p50_seconds", "p95_seconds", "p99_seconds")


def steadiness(
    blocks: Sequence[HdrHistogram], growth: Mapping[str, float | None]
) -> dict[str, Any]:
    """Compare the corrected times of a run's first and last quarter.

    Args:
        blocks: Histograms of equal parts of the run, oldest first.
        growth: Bytes an hour by which each service's memory grew.

    Returns:
        `first` and `last` with percentiles in seconds, `ratios` of the last to the first (null where
        a quarter has no times), and `memory_bytes_an_hour` by service.
    """
    quarter = max(len(blocks) // 4, 1)
    first, last = times(total(blocks[:quarter])), times(total(blocks[-quarter:]))
    ratios = {}
    for name in _NAMES:
        before, after = first[name], last[name]
        ratios[name] = after / before if before and after is not None else None
    return {
        "first": {name: first[name] for name in _NAMES},
        "last": {name: last[name] for name in _NAMES},
        "ratios": ratios,
        "memory_bytes_an_hour": dict(growth),
    }

"""Two load tests beside each other: ratios, how sure they are, and whether they mean anything.

A ratio of percentiles is sure as far as both runs were steady. So each run's histograms of equal
parts are drawn anew many times, with repetition, and the ratio is made of every draw: the middle 95 %
of these ratios is its interval (a block bootstrap). Where the interval holds 1, the runs do not
differ for sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from affectscope.observatory.load_runs import entry

PERCENTILES = (50, 95, 99)
_TIMES = ("mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds", "max_seconds")
_RATES = ("scheduled_rate", "offered_rate", "completed_rate", "achieved_rate")
_DRAWS = 400
_LEAST_BLOCKS = 5
_SEED = 1
_DIFFERENT_PLANS = (
    *("mode", "test_type", "rate", "start_rate", "end_rate", "duration", "iterations"),
    *("arrivals", "max_concurrency", "timeout"),
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Blocks:
    """Counts of a run's parts; rows are parts, columns are the values that occur in either run."""

    counts: Floats

    def draws(self, dice: np.random.Generator) -> Floats:
        """Return counts of `_DRAWS` runs, each made of this one's parts."""
        parts = len(self.counts)
        chosen = dice.multinomial(parts, np.full(parts, 1 / parts), size=_DRAWS)
        return chosen.astype(np.float64) @ self.counts


def compare(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two runs.

    Args:
        base: What is compared with; as it is stored.
        other: Of which each ratio is the numerator.

    Returns:
        `base` and `other` as the list shows them; `comparable`, and the `differences` of what was
        asked for that forbid it; `ratios` for `all` services together and for each that both have:
        `corrected` and `raw` times, and rates, each with `base`, `other`, `ratio` (null where one
        has none) and, for percentiles of the judged times, `low`, `high` and `sure`.
    """
    differences = [
        {"field": name, "base": base["plan"].get(name), "other": other["plan"].get(name)}
        for name in _DIFFERENT_PLANS
        if base["plan"].get(name) != other["plan"].get(name)
    ]
    both = [name for name in base["services"] if name in other["services"]]
    return {
        "base": entry(base),
        "other": entry(other),
        "comparable": not differences and not base["partial"] and not other["partial"],
        "differences": differences,
        "ratios": {
            "all": _figures(
                base.get("summary"), other.get("summary"), *_blocks(base, other, "all")
            ),
            **{
                name: _figures(
                    base["services"][name], other["services"][name], *_blocks(base, other, name)
                )
                for name in both
            },
        },
    }


def _figures(
    base: Mapping[str, Any] | None,
    other: Mapping[str, Any] | None,
    blocks: Sequence[_Blocks] = (),
    values: Floats | None = None,
) -> dict[str, Any]:
    before, after = base or {}, other or {}
    found: dict[str, Any] = {}
    for kind in ("corrected", "raw"):
        one, two = before.get(kind), after.get(kind)
        found[kind] = (
            {name: _ratio(one.get(name), two.get(name)) for name in _TIMES} if one and two else None
        )
    judged = found["corrected"] or found["raw"]
    if judged is not None and values is not None:
        for percent, (low, high) in _intervals(blocks, values).items():
            judged[f"p{percent}_seconds"] |= {
                "low": low,
                "high": high,
                "sure": not low <= 1 <= high,
            }
    return found | {name: _ratio(before.get(name), after.get(name)) for name in _RATES}


def _ratio(base: float | None, other: float | None) -> dict[str, Any]:
    ratio = other / base if base and other is not None else None
    return {"base": base, "other": other, "ratio": ratio}


def _blocks(
    base: Mapping[str, Any], other: Mapping[str, Any], name: str
) -> tuple[Sequence[_Blocks], Floats | None]:
    """Return the parts of both runs over the same values, which are in seconds."""
    parts = []
    for run in (base, other):
        encoded = run.get("histograms", {}).get(name, {}).get("blocks", [])
        decoded = [HdrHistogram.decode(text) for text in encoded]
        parts.append([one for one in decoded if one.get_total_count()])
    if min(map(len, parts)) < _LEAST_BLOCKS:
        return (), None
    counts = [np.array([_counts(one) for one in of]) for of in parts]
    used = np.flatnonzero(sum(one.sum(axis=0) for one in counts))
    template = parts[0][0]
    values = np.array([template.get_value_from_index(int(index)) for index in used]) / 1e6
    return [_Blocks(one[:, used].astype(np.float64)) for one in counts], values


def _counts(of: HdrHistogram) -> npt.NDArray[np.int64]:
    return np.frombuffer(of.counts, dtype=np.int64).copy()


def _intervals(blocks: Sequence[_Blocks], values: Floats) -> dict[int, tuple[float, float]]:
    dice = np.random.default_rng(_SEED)
    passed = [np.cumsum(one.draws(dice), axis=1) for one in blocks]
    found = {}
    for percent in PERCENTILES:
        base, other = (_percentile(one, values, percent) for one in passed)
        low, high = np.quantile(other / np.maximum(base, 1e-6), (0.025, 0.975))
        found[percent] = (float(low), float(high))
    return found


def _percentile(passed: Floats, values: Floats, percent: float) -> Floats:
    """Return the percentile of each row of cumulated counts."""
    ranks = np.maximum(np.ceil(passed[:, -1] * percent / 100 - 1e-9), 1)
    return np.asarray(values[(passed < ranks[:, None]).sum(axis=1)])

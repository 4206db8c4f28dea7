"""When a benchmark counts as slower: large, statistically sure, and so twice.

A pair is one worker of each commit, started side by side; its figure is the logarithm of HEAD's
seconds over those of the commit before. Processes differ by a few percent for no reason (addresses,
hash seeds, neighbours), so one pair is one observation, however often its workers measured.

Everything is measured in a few pairs first, and what looks slower there is a *suspect*. Suspects are
measured again in more pairs, and only those new pairs are judged: because they did not take part in
raising the suspicion, the level of the test holds over the suspects alone.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SUSPICIOUS = 1.04
"""Median ratio of the first pairs from which a benchmark is measured again."""

TOLERATED = 1.03
"""Ratio that has to be surely exceeded; below, even two copies of one commit differ for long."""

LEVEL = 0.05
"""Highest chance that a round finds any benchmark slower where none is beyond `TOLERATED`. Two
rounds of fresh pairs have to agree, which leaves its square: 1 in 400 even if every benchmark were a
suspect each time. Less in each round would let one disturbed pair hide what is slower."""

FIRST_PAIRS = 6
JUDGED_PAIRS = 16
"""Pairs of each judging round; with all of them slower the test gives 2**-16."""

LEAST_PAIRS = 9
"""With fewer, as where time ran out, nothing is judged."""


@dataclass(frozen=True)
class Verdict:
    """What the pairs say of one benchmark.

    Attributes:
        ratio: Median of HEAD's seconds over the base's; above 1 is slower.
        pairs: How many pairs there were.
        p: Chance of such pairs where the true ratio is at most `TOLERATED`, corrected by Holm.
        slower: Whether the ratio is over the benchmark's threshold and `p` below `LEVEL`.
    """

    ratio: float
    pairs: int
    p: float
    slower: bool


def signed_rank(differences: Sequence[float]) -> float:
    """The one-sided p-value of Wilcoxon's signed-rank test, exact.

    Ties share their mean rank and the distribution is that of the ranks so shared; zeros are left
    out. Source: Wilcoxon, Biometrics Bulletin 1 (1945), 80-83.

    Args:
        differences: Independent, symmetric about their median.

    Returns:
        The chance of a rank sum as large as this one where the median is zero or less, 0 to 1.
    """
    nonzero = sorted((one for one in differences if one != 0), key=abs)
    # Twice the mean rank is whole even where ties share it.
    doubled: list[int] = []
    while len(doubled) < len(nonzero):
        first = len(doubled)
        last = first
        while last + 1 < len(nonzero) and abs(nonzero[last + 1]) == abs(nonzero[first]):
            last += 1
        doubled += [first + last + 2] * (last - first + 1)
    observed = sum(rank for rank, one in zip(doubled, nonzero, strict=True) if one > 0)
    ways = [1] + [0] * sum(doubled)
    for rank in doubled:
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return float(sum(ways[observed:]) / 2 ** len(nonzero))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct p-values for their number, so that any false one is as rare as for a single test.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    Returns:
        The corrected p-values, at most 1.
    """
    corrected: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda one: p_values[one])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[name]))
        corrected[name] = highest
    return corrected


def suspects(pairs: Mapping[str, Sequence[float]]) -> list[str]:
    """The benchmarks that the first pairs make look slower.

    Args:
        pairs: Logarithms of ratios, by benchmark.
    """
    return [
        name
        for name, logs in pairs.items()
        if logs and statistics.median(logs) > math.log(SUSPICIOUS)
    ]


def judge(
    pairs: Mapping[str, Sequence[float]], thresholds: Mapping[str, float]
) -> dict[str, Verdict]:
    """Judge the pairs of one round, which raised no suspicion themselves.

    Args:
        pairs: Logarithms of ratios, by benchmark.
        thresholds: Ratio from which each counts as large.
    """
    enough = {name: logs for name, logs in pairs.items() if len(logs) >= LEAST_PAIRS}
    tolerated = math.log(TOLERATED)
    p_values = holm(
        {name: signed_rank([one - tolerated for one in logs]) for name, logs in enough.items()}
    )
    verdicts = {}
    for name, logs in pairs.items():
        ratio = math.exp(statistics.median(logs)) if logs else math.nan
        p = p_values.get(name, 1.0)
        verdicts[name] = Verdict(ratio, len(logs), p, ratio > thresholds[name] and p < LEVEL)
    return verdicts

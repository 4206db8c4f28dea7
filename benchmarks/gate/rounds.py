"""The rounds of a comparison, and what they add up to."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.gate import decision
from benchmarks.gate.catalogue import BY_NAME, COUNTED, Counted
from benchmarks.gate.decision import Verdict
from benchmarks.gate.runner import BASE, HEAD, Measured, measure

LONGEST_SECONDS = 240.0
"""After so long no further pair begins, and what is not yet sure does not fail."""

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a comparison found.

    Attributes:
        first: The first round, with all benchmarks and the counts.
        judged: The verdicts of each judging round, in their order.
        slower: Timed benchmarks that both judging rounds found slower.
        grown: Counts that are too large: base and HEAD.
        broken: Why benchmarks do not run in HEAD, which fails.
        not_comparable: Why benchmarks do not run in the base, or are new.
        undecided: Suspects that could not be judged, mostly for lack of time.
        seconds: How long it all took.
    """

    first: Measured
    judged: list[dict[str, Verdict]] = field(default_factory=list)
    slower: list[str] = field(default_factory=list)
    grown: dict[str, tuple[float, float]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    not_comparable: dict[str, str] = field(default_factory=dict)
    undecided: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def reasons(self, accepted: Collection[str] = ()) -> list[str]:
        """Name what fails, besides what was accepted."""
        return [name for name in (*self.slower, *self.grown, *self.broken) if name not in accepted]


def compare(
    trees: Sequence[Path],
    names: Collection[str] = tuple(BY_NAME),
    *,
    longest: float = LONGEST_SECONDS,
    counts: bool = True,
    say: Say = lambda line: None,
    seed: int = 0,
) -> Outcome:
    """Compare two trees.

    Args:
        trees: Those of base and HEAD; see `trees.export`.
        names: Which benchmarks.
        longest: Seconds after which no further pair begins.
        counts: Whether to count as well.
        say: Told of the progress.
        seed: Of the first pair's hashes.
    """
    began = time.monotonic()
    deadline = began + longest
    thresholds = {name: BY_NAME[name].threshold for name in names}
    first = measure(trees, names, decision.FIRST_PAIRS, deadline, counts=counts, seed=seed)
    outcome = first_outcome(first)
    suspected = decision.suspects(first.logs)
    for number in (1, 2):
        if not suspected:
            break
        say(f"measuring again: {', '.join(suspected)}")
        again = measure(trees, suspected, decision.JUDGED_PAIRS, deadline, seed=seed + 100 * number)
        verdicts = decision.judge(again.logs, thresholds)
        outcome.judged.append(verdicts)
        outcome.undecided += [
            name
            for name in suspected
            if name not in verdicts or verdicts[name].pairs < decision.LEAST_PAIRS
        ]
        suspected = [name for name, verdict in verdicts.items() if verdict.slower]
    else:
        outcome.slower = suspected
    outcome.seconds = time.monotonic() - began
    return outcome


def first_outcome(first: Measured) -> Outcome:
    """Return what a first round says without any test: what breaks, is new, or is too much."""
    outcome = Outcome(first)
    for name, (base, head) in first.failed.items():
        if head is not None:
            outcome.broken[name] = head
        else:
            outcome.not_comparable[name] = f"fails in the base: {base}"
    outcome.grown = grown(first.counts[BASE], first.counts[HEAD], outcome.not_comparable)
    return outcome


def grown(
    base: dict[str, float], head: dict[str, float], not_comparable: dict[str, str]
) -> dict[str, tuple[float, float]]:
    """Return the counts of HEAD that are too large beside those of the base.

    Args:
        base: Counts by name.
        head: Counts by name.
        not_comparable: Told of those that the base lacks.
    """
    found = {}
    for one in COUNTED:
        if one.name not in head:
            continue
        if one.name not in base:
            not_comparable[one.name] = "the base cannot be counted"
        if too_large(one, base.get(one.name), head[one.name]):
            found[one.name] = (base.get(one.name, float("nan")), head[one.name])
    return found


def too_large(one: Counted, base: float | None, head: float) -> bool:
    """Tell whether a count is over its limit, or has grown by more than it may."""
    if one.limit is not None and head > one.limit:
        return True
    return base is not None and head > max(base * one.growth, base + one.slack)

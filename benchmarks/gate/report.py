"""What a comparison found, for people and for machines."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.gate.catalogue import BY_NAME, COUNTED
from benchmarks.gate.rounds import Outcome
from benchmarks.gate.runner import BASE, HEAD


def text(outcome: Outcome, accepted: Mapping[str, str]) -> str:
    """Return the report as text.

    Args:
        outcome: What was found.
        accepted: Reasons by benchmark, of what may be slower.
    """
    lines = [f"{'benchmark':<24}{'base':>12}{'HEAD':>12}{'ratio':>8}{'limit':>8}  verdict"]
    for name, logs in outcome.first.logs.items():
        bases, heads = zip(*outcome.first.seconds[name], strict=True)
        lines.append(
            f"{name:<24}{_seconds(min(bases)):>12}{_seconds(min(heads)):>12}"
            f"{math.exp(statistics.median(logs)):>8.3f}{BY_NAME[name].threshold:>8.2f}"
            f"  {_verdict(outcome, name)}"
        )
    counts = outcome.first.counts
    if counts[HEAD]:
        lines += ["", f"{'count':<40}{'base':>12}{'HEAD':>12}"]
    for one in COUNTED:
        if one.name in counts[HEAD]:
            base = counts[BASE].get(one.name)
            shown = "-" if base is None else f"{base:g}"
            verdict = "  TOO MANY" if one.name in outcome.grown else ""
            lines.append(f"{one.name:<40}{shown:>12}{counts[HEAD][one.name]:>12g}{verdict}")
    lines.append("")
    lines += [f"not comparable: {name}: {why}" for name, why in outcome.not_comparable.items()]
    lines += [
        f"suspected but not decided in the time there is: {name}" for name in outcome.undecided
    ]
    lines += [f"does not run in HEAD: {name}: {why}" for name, why in outcome.broken.items()]
    for name in outcome.reasons():
        if name in accepted:
            lines.append(f"accepted: {name}: {accepted[name]}")
    failing = outcome.reasons(accepted)
    lines.append(
        f"{'SLOWER' if failing else 'not slower'}"
        f"{': ' + ', '.join(failing) if failing else ''} ({outcome.seconds:.0f} s)"
    )
    return "\n".join(lines)


def document(outcome: Outcome, accepted: Mapping[str, str]) -> dict[str, Any]:
    """Return the report as JSON holds it."""
    return {
        "seconds": round(outcome.seconds, 1),
        "fails": outcome.reasons(accepted),
        "accepted": dict(accepted),
        "slower": outcome.slower,
        "grown": outcome.grown,
        "broken": outcome.broken,
        "not_comparable": outcome.not_comparable,
        "undecided": outcome.undecided,
        "first_ratios": {
            name: round(math.exp(statistics.median(logs)), 4)
            for name, logs in outcome.first.logs.items()
        },
        "pair_ratios": {
            name: [round(math.exp(one), 4) for one in logs]
            for name, logs in outcome.first.logs.items()
        },
        "judged": [
            {name: dataclasses.asdict(verdict) for name, verdict in verdicts.items()}
            for verdicts in outcome.judged
        ],
        "counts": {"base": outcome.first.counts[BASE], "head": outcome.first.counts[HEAD]},
    }


def _verdict(outcome: Outcome, name: str) -> str:
    rounds = [verdicts[name] for verdicts in outcome.judged if name in verdicts]
    if not rounds:
        return "as before"
    last = rounds[-1]
    again = ", ".join(f"{one.ratio:.3f} (p {one.p:.4f})" for one in rounds)
    if name in outcome.slower:
        return f"SLOWER: again {again}"
    return f"not sure: again {again}" if last.ratio > 1 else f"as before: again {again}"


def _seconds(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"

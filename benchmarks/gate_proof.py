"""Does the gate find what is slower, and stay silent about what is not? Tries both, for real.

Takes HEAD twice and compares the copies, forty times; and slows one part after the other of one copy
by 15 % and compares again. Only the timings are looked at: the counts would notice most plants too.
An unchanged comparison is the whole gate, as CI runs it; a planted one measures the benchmarks of
the slowed part alone. Results are stored after each comparison, and `--continue FILE` goes on.

    python -m benchmarks.gate_proof --unchanged 40 --planted 2
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.gate.planting import PLANTS, Plant, plant, share_for
from benchmarks.gate.rounds import LONGEST_SECONDS, Outcome, compare
from benchmarks.gate.trees import export, git
from benchmarks.machine import RESULTS, facts

SLOWDOWN = 0.15


class Proof:
    """The comparisons so far.

    Args:
        file: Where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.unchanged: list[dict[str, Any]] = []
        self.planted: list[dict[str, Any]] = []
        self._machine = facts()
        if file.exists():
            known = json.loads(file.read_text(encoding="utf-8"))
            self.unchanged, self.planted = known["unchanged"], known["planted"]
            self._machine = known["machine"]

    def add_unchanged(self, outcome: Outcome) -> None:
        """Note a comparison of a tree with itself."""
        self.unchanged.append(
            {
                "suspected": sorted(outcome.judged[0]) if outcome.judged else [],
                "slower": outcome.slower,
                "grown": list(outcome.grown),
                "broken": outcome.broken,
                "undecided": outcome.undecided,
                "seconds": round(outcome.seconds, 1),
                "load": facts()["load"][0],
            }
        )
        self._store()

    def add_planted(self, one: Plant, name: str, outcome: Outcome) -> None:
        """Note what became of one benchmark of a slowed part."""
        logs = outcome.first.logs.get(name, [])
        self.planted.append(
            {
                "plant": one.name,
                "benchmark": name,
                "found": name in outcome.slower,
                "undecided": name in outcome.undecided,
                "first_ratio": round(math.exp(statistics.median(logs)), 3) if logs else None,
                "judged_ratios": [
                    round(verdicts[name].ratio, 3)
                    for verdicts in outcome.judged
                    if name in verdicts
                ],
                "seconds": round(outcome.seconds, 1),
                "load": facts()["load"][0],
            }
        )
        self._store()

    def _store(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "machine": self._machine,
            "slowdown": SLOWDOWN,
            "summary": self.summary(),
            "unchanged": self.unchanged,
            "planted": self.planted,
        }
        self._file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def summary(self) -> dict[str, Any]:
        """Return the counts that matter."""
        return {
            "unchanged": len(self.unchanged),
            "false_alarms": sum(
                bool(one["slower"] or one["grown"] or one["broken"]) for one in self.unchanged
            ),
            "planted": len(self.planted),
            "found": sum(one["found"] for one in self.planted),
            "missed": [one["benchmark"] for one in self.planted if not one["found"]],
            "median_seconds_unchanged": (
                statistics.median(one["seconds"] for one in self.unchanged)
                if self.unchanged
                else None
            ),
        }


def main() -> int:
    """Run both experiments; exit 1 at a false alarm or a miss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unchanged", type=int, default=40, help="comparisons of HEAD with itself")
    parser.add_argument("--planted", type=int, default=2, help="slowdowns of each part")
    parser.add_argument("--continue", dest="file", type=Path, default=RESULTS / "gate-proof.json")
    options = parser.parse_args()
    proof = Proof(options.file)
    with tempfile.TemporaryDirectory(prefix="gate-proof-") as folder:
        head = git("rev-parse", "HEAD")
        trees = [export(head, Path(folder, name)) for name in ("base", "head")]
        parts = [one for one in PLANTS for _ in range(options.planted)]
        done = {name: 0 for one in PLANTS for name in one.slows}
        for past in proof.planted:
            done[past["benchmark"]] += 1
        while len(proof.unchanged) < options.unchanged:
            outcome = compare(trees, seed=1000 * len(proof.unchanged), say=_say)
            proof.add_unchanged(outcome)
            _say(json.dumps(proof.summary()))
            # Both experiments meet the same weather.
            share = len(parts) // max(1, options.unchanged) + 1
            _plant_some(parts, share, done, trees[0], Path(folder), proof)
        _plant_some(parts, len(parts), done, trees[0], Path(folder), proof)
    summary = proof.summary()
    print(json.dumps(summary, indent=1))
    return 1 if summary["false_alarms"] or summary["missed"] else 0


def _plant_some(
    parts: list[Plant], count: int, done: dict[str, int], tree: Path, folder: Path, proof: Proof
) -> None:
    for _ in range(min(count, len(parts))):
        one = parts.pop(0)
        if done[one.slows[0]] > 0:
            # A run before this one did it.
            done[one.slows[0]] -= 1
            continue
        share = share_for(one, SLOWDOWN, tree, folder / "scratch")
        slowed = plant(one, share, tree, folder / f"planted-{len(proof.planted)}")
        outcome = compare(
            (tree, slowed),
            one.slows,
            longest=LONGEST_SECONDS,
            counts=False,
            say=_say,
            seed=len(proof.planted),
        )
        for name in one.slows:
            proof.add_planted(one, name, outcome)
        _say(json.dumps(proof.summary()))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

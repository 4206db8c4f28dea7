"""Compare the speed of HEAD with that of the commit before; exit 1 where it is slower."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.gate import report
from benchmarks.gate.catalogue import TIMED
from benchmarks.gate.rounds import LONGEST_SECONDS, compare
from benchmarks.gate.trees import (
    NothingToCompare,
    accepted,
    base_commit,
    export,
    git,
    uncommitted,
)
from benchmarks.machine import facts, write_result


def main() -> int:
    """Compare, print, store and judge."""
    known = [one.name for one in TIMED]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=float, default=LONGEST_SECONDS, help="seconds")
    parser.add_argument("--json", action="store_true", help="print the whole result")
    parser.add_argument("names", nargs="*", metavar="benchmark", help=f"of {', '.join(known)}")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; valid: {', '.join(known)}")
    try:
        base = base_commit()
    except NothingToCompare as why:
        print(f"bench-gate: nothing to compare: {why}")
        return 0
    head = git("rev-parse", "HEAD")
    print(f"bench-gate: {head[:10]} beside {base[:10]}", flush=True)
    if uncommitted():
        print("bench-gate: what is not committed is not measured")
    with tempfile.TemporaryDirectory(prefix="bench-gate-") as folder:
        trees = [export(base, Path(folder, "base")), export(head, Path(folder, "head"))]
        outcome = compare(
            trees,
            options.names or known,
            longest=options.longest,
            say=lambda line: print(f"bench-gate: {line}", flush=True),
        )
    may_be = accepted(base)
    result = {
        "machine": facts(),
        "base": base,
        "head": head,
        **report.document(outcome, may_be),
    }
    write_result("gate", result)
    print(json.dumps(result, indent=1) if options.json else report.text(outcome, may_be))
    return 1 if outcome.reasons(may_be) else 0


if __name__ == "__main__":
    sys.exit(main())

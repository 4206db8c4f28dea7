"""The highest rate at which the load generator itself keeps up.

    python -m benchmarks.generator_rate

A server that answers at once stands in for a service, in a process of its own, and the search of
`/load-test` looks for the highest rate. Server and generator share this machine, as services and
generator do.
"""

from __future__ import annotations

import argparse

import uvloop

from affectscope.gateway.backends import SURVEY
from affectscope.gateway.load.plan import parse_plan
from affectscope.gateway.load.search import Search
from affectscope.gateway.load.verdict import LATE_SECONDS, LATE_SHARE
from affectscope.gateway.load.wire import Address
from benchmarks.machine import facts, write_result
from benchmarks.sink import collector

_OBJECTIVE = {"percentile": 100 * (1 - LATE_SHARE), "seconds": LATE_SECONDS, "error_ratio": 0.01}
"""The server takes no time worth mentioning: what misses this, the generator sent too late."""


async def search(url: str, seconds: float) -> Search:
    """Look for the highest rate in trials of some seconds."""
    plan = parse_plan(
        {
            "mode": "search",
            "test_type": "survey",
            "start_rate": 500,
            "max_rate": 10_000,
            "trial_seconds": seconds,
            "objective": _OBJECTIVE,
        }
    )
    address = Address(SURVEY, url, "benchmark")
    found = Search(plan, [address], lambda: False)
    await found.run(lambda _: None)
    await address.close()
    return found


def main() -> None:
    """Read the command line, measure, print and store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a trial")
    options = parser.parse_args()
    machine = facts()
    with collector() as url:
        found = uvloop.run(search(url, options.seconds))
    document = found.document()
    for trial in document["trials"]:
        print(
            f"{trial['rate']:8.0f} a second: {trial['achieved_rate']:8.0f} answered, "
            f"{1e2 * trial['late_share']:6.2f} % sent late, {trial['cause'] or 'kept up'}"
        )
    print(f"highest rate: {document['found_rate'] or 0:.0f} a second; {document['reason_text']}")
    write_result("generator-rate", {"machine": machine, **document})


if __name__ == "__main__":
    main()

"""Measure every service and the telemetry; print and store it; `python -m benchmarks`."""

from __future__ import annotations

import argparse
import os
import sys
import warnings

from benchmarks import metrics_cost, sampler_cost, scrape_cost, service_speed
from benchmarks.machine import facts, write_result


def main() -> int:
    """Run all of it; with `--check`, exit 1 where a budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when over a budget")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of the services")
    parser.add_argument("--cost-rounds", type=int, default=40, help="rounds of the telemetry")
    options = parser.parse_args()
    for name in list(os.environ):
        if name.startswith(("AFFECTSCOPE_", "OTEL_")):
            del os.environ[name]
    warnings.simplefilter("ignore")
    machine = facts()
    cost = metrics_cost.results(metrics_cost.measure(options.cost_rounds, 200))
    print(metrics_cost.table(cost), end="\n\n", flush=True)
    scrape = scrape_cost.measure()
    print(scrape_cost.table(scrape), end="\n\n", flush=True)
    sampler = sampler_cost.measure()
    print(sampler_cost.line(sampler), end="\n\n", flush=True)
    services = service_speed.measure(options.rounds)
    print(service_speed.table(services))
    within = all(one.get("within", True) for one in (*cost.values(), *scrape.values(), sampler))
    document = {
        "machine": machine,
        "telemetry": cost,
        "exposition": scrape,
        "sampler": sampler,
        "services": services,
        "within": within,
    }
    print(f"\nstored in {write_result('bench', document)}")
    return 1 if options.check and not within else 0


if __name__ == "__main__":
    sys.exit(main())

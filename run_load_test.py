#!/usr/bin/env python3
"""Run the load test of a running Affectscope system and print its results.

Needs only what monitoring_requirements.txt names.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import colorama
import requests
from tabulate import tabulate

TYPES = ("all", "video", "speech", "chat", "survey")
MOST_ITERATIONS = 1000
TIMES = ("mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds")


class LoadTestRefused(Exception):
    """The gateway could not be asked, or did not run the test; the message says why."""


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine itself, where no proxy may stand between."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def ask(
    url: str, kind: str, iterations: int, timeout: float, token: str | None
) -> dict[str, object]:
    """Have the gateway run the test.

    Args:
        url: Address of the gateway.
        kind: One of `TYPES`.
        iterations: Requests to each service, 1 to 1000.
        timeout: Seconds to wait for the result.
        token: Admin token; needed where the gateway is not on this machine.

    Returns:
        The answer of `POST /load-test`.

    Raises:
        LoadTestRefused: No answer, or none with results.
    """
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)
        if token:
            session.headers["Authorization"] = f"Bearer {token}"
        try:
            response = session.post(
                f"{url}/load-test",
                json={"test_type": kind, "iterations": iterations},
                timeout=(5.0, timeout),
            )
            document = response.json()
        except requests.JSONDecodeError:
            raise LoadTestRefused(
                f"{url} answered {response.status_code} without JSON; is it the gateway?"
            ) from None
        except requests.Timeout:
            raise LoadTestRefused(f"no answer from {url} within {timeout:g} s") from None
        except requests.RequestException:
            raise LoadTestRefused(
                f"no gateway answers at {url}; start the system with `affectscope up`"
            ) from None
    if response.status_code >= 400 or "services" not in document:
        detail = document.get("detail", "no detail given") if isinstance(document, dict) else ""
        raise LoadTestRefused(f"the gateway answered {response.status_code}: {detail}")
    return dict(document)


def milliseconds(seconds: object) -> str:
    """Write seconds as milliseconds, or a dash where nothing succeeded."""
    return f"{seconds * 1000:.1f}" if isinstance(seconds, (int, float)) else "-"


def table(services: Mapping[str, Mapping[str, object]], colour: bool) -> str:
    """Draw the results of each service."""

    def errors(result: Mapping[str, object]) -> str:
        found = result["errors"]
        if not isinstance(found, Mapping) or not found:
            return "0"
        text = ", ".join(f"{kind}: {count}" for kind, count in found.items())
        return colorama.Fore.RED + text + colorama.Style.RESET_ALL if colour else text

    rows = [
        [
            name,
            str(result["requests"]),
            errors(result),
            *(milliseconds(result[time]) for time in TIMES),
            f"{result['throughput']:.2f}",
        ]
        for name, result in services.items()
    ]
    times = [f"{name} (ms)" for name in ("Mean", "p50", "p95", "p99")]
    headers = ["Service", "Requests", "Errors", *times, "Requests/s"]
    align = ["left", "right", "left", *["right"] * 5]
    return tabulate(rows, headers, "simple", colalign=align, disable_numparse=True)


def failures(document: Mapping[str, object]) -> int:
    """Count the requests that failed."""
    services = document["services"]
    if not isinstance(services, Mapping):
        return 0
    return sum(sum(result["errors"].values()) for result in services.values())


def summary(document: Mapping[str, object], colour: bool) -> str:
    """Write the summary of all services."""
    found = document["summary"]
    figures = found if isinstance(found, Mapping) else {}
    failed = failures(document)
    verdict = "no errors" if not failed else f"{failed} failed"
    if colour:
        tint = colorama.Fore.RED if failed else colorama.Fore.GREEN
        verdict = tint + verdict + colorama.Style.RESET_ALL
    parts = [f"{figures.get('requests', 0)} requests, {verdict}"]
    if "duration_seconds" in figures:
        parts.append(f"{figures['duration_seconds']:.1f} s")
    if "throughput" in figures:
        parts.append(f"{figures['throughput']:.2f} requests/s")
    if "warm_up_requests" in figures:
        parts.append(f"{figures['warm_up_requests']} warm-up requests not counted")
    return "Summary: " + "; ".join(parts)


def count(text: str) -> int:
    """Read a number of iterations."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_ITERATIONS:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {MOST_ITERATIONS}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        description="Send real requests with sample inputs to the Affectscope services, by way of "
        "the gateway's /load-test, and print how long they took.",
        epilog="Exit status: 0 every request succeeded; 1 some failed; 2 the test could not run. "
        "Colours appear on a terminal, unless NO_COLOR is set.",
    )
    described.add_argument(
        "--type", choices=TYPES, default="all", help="services to load (default: %(default)s)"
    )
    described.add_argument(
        "--iterations",
        type=count,
        default=5,
        metavar="N",
        help=f"requests to each service, 1 to {MOST_ITERATIONS} (default: %(default)s)",
    )
    described.add_argument(
        "--url",
        default="http://localhost:9000",
        help="address of the gateway (default: %(default)s)",
    )
    described.add_argument(
        "--timeout",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="how long to wait for the result (default: %(default)s)",
    )
    described.add_argument(
        "--token",
        default=os.environ.get("AFFECTSCOPE_ADMIN_TOKEN"),
        help="admin token, needed from another machine (default: $AFFECTSCOPE_ADMIN_TOKEN)",
    )
    described.add_argument("--json", action="store_true", help="print the answer as JSON")
    return described


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the test, print its results, return the exit status."""
    options = parser().parse_args(arguments)
    url = options.url.rstrip("/")
    if sys.stderr.isatty():
        print(f"Loading {options.type} through {url} ...", file=sys.stderr)
    try:
        document = ask(url, options.type, options.iterations, options.timeout, options.token)
    except LoadTestRefused as error:
        print(f"run_load_test.py: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        colorama.just_fix_windows_console()
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        services = document["services"]
        print(table(services if isinstance(services, Mapping) else {}, colour))
        print("\n" + summary(document, colour))
    return 1 if failures(document) else 0


if __name__ == "__main__":
    sys.exit(main())

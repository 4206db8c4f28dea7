#!/usr/bin/env python3
"""Print the state of all Affectscope services as a table.

Exits 0 when every service answers `pass` or `warn`, 1 when one says `fail` or does not answer.
Needs only what monitoring_requirements.txt names.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import colorama
import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families
from tabulate import tabulate

SERVICES = {
    "integrated": ("Integrated Backend", 9000),
    "video": ("Video Analysis", 8001),
    "speech": ("Speech Analysis", 8002),
    "chat": ("Chat Analysis", 8003),
    "survey": ("Survey Analysis", 8004),
}
"""Name (which is also the prefix of its metrics), title, and port of each service."""

COLOURS = {
    "pass": colorama.Fore.GREEN,
    "warn": colorama.Fore.YELLOW,
    "fail": colorama.Fore.RED,
    "unreachable": colorama.Fore.RED,
}
MONITORING = ("/metrics", "/health", "/livez", "/readyz", "/profile-report")
"""Endpoints that are left out of a service's requests, errors and times: who watches it is no work."""

UNHEALTHY = ("fail", "unreachable")


@dataclass
class State:
    """What one service said of itself; None where it did not say."""

    service: str
    url: str
    status: str = "unreachable"
    version: str | None = None
    uptime_seconds: float | None = None
    memory_bytes: float | None = None
    cpu_percent: float | None = None
    latency_seconds: float | None = None
    requests: float | None = None
    errors: float | None = None
    mean_seconds: float | None = None
    notes: list[str] = field(default_factory=list)


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine itself, where no proxy may stand between."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def ask(service: str, url: str, timeout: float) -> State:
    """Read the health and the metrics of one service."""
    state = State(service, url)
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)
        begin = time.perf_counter()
        try:
            # A failing service answers 503 with the same document.
            response = session.get(f"{url}/health", timeout=timeout)
            state.latency_seconds = time.perf_counter() - begin
            read_health(state, response.json())
        except requests.JSONDecodeError:
            state.notes.append(f"/health answered {response.status_code} without JSON")
            return state
        except requests.RequestException as error:
            state.notes.append(reason(error, timeout))
            return state
        try:
            response = session.get(f"{url}/metrics", timeout=timeout)
            response.raise_for_status()
            read_metrics(state, response.text)
        except (requests.RequestException, ValueError) as error:
            state.notes.append(f"no metrics: {error}")
    return state


def reason(error: requests.RequestException, timeout: float) -> str:
    """Say in a few words why a service did not answer."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {timeout:g} s"
    if isinstance(error, requests.ConnectionError):
        return "nothing listens there, or the connection broke"
    return str(error)


def read_health(state: State, document: object) -> None:
    """Take over what `/health` says."""
    if not isinstance(document, dict) or document.get("status") not in COLOURS:
        state.notes.append("/health answered a document without a status of pass, warn or fail")
        return
    state.status = document["status"]
    state.version = document.get("version")
    state.uptime_seconds = document.get("uptime_seconds")
    state.memory_bytes = document.get("memory_bytes")
    state.cpu_percent = document.get("cpu_percent")
    for kind in ("checks", "backends"):
        state.notes += troubles(document.get(kind))


def troubles(parts: object) -> Iterator[str]:
    """Yield those parts of a health document that do not pass."""
    if not isinstance(parts, dict):
        return
    for name, entries in parts.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict):
                state = entry.get("state", entry.get("status", "pass"))
                if state != "pass":
                    detail = entry.get("output") or entry.get("detail")
                    yield f"{name}: {state}" + (f" ({detail})" if detail else "")


def read_metrics(state: State, text: str) -> None:
    """Add up the request, error and time metrics of a service over its endpoints.

    Raises:
        ValueError: The text is not the Prometheus format.
    """
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.labels.get("endpoint") in MONITORING:
                continue
            sums[one.name] = sums.get(one.name, 0.0) + one.value
    prefix = state.service
    state.requests = sums.get(f"{prefix}_requests_total")
    state.errors = sums.get(f"{prefix}_errors_total")
    count = sums.get(f"{prefix}_processing_seconds_count")
    if count:
        state.mean_seconds = sums[f"{prefix}_processing_seconds_sum"] / count


def duration(seconds: float | None) -> str:
    """Write seconds as people read them: `3d 4h`, `2h 5m`, `4m 8s`, `12s`."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    while len(units) > 1 and units[0][0] == 0:
        units.pop(0)
    return " ".join(f"{value}{unit}" for value, unit in units[:2])


def number(value: float | None, form: str, scale: float = 1.0) -> str:
    """Write a number, or a dash where there is none."""
    return "-" if value is None else format(value * scale, form)


def table(states: Sequence[State], colour: bool) -> str:
    """Draw the table."""

    def row(state: State) -> list[str]:
        status = state.status
        if colour:
            bright = colorama.Style.BRIGHT + COLOURS[status]
            status = bright + status + colorama.Style.RESET_ALL
        return [
            SERVICES[state.service][0],
            status,
            duration(state.uptime_seconds),
            number(state.memory_bytes, ".0f", 1 / 2**20) + " MiB",
            number(state.cpu_percent, ".1f") + " %",
            number(state.latency_seconds, ".1f", 1000) + " ms",
            number(state.requests, ".0f"),
            number(state.errors, ".0f"),
            number(state.mean_seconds, ".1f", 1000) + " ms",
            state.url,
        ]

    rows = [["-" if cell.startswith("- ") else cell for cell in row(state)] for state in states]
    figures = ["Uptime", "Memory", "CPU", "Latency", "Requests", "Errors", "Mean"]
    headers = ["Service", "Status", *figures, "URL"]
    align = ["left", "left", *["right"] * len(figures), "left"]
    return tabulate(rows, headers, "simple", colalign=align, disable_numparse=True)


def machine() -> dict[str, float]:
    """Return what psutil says of the machine that this runs on."""
    memory = psutil.virtual_memory()
    return {
        "cpu_count": float(psutil.cpu_count() or 1),
        "cpu_percent": psutil.cpu_percent(interval=0.1),
        "memory_total_bytes": float(memory.total),
        "memory_available_bytes": float(memory.available),
    }


def override(text: str) -> tuple[str, str]:
    """Read NAME=URL."""
    name, _, url = text.partition("=")
    if name not in SERVICES:
        raise argparse.ArgumentTypeError(f"unknown service {name!r}; valid: {', '.join(SERVICES)}")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise argparse.ArgumentTypeError(f"{url!r} is no address such as http://localhost:8001")
    return name, url.rstrip("/")


def positive(text: str) -> float:
    """Read a number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        description="Print the state of all Affectscope services as a table.",
        epilog="Exit status: 0 every service passes or warns; 1 one fails or does not answer; "
        "2 the command line is wrong. Colours appear on a terminal, unless NO_COLOR is set.",
    )
    described.add_argument(
        "--host", default="localhost", help="where the services run (default: %(default)s)"
    )
    described.add_argument(
        "--url",
        action="append",
        default=[],
        type=override,
        metavar="NAME=URL",
        help=f"address of one service, of {', '.join(SERVICES)}; may be repeated",
    )
    described.add_argument(
        "--timeout",
        default=5.0,
        type=positive,
        metavar="SECONDS",
        help="how long to wait for an answer (default: %(default)s)",
    )
    described.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return described


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask all services side by side, print what they say, return the exit status."""
    options = parser().parse_args(arguments)
    host = f"[{options.host}]" if ":" in options.host else options.host
    urls = {name: f"http://{host}:{port}" for name, (_, port) in SERVICES.items()}
    urls |= dict(options.url)
    with ThreadPoolExecutor(len(urls)) as pool:
        states = list(pool.map(lambda name: ask(name, urls[name], options.timeout), urls))
    healthy = all(state.status not in UNHEALTHY for state in states)
    if options.json:
        document = {
            "healthy": healthy,
            "services": [asdict(state) for state in states],
            "machine": machine(),
        }
        print(json.dumps(document, indent=2))
        return 0 if healthy else 1
    colorama.just_fix_windows_console()
    print(table(states, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))
    for state in states:
        for note in state.notes:
            print(f"  {SERVICES[state.service][0]}: {note}")
    here = machine()
    print(
        f"\nThis machine: {here['cpu_count']:.0f} CPUs, {here['cpu_percent']:.0f} % busy; "
        f"{here['memory_available_bytes'] / 2**30:.1f} of "
        f"{here['memory_total_bytes'] / 2**30:.1f} GiB of memory free."
    )
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())

"""Run a load test of a running Affectscope system and print its results.

`run_load_test.py` at the repository's root and `affectscope load-test` are both this. It only calls
the gateway's `/load-test`, and needs nothing of the package: of what is not Python's own, requests
alone.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

TYPES = ("all", "video", "speech", "chat", "survey")
MODES = ("constant", "ramp", "soak", "search")
MOST_ITERATIONS = 1000

Document = Mapping[str, Any]

_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0
_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"
_NUMBERS = {
    "rate": "requests a second (constant, soak)",
    "duration": "seconds that requests arrive; of a search, the longest that it may take",
    "start_rate": "requests a second at the beginning (ramp, search)",
    "end_rate": "requests a second at the end (ramp)",
    "max_rate": "highest rate that is tried (search)",
    "trial_seconds": "length of one trial (search)",
    "max_concurrency": "requests under way at once",
    "seed": "of Poisson arrivals",
}
_OBJECTIVE = {
    "percentile": "of the corrected times (search; default 99)",
    "seconds": "most that this percentile may be (search; default 0.5)",
    "error_ratio": "greatest share of requests that fail (search; default 0.01)",
}


class LoadTestRefused(Exception):
    """The gateway could not be asked, or did not run the test; the message says why."""


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine itself, where no proxy may stand between."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Gateway:
    """Asks a gateway.

    Args:
        url: Its address.
        token: Admin token; needed where the gateway is not on this machine.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(url)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def start(self, body: Document, timeout: float) -> dict[str, Any]:
        """Have the gateway run a test; returns its results, or the job that it started.

        Raises:
            LoadTestRefused: No answer, or one that is neither.
        """
        return self._ask("POST", "/load-test", timeout, body)

    def job(self, id: str, method: str = "GET") -> dict[str, Any]:
        """Return how a job stands, after it was stopped with DELETE; raises what `start` does."""
        return self._ask(method, f"/load-tests/{id}", 30.0)

    def _ask(
        self, method: str, path: str, timeout: float, body: Document | None = None
    ) -> dict[str, Any]:
        url = self._url
        try:
            response = self._session.request(
                method, url + path, json=body, timeout=(5.0, timeout), allow_redirects=False
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
        known = isinstance(document, dict) and ("services" in document or "id" in document)
        if response.status_code >= 400 or not known:
            detail = document.get("detail", "no detail given") if isinstance(document, dict) else ""
            raise LoadTestRefused(f"the gateway answered {response.status_code}: {detail}")
        return dict(document)


def follow(gateway: Gateway, id: str, show: Callable[[Document], None]) -> dict[str, Any]:
    """Wait for a job; a gateway that is too busy to answer is asked again for a minute.

    Args:
        gateway: Which runs it.
        id: Of the job.
        show: Takes the job each time that it was asked for.

    Raises:
        LoadTestRefused: The gateway is gone, or does not know the job any more.
    """
    heard = time.monotonic()
    while True:
        try:
            job = gateway.job(id)
            heard = time.monotonic()
        except LoadTestRefused:
            if time.monotonic() - heard > _PATIENCE_SECONDS:
                raise
        else:
            show(job)
            if job.get("end") is not None:
                return job
        time.sleep(_POLL_SECONDS)


def failures(document: Document) -> int:
    """Count the requests that failed or were never sent."""
    each = document["services"].values()
    return sum(sum(one["errors"].values()) + one.get("unsent", 0) for one in each)


def succeeded(document: Document) -> bool:
    """Tell whether a test went well: every request succeeded, or a search found a rate."""
    if document.get("state", "finished") != "finished":
        return False
    if document.get("search"):
        return document["search"]["found_rate"] is not None
    return not failures(document)


def milliseconds(seconds: object) -> str:
    """Write seconds as milliseconds, or a dash where there are none."""
    return f"{seconds * 1000:.1f}" if isinstance(seconds, (int, float)) else "-"


def aligned(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Draw a table; the first and the third column stand left, all others right."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) if index in (0, 2) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()

    return "\n".join([line(headers), line(["-" * width for width in widths]), *map(line, rows)])


def table(services: Mapping[str, Document], colour: bool) -> str:
    """Draw the results of each service."""
    rates = any("offered_rate" in one for one in services.values())
    headers = ["Service", "Requests", "Errors"]
    if rates:
        headers += ["Offered/s", "Achieved/s"]
        headers += [f"{kind} {name} (ms)" for kind in ("corr.", "raw") for name in ("p50", "p99")]
    else:
        headers += [f"{name} (ms)" for name in ("Mean", "p50", "p95", "p99")] + ["Requests/s"]
    rows = []
    for name, one in services.items():
        found = ", ".join(f"{kind}: {count}" for kind, count in one["errors"].items()) or "0"
        row = [name, str(one["requests"]), found]
        if rates:
            row += [f"{one[rate]:.2f}" for rate in ("offered_rate", "achieved_rate")]
            row += [
                milliseconds(one[kind][time])
                for kind in ("corrected", "raw")
                for time in ("p50_seconds", "p99_seconds")
            ]
        else:
            times = ("mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds")
            row += [*(milliseconds(one[time]) for time in times), f"{one['throughput']:.2f}"]
        rows.append(row)
    drawn = aligned(headers, rows).split("\n")
    if colour:
        drawn[2:] = [
            _RED + line + _PLAIN if one["errors"] else line
            for line, one in zip(drawn[2:], services.values(), strict=True)
        ]
    return "\n".join(drawn)


def summary(document: Document, colour: bool) -> str:
    """Write the summary of all services."""
    figures = document["summary"] or {}
    failed = failures(document)
    verdict = "no errors" if not failed else f"{failed} failed"
    if colour:
        verdict = (_RED if failed else _GREEN) + verdict + _PLAIN
    parts = [f"{figures.get('requests', 0)} requests, {verdict}"]
    if "scheduled_rate" in figures:
        parts += [
            f"{figures[f'{name}_rate']:.2f}/s {name}"
            for name in ("scheduled", "offered", "achieved")
        ]
    parts += [
        text.format(figures[name])
        for name, text in (
            ("duration_seconds", "{:.1f} s"),
            ("throughput", "{:.2f} requests/s"),
            ("warm_up_requests", "{} warm-up requests not counted"),
        )
        if name in figures
    ]
    return "Summary: " + "; ".join(parts)


def search_report(search: Document) -> str:
    """Draw the trials of a search, and what it found."""
    objective = search["objective"]
    share = f"p{objective['percentile']:g}"
    rows = [
        [
            f"{one['rate']:.2f}",
            str(one["requests"]),
            one["cause"] or "passed",
            f"{one['achieved_rate']:.2f}",
            milliseconds(one["value_seconds"]),
            f"{one['error_ratio']:.1%}",
        ]
        for one in search["trials"]
    ]
    headers = ["Rate/s", "Requests", "Outcome", "Achieved/s", f"corr. {share} (ms)", "Errors"]
    found = search["found_rate"]
    said = "no rate" if found is None else f"{found:.2f} requests a second"
    return (
        f"{aligned(headers, rows)}\n\nObjective: {share} within {objective['seconds'] * 1000:g} ms "
        f"and at most {objective['error_ratio']:.1%} errors\nFound: {said}; "
        f"{search['reason_text'] or 'the search did not end'}"
    )


def report(document: Document, colour: bool) -> str:
    """Write the results of a test."""
    parts: list[str] = []
    if document.get("detail"):
        parts.append(f"Load test {document['state']}: {document['detail']}")
    if document.get("search"):
        parts.append(search_report(document["search"]))
    if document["services"]:
        parts.append(table(document["services"], colour) + "\n\n" + summary(document, colour))
    parts += [f"Note ({flag['code']}): {flag['text']}" for flag in document.get("flags", [])]
    return "\n\n".join(parts)


def progress_line(job: Document) -> str:
    """Write how far a job is, in one line."""
    share = job.get("progress") or 0.0
    bar = ("#" * round(share * 24)).ljust(24, ".")
    figures = job.get("summary") or {}
    said = f"[{bar}] {share:4.0%}"
    if figures.get("corrected"):
        said += (
            f"  {figures['offered_rate']:.1f}/s offered, {figures['achieved_rate']:.1f}/s achieved, "
            f"p99 {milliseconds(figures['corrected']['p99_seconds'])} ms"
        )
    return said


def count(text: str) -> int:
    """Read a number of iterations."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_ITERATIONS:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {MOST_ITERATIONS}")
    return int(text)


def parser(program: str) -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        prog=program,
        description="Send real requests with sample inputs to the Affectscope services, by way of "
        "the gateway's /load-test, and print how long they took. Without --mode each service gets "
        "one request after the other; with it requests start at a rate, and Ctrl-C stops the test.",
        epilog="Exit status: 0 all went well, or a rate was found; 1 requests failed, or none was; "
        "2 the test could not run; 130 it was stopped. NO_COLOR keeps a terminal without colours.",
    )
    add = described.add_argument
    add("--type", choices=TYPES, default="all", help="services to load (default: %(default)s)")
    add(
        "--iterations",
        type=count,
        metavar="N",
        help=f"requests to each service, 1 to {MOST_ITERATIONS} (default: 5); without --mode",
    )
    add("--mode", choices=MODES, help="how requests arrive")
    add("--arrivals", choices=("constant", "poisson"), help="evenly (the default), or at random")
    for name, text in _NUMBERS.items():
        add(f"--{name.replace('_', '-')}", type=float, metavar="N", help=text)
    add("--request-timeout", type=float, metavar="SECONDS", help="after which one is given up")
    for name, text in _OBJECTIVE.items():
        add(f"--objective-{name.replace('_', '-')}", type=float, metavar="N", help=text)
    add(
        "--url",
        "--gateway",
        default=os.environ.get("AFFECTSCOPE_GATEWAY_URL") or "http://localhost:9000",
        help="address of the gateway (default: %(default)s)",
    )
    add(
        "--timeout",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="how long to wait for the result, without --mode (default: %(default)s)",
    )
    add(
        "--token",
        default=os.environ.get("AFFECTSCOPE_ADMIN_TOKEN"),
        help="admin token, needed from another machine (default: $AFFECTSCOPE_ADMIN_TOKEN)",
    )
    add("--json", action="store_true", help="print the answer as JSON")
    return described


def body_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return what to ask the gateway for, which refuses by name what does not belong together."""
    body: dict[str, Any] = {"test_type": options.type}
    if options.mode is None:
        body["iterations"] = 5
    given = {**{name: name for name in _NUMBERS}, "timeout": "request_timeout"}
    for field in ("mode", "iterations", "arrivals"):
        given[field] = field
    for field, name in given.items():
        value = getattr(options, name)
        if value is not None:
            body[field] = int(value) if isinstance(value, float) and value % 1 == 0 else value
    objective = {name: getattr(options, f"objective_{name}") for name in _OBJECTIVE}
    objective = {name: value for name, value in objective.items() if value is not None}
    return body | ({"objective": objective} if objective else {})


def _run(gateway: Gateway, options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Run the test; returns its results, and whether it was interrupted."""
    terminal = sys.stderr.isatty()
    if terminal:
        print(f"Loading {options.type} through {options.url} ...", file=sys.stderr)
    document = gateway.start(body_of(options), options.timeout)
    if "services" in document:
        return document, False
    print(f"Load test {document['id']} runs; Ctrl-C stops it", file=sys.stderr)

    def show(job: Document) -> None:
        if terminal:
            print(f"\r\x1b[K{progress_line(job)}", end="", file=sys.stderr, flush=True)

    try:
        return follow(gateway, document["id"], show), False
    except KeyboardInterrupt:
        return gateway.job(document["id"], "DELETE"), True
    finally:
        if terminal:
            print(file=sys.stderr)


def main(arguments: Sequence[str] | None = None, program: str = "run_load_test.py") -> int:
    """Run the test, print its results, return the exit status."""
    options = parser(program).parse_args(arguments)
    try:
        with Gateway(options.url, options.token) as gateway:
            document, interrupted = _run(gateway, options)
    except LoadTestRefused as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(json.dumps(document, indent=2) if options.json else report(document, colour))
    if interrupted:
        return 130
    return 0 if succeeded(document) else 1


if __name__ == "__main__":
    sys.exit(main())

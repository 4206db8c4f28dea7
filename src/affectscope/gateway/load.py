"""A load generator that runs as a process of its own, so that the gateway's loop stays free.

``python -m affectscope.gateway.load --target speech=http://127.0.0.1:8002 --iterations 5`` sends the
shipped samples to each named service and prints one JSON object. The services are loaded one after
the other, each by one client that sends the next request when the last one is answered, so the
figures of one do not disturb another's. The first request to each is a warm-up and is not counted.
Times run from the first byte sent to the last byte received, over the requests that succeeded.
The process ends when its standard input closes: a load never outlives who asked for it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from affectscope.errors import BackendTimeout, BackendUnavailable, slug_for_status
from affectscope.gateway.backends import BACKENDS, Backend
from affectscope.samples import sample

WARM_UP_REQUESTS = 1
"""Requests to each service before the ones that count: models load, connections open."""

_BOUNDARY = "affectscope-load"
_PROBLEM = "urn:affectscope:problem:"


@dataclass
class Sent:
    """What became of the requests to one service."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    elapsed: float = 0.0

    def report(self) -> dict[str, object]:
        """Return the form of the interface; times are null where no request succeeded."""
        times = sorted(self.seconds)
        return {
            "requests": len(times) + self.errors.total(),
            "errors": dict(self.errors),
            "mean_seconds": sum(times) / len(times) if times else None,
            "p50_seconds": percentile(times, 50),
            "p95_seconds": percentile(times, 95),
            "p99_seconds": percentile(times, 99),
            "throughput": len(times) / self.elapsed if self.elapsed else 0.0,
        }


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile, which is always a value that was observed.

    Args:
        ordered: Values, lowest first.
        percent: In (0, 100].
    """
    if not ordered:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def sample_body(backend: Backend) -> tuple[bytes, str]:
    """Return the body of a request with the shipped sample, and its content type."""
    path = sample(backend.name)
    content = path.read_bytes()
    if backend.field is None:
        return content, "application/json"
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{backend.field}"; filename="{path.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={_BOUNDARY}"


class Client:
    """One connection to one service, opened anew where it broke.

    Args:
        backend: The service.
        url: Its address, ``http://host:port``, perhaps with a path before the endpoint.
        timeout: Seconds without a byte after which a request counts as failed.
    """

    def __init__(self, backend: Backend, url: str, timeout: float) -> None:
        address = urlsplit(url)
        connect = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._connection = connect(address.hostname or "", address.port, timeout=timeout)
        self._path = address.path.rstrip("/") + backend.endpoint
        self._body, content_type = sample_body(backend)
        self._headers = {"Content-Type": content_type, "User-Agent": "affectscope-load"}

    def send(self) -> str | None:
        """Send one request and read its answer.

        Returns:
            The type of the error, None where the request succeeded.
        """
        try:
            self._connection.request("POST", self._path, self._body, self._headers)
            response = self._connection.getresponse()
            body = response.read()
        except TimeoutError:
            self.close()
            return BackendTimeout.slug
        except (OSError, HTTPException):
            self.close()
            return BackendUnavailable.slug
        return error_type(response.status, body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def error_type(status: int, body: bytes) -> str | None:
    """Return the slug of a problem answer, None for an answer below 400."""
    if status < 400:
        return None
    try:
        name = str(json.loads(body)["type"])
    except (ValueError, KeyError, TypeError):
        return slug_for_status(status)
    return name.removeprefix(_PROBLEM) if name.startswith(_PROBLEM) else slug_for_status(status)


def load(backend: Backend, url: str, iterations: int, timeout: float) -> Sent:
    """Send the sample to one service `iterations` times, one request after the other."""
    sent = Sent()
    with closing(Client(backend, url, timeout)) as client:
        for _ in range(WARM_UP_REQUESTS):
            client.send()
        begin = time.perf_counter()
        for _ in range(iterations):
            start = time.perf_counter()
            error = client.send()
            if error is None:
                sent.seconds.append(time.perf_counter() - start)
            else:
                sent.errors[error] += 1
        sent.elapsed = time.perf_counter() - begin
    return sent


def run(
    targets: Sequence[tuple[Backend, str]], iterations: int, timeout: float
) -> dict[str, object]:
    """Load each service in turn.

    Returns:
        ``services`` by name and a ``summary`` over all of them.
    """
    sent = {backend.name: load(backend, url, iterations, timeout) for backend, url in targets}
    whole = Sent(
        seconds=[second for one in sent.values() for second in one.seconds],
        errors=sum((one.errors for one in sent.values()), Counter()),
        elapsed=sum(one.elapsed for one in sent.values()),
    )
    summary = whole.report()
    return {
        "services": {name: one.report() for name, one in sent.items()},
        "summary": {
            **summary,
            "errors": whole.errors.total(),
            "error_types": summary["errors"],
            "duration_seconds": whole.elapsed,
            "warm_up_requests": WARM_UP_REQUESTS * len(sent),
            "concurrency": 1,
        },
    }


def _end_with_parent() -> None:
    # Not sys.stdin.read(): its lock, held by a daemon thread, would abort the interpreter's end.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, load the services, print the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m affectscope.gateway.load")
    parser.add_argument("--target", action="append", required=True, metavar="NAME=URL")
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds, for each request")
    options = parser.parse_args(arguments)
    named = {backend.name: backend for backend in BACKENDS}
    pairs = [target.partition("=")[::2] for target in options.target]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    result = run([(named[name], url) for name, url in pairs], options.iterations, options.timeout)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

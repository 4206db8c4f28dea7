"""Debian's Prometheus, started on a folder of its own: the judge of the observatory's PromQL.

Run by itself, this writes what Prometheus answers to `queries.txt` over `samples.txt` into
`answers.json`, with which the tests of the engine compare where there is no Prometheus.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

CASES = Path(__file__).parents[1] / "observatory" / "promql"
AT = (1_760_000_610.0, 1_760_000_870.25)
"""Times of the instant queries."""

START, END, STEP = 1_760_000_170.0, 1_760_001_370.0, 240.0
"""Of the range queries."""

_START_SECONDS = 30.0


class Prometheus:
    """Asks a Prometheus that runs."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    def ready(self) -> bool:
        """Say whether it answers."""
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **parameters: str | float) -> dict[str, Any]:
        """Return an answer of its API, also one that says what is wrong."""
        answer: dict[str, Any] = self._client.get(f"/api/v1/{path}", params=parameters).json()
        return answer

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


@contextmanager
def prometheus(folder: Path, configuration: dict[str, Any]) -> Iterator[Prometheus]:
    """Run Prometheus over the blocks of a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # JSON is YAML too.
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--storage.tsdb.retention.time=100y",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    asked = Prometheus(port)
    try:
        end = time.monotonic() + _START_SECONDS
        while not asked.ready():
            assert process.poll() is None, (folder / "log").read_text()[-3000:]
            assert time.monotonic() < end, "Prometheus did not become ready"
            time.sleep(0.1)
        yield asked
    finally:
        asked.close()
        process.terminate()
        process.wait(20)


@contextmanager
def prometheus_with_samples(folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus over `samples.txt`."""
    subprocess.run(
        [
            *("promtool", "tsdb", "create-blocks-from", "openmetrics"),
            *(str(CASES / "samples.txt"), str(folder / "data")),
        ],
        check=True,
        capture_output=True,
    )
    with prometheus(folder, {}) as asked:
        yield asked


def answers(asked: Prometheus, query: str) -> dict[str, Any]:
    """Return what Prometheus answers to a query: at each of `AT`, and over the range."""
    ranged = {"start": START, "end": END, "step": STEP}
    return {
        "query": query,
        "instant": [_brief(asked.ask("query", query=query, time=at)) for at in AT],
        "range": _brief(asked.ask("query_range", query=query, **ranged)),
    }


def _brief(answer: dict[str, Any]) -> Any:
    if answer["status"] == "error":
        return answer["errorType"]
    result = answer["data"]["result"]
    if answer["data"]["resultType"] == "scalar":
        return _number(result[1])
    # Prometheus gives the series of a vector in no certain order.
    return sorted(
        (
            [
                entry["metric"],
                _number(entry["value"][1])
                if "value" in entry
                else [[at, _number(value)] for at, value in entry["values"]],
            ]
            for entry in result
        ),
        key=lambda entry: sorted(entry[0].items()),
    )


def _number(text: str) -> float | str:
    """Return a number of twelve digits, which JSON can hold; NaN and infinities stay text."""
    return text if text in ("NaN", "+Inf", "-Inf") else float(f"{float(text):.12g}")


def main() -> None:
    """Write `answers.json`."""
    queries = (CASES / "queries.txt").read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder, prometheus_with_samples(Path(folder)) as asked:
        lines = [json.dumps(answers(asked, query), separators=(",", ":")) for query in queries]
    (CASES / "answers.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

"""The load generator is a process, and never outlives who asked for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from affectscope.gateway.load.process import MODULE

COMMAND = [sys.executable, "-m", MODULE]
RATE = {"mode": "constant", "rate": 20, "duration": 30}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        yield started
        started.kill()


def tell(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line + b"\n")
    process.stdin.flush()


def lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def test_it_tells_progress_and_a_result(process, order, quick_server) -> None:
    tell(process, json.dumps(order(quick_server, **RATE | {"duration": 2})).encode())
    *progress, last = lines(process)

    assert process.wait(60) == 0
    assert [set(line) for line in progress] == [{"progress"}] * len(progress)
    result = last["result"]
    assert result["summary"]["scheduled"] == 40
    assert result["partial"] is False
    assert set(result["histograms"]) == {"all", "survey"}
    assert sum(len(line["progress"]["points"]) for line in progress) == 2


def test_it_ends_with_its_figures_when_told_to_stop(process, order, quick_server) -> None:
    tell(process, json.dumps(order(quick_server, **RATE)).encode())
    next(lines(process))
    tell(process, b"stop")

    *_, last = lines(process)
    assert process.wait(60) == 0
    assert last["result"]["partial"] is True
    assert 0 < last["result"]["summary"]["scheduled"] < 200


def test_it_ends_at_once_when_its_input_closes(process, order, quick_server) -> None:
    tell(process, json.dumps(order(quick_server, **RATE)).encode())
    next(lines(process))
    assert process.stdin is not None
    process.stdin.close()

    begin = time.monotonic()
    assert process.wait(30) == 1
    assert time.monotonic() - begin < 20


def test_a_soak_tells_whether_it_stayed_as_it_was(process, order, quick_server) -> None:
    soak = {"mode": "soak", "rate": 20, "duration": 4}
    tell(process, json.dumps(order(quick_server, **soak)).encode())
    *_, last = lines(process)

    found = last["result"]["steadiness"]
    assert found["ratios"]["p50_seconds"] > 0
    assert set(found["memory_bytes_an_hour"]) == {"survey"}


def test_a_ramp_grows(process, order, quick_server) -> None:
    ramp = {"mode": "ramp", "end_rate": 40, "duration": 3, "arrivals": "poisson"}
    tell(process, json.dumps(order(quick_server, **ramp)).encode())
    points = [
        point
        for line in lines(process)
        if "progress" in line
        for point in line["progress"]["points"]
    ]

    rates = [point["scheduled_rate"] for point in points]
    assert rates[0] < rates[1] < rates[2]

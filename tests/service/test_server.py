"""A service is one process, which ends with its keeper and when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Served:
    """The survey service as a process."""

    def __init__(self, log: Path, lifeline: int | None = None) -> None:
        self.port = free_port()
        self.log = log
        environment = {**os.environ, "AFFECTSCOPE_SURVEY_PORT": str(self.port)}
        if lifeline is not None:
            environment["AFFECTSCOPE_LIFELINE_FD"] = str(lifeline)
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "affectscope", "serve", "survey"],
                env=environment,
                stderr=stream,
                pass_fds=() if lifeline is None else (lifeline,),
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise AssertionError(log.read_text())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_it_stops_when_told_and_logs_json_lines(log: Path) -> None:
    served = Served(log)

    served.process.send_signal(signal.SIGTERM)

    assert served.process.wait(10) in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(line["event"] == "ready" for line in lines)
    assert {line["service"] for line in lines} == {"survey"}


def test_it_ends_with_its_keeper(log: Path) -> None:
    read_end, write_end = os.pipe()
    served = Served(log, lifeline=read_end)
    os.close(read_end)

    os.close(write_end)

    assert served.process.wait(10) == 1


def test_a_bad_setting_is_one_line(log: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "affectscope", "serve", "survey"],
        env={**os.environ, "AFFECTSCOPE_SURVEY_PORT": "x"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "AFFECTSCOPE_SURVEY_PORT is 'x'" in done.stderr

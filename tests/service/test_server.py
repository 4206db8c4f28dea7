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

from affectscope.errors import InvalidValue
from affectscope.service import run_service
from tests.service.apps import make

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFFECTSCOPE_SURVEY_PORT", "x"),
        ("AFFECTSCOPE_HOST", "0.0.0.0"),
        ("AFFECTSCOPE_LIFELINE_FD", "999"),
        ("AFFECTSCOPE_LIFELINE_FD", "x"),
    ],
)
def test_a_bad_setting_is_one_line(name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "affectscope", "serve", "survey"],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"{name} is '{value}'" in done.stderr


def test_it_is_never_open_to_others_without_a_token() -> None:
    service, _ = make(host="0.0.0.0")

    with pytest.raises(InvalidValue, match="AFFECTSCOPE_ADMIN_TOKEN"):
        run_service(service)


def test_a_port_that_is_taken_is_named(log: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "affectscope", "serve", "survey"],
            env={**os.environ, "AFFECTSCOPE_SURVEY_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert done.returncode != 0
    assert "address already in use" in done.stderr
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


def test_what_still_runs_when_time_is_up_is_told_to_come_back(log: Path) -> None:
    program = (
        "import sys; from tests.service.apps import make; from affectscope.service import *;"
        "run_service(make(port=int(sys.argv[1]))[0])"
    )
    port = free_port()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(port)], stderr=stream, cwd=ROOT
        )
    peer = connect(port)
    peer.sendall(
        b"POST /analyze-test?count=9000&pause=0.05 HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    while not served_in_flight(port):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)

    assert process.wait(20) in (0, -signal.SIGTERM)
    answer = b""
    while piece := peer.recv(65_536):
        answer += piece
    peer.close()
    assert b" 503 " in answer.splitlines()[0]
    assert b"urn:affectscope:problem:unavailable" in answer


def connect(port: int) -> socket.socket:
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def served_in_flight(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return 'http_server_active_requests{http_request_method="POST",service="test"} 1.0' in text

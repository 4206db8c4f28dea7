"""`run_load_test.py --mode`: a job is started, followed, stopped on Ctrl-C, and reported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMES = {"p50_seconds": 0.011, "p99_seconds": 0.0425}
FIGURES = {
    "requests": 40,
    "unsent": 0,
    "errors": {},
    "scheduled_rate": 20.0,
    "offered_rate": 20.0,
    "achieved_rate": 19.5,
    "corrected": TIMES,
    "raw": {"p50_seconds": 0.01, "p99_seconds": 0.0125},
}


def job(state: str = "finished", **changes: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "state": state,
        "detail": None,
        "end": None if state == "running" else 1.0,
        "progress": 0.5,
        "summary": FIGURES,
        "services": {"chat": FIGURES},
        "search": None,
        "flags": [{"code": "few-requests", "text": "of 40 requests, 0.4 lie beyond the p99"}],
        **changes,
    }


class Fake:
    """A gateway: runs jobs that end after some looks, or when they are stopped."""

    def __init__(self, looks: int, last: dict[str, Any]) -> None:
        self.looks = looks
        self.last = last
        self.asked: list[tuple[str, str, Any]] = []

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append((method, path, body))
        if method == "POST":
            return 202, {"id": "r1", "state": "running"}
        if method == "DELETE":
            return 200, job("stopped", partial=True)
        self.looks -= 1
        return 200, job("running") if self.looks >= 0 else self.last


StartGateway = Callable[..., tuple[str, Fake]]


@pytest.fixture
def gateway() -> Iterator[StartGateway]:
    servers: list[ThreadingHTTPServer] = []

    def start(looks: int = 1, last: dict[str, Any] | None = None) -> tuple[str, Fake]:
        fake = Fake(looks, last or job())

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, document = fake.answer(self.command, self.path, body)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", fake

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class TestFollowing:
    def test_a_job_is_followed_to_its_end(
        self, run_load_test: ModuleType, gateway: StartGateway, capsys: pytest.CaptureFixture[str]
    ) -> None:
        url, fake = gateway(looks=1)

        status = run_load_test.main(["--url", url, "--mode", "constant", "--rate", "20"])

        shown = capsys.readouterr()
        assert status == 0
        assert fake.asked == [
            ("POST", "/load-test", {"test_type": "all", "mode": "constant", "rate": 20}),
            ("GET", "/load-tests/r1", None),
            ("GET", "/load-tests/r1", None),
        ]
        assert "Load test r1 runs; Ctrl-C stops it" in shown.err
        chat = next(line for line in shown.out.splitlines() if line.startswith("chat"))
        assert chat.split() == [
            *("chat", "40", "0", "20.00", "19.50", "11.0", "42.5", "10.0", "12.5")
        ]
        assert "20.00/s scheduled; 20.00/s offered; 19.50/s achieved" in shown.out
        assert "Note (few-requests): of 40 requests" in shown.out

    @pytest.mark.parametrize(
        ("last", "status"),
        [
            (job("failed", detail="the load generator failed: X"), 1),
            (job("stopped"), 1),
            (job(services={"chat": {**FIGURES, "errors": {"overloaded": 2}}}), 1),
            (job(services={"chat": {**FIGURES, "unsent": 1}}), 1),
        ],
        ids=["failed", "stopped by another", "errors", "unsent"],
    )
    def test_what_did_not_go_well_is_the_exit_status(
        self, run_load_test: ModuleType, gateway: StartGateway, last: dict[str, Any], status: int
    ) -> None:
        url, _ = gateway(0, last)

        assert run_load_test.main(["--url", url, "--mode", "soak", "--rate", "1"]) == status

    def test_json_is_the_whole_answer(
        self, run_load_test: ModuleType, gateway: StartGateway, capsys: pytest.CaptureFixture[str]
    ) -> None:
        url, _ = gateway(0)

        assert run_load_test.main(["--url", url, "--mode", "constant", "--rate=2", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == job()

    @pytest.mark.parametrize("program", ["run_load_test.py", "affectscope load-test"])
    def test_ctrl_c_stops_the_job(self, gateway: StartGateway, program: str) -> None:
        url, fake = gateway(looks=1000)
        command = ["run_load_test.py"] if " " not in program else ["-m", *program.split()]
        with subprocess.Popen(
            [sys.executable, *command, "--url", url, "--mode", "constant", "--rate", "5"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "AFFECTSCOPE_ADMIN_TOKEN"},
            # Who started the tests in the background has the signal ignored, which is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            end = time.monotonic() + 60
            while len(fake.asked) < 3 and time.monotonic() < end:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=30)

        assert process.returncode == 130
        assert fake.asked[-1] == ("DELETE", "/load-tests/r1", None)
        assert "chat" in out


class TestAsking:
    def test_every_option_reaches_the_gateway(self, run_load_test: ModuleType) -> None:
        arguments = (
            "--type chat --mode search --arrivals poisson --start-rate 2.5 --max-rate 80 "
            "--trial-seconds 5 --duration 60 --max-concurrency 32 --request-timeout 10 --seed 7 "
            "--objective-percentile 95 --objective-seconds 0.2 --objective-error-ratio 0"
        )
        options = run_load_test.parser("x").parse_args(arguments.split())

        assert run_load_test.body_of(options) == {
            "test_type": "chat",
            "mode": "search",
            "arrivals": "poisson",
            "start_rate": 2.5,
            "max_rate": 80,
            "trial_seconds": 5,
            "duration": 60,
            "max_concurrency": 32,
            "timeout": 10,
            "seed": 7,
            "objective": {"percentile": 95, "seconds": 0.2, "error_ratio": 0},
        }

    def test_without_a_mode_it_asks_as_ever(self, run_load_test: ModuleType) -> None:
        options = run_load_test.parser("x").parse_args([])

        assert run_load_test.body_of(options) == {"test_type": "all", "iterations": 5}


class TestReports:
    def test_a_search_shows_its_trials_and_what_it_found(self, run_load_test: ModuleType) -> None:
        trial = {
            "rate": 10.0,
            "requests": 100,
            "achieved_rate": 9.9,
            "value_seconds": 0.03,
            "error_ratio": 0.0,
            "cause": None,
        }
        found = {
            "objective": {"percentile": 99, "seconds": 0.25, "error_ratio": 0.01},
            "found_rate": 10.0,
            "reason_text": "the objective is missed at a rate at most a tenth higher",
            "trials": [trial, {**trial, "rate": 20.0, "cause": "percentile"}],
        }
        shown = run_load_test.report(job(search=found), colour=False)

        first = next(line for line in shown.splitlines() if line.startswith("10.00"))
        assert first.split() == ["10.00", "100", "passed", "9.90", "30.0", "0.0%"]
        assert "percentile" in shown
        assert "Objective: p99 within 250 ms and at most 1.0% errors" in shown
        assert "Found: 10.00 requests a second; the objective is missed" in shown
        assert run_load_test.succeeded(job(search=found)) is True
        assert run_load_test.succeeded(job(search={**found, "found_rate": None})) is False

    def test_progress_is_one_line(self, run_load_test: ModuleType) -> None:
        line = run_load_test.progress_line(job("running"))

        assert line.startswith("[############............]  50%")
        assert "20.0/s offered, 19.5/s achieved, p99 42.5 ms" in line

    def test_a_job_without_figures_yet(self, run_load_test: ModuleType) -> None:
        assert "0%" in run_load_test.progress_line({"progress": 0.0, "summary": None})
        broken = job("failed", detail="it broke", summary=None, services={}, flags=[])
        assert run_load_test.report(broken, colour=False) == "Load test failed: it broke"

"""Telemetry of a service beside the system: sent elsewhere, sampled, and of a stalled event loop."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_system import OBSERVATORY, ROOT, clean_environment, free_port, wait_until
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SOON_SECONDS = 20.0
SURVEY = {"instrument": "who-5", "answers": [1, 2, 3, 4, 5]}
RATIO = 0.3


class Receiver:
    """A small receiver of OTLP: a real HTTP server that keeps the ids of all that it is sent.

    Attributes:
        traces: Of the spans.
        lines: Traces of the log lines of requests.
    """

    def __init__(self) -> None:
        receiver = self
        self.traces: list[str] = []
        self.lines: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.path, self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in group.scope_spans:
                    self.traces += [span.trace_id.hex() for span in scope.spans]
        elif path == "/v1/logs":
            for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                for lines in logs.scope_logs:
                    self.lines += [one.trace_id.hex() for one in lines.log_records if one.trace_id]


@contextmanager
def served(command: list[str], port: int, log: Path, **settings: str) -> Iterator[str]:
    """Run a service, and yield its address once it is ready."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**clean_environment(), "AFFECTSCOPE_OBSERVATORY_URL": OBSERVATORY, **settings},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            return httpx.get(f"{url}/readyz", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    try:
        wait_until(ready, 60, f"{command[-1]} is ready")
        yield url
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    threading.Thread(target=receiver.server.serve_forever, daemon=True).start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(scope="module")
def survey(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A survey service that sends to the receiver."""
    port = free_port()
    with served(
        ["-m", "affectscope", "serve", "survey"],
        port,
        tmp_path_factory.mktemp("survey") / "log",
        AFFECTSCOPE_SURVEY_PORT=str(port),
        AFFECTSCOPE_TRACE_RATIO=str(RATIO),
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
    ) as url:
        yield url


class TestElsewhere:
    """A survey service whose spans and lines go to another collector, a share of its traces only."""

    @staticmethod
    def ask(survey: str, **headers: str) -> None:
        answer = httpx.post(
            f"{survey}/analyze-survey", json=SURVEY, headers=headers, trust_env=False
        )
        assert answer.status_code == 200, answer.text

    def test_what_the_caller_traces_goes_there_and_not_to_the_observatory(self, receiver, survey):
        trace_id = secrets.token_hex(16)
        self.ask(survey, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")
        wait_until(
            lambda: trace_id in receiver.traces and trace_id in receiver.lines,
            SOON_SECONDS,
            "spans and lines arrive",
        )

        assert receiver.traces.count(trace_id) > 1
        answer = httpx.get(f"{OBSERVATORY}/api/traces/{trace_id}", trust_env=False)
        assert answer.status_code == 404
        lines = httpx.get(
            f"{OBSERVATORY}/api/logs", params={"trace_id": trace_id}, trust_env=False
        ).json()
        assert lines["logs"] == []

    def test_of_the_traces_that_begin_here_a_share_is_recorded(self, receiver, survey):
        before = len(set(receiver.traces)), len(receiver.lines)
        for _ in range(300):
            self.ask(survey)
        # Each request has its line, sampled or not.
        wait_until(lambda: len(receiver.lines) >= before[1] + 300, SOON_SECONDS, "all lines arrive")
        # Spans are sent before the lines of the same second.
        begun = len(set(receiver.traces)) - before[0]

        # Five standard deviations of 300 draws.
        assert 300 * RATIO - 40 < begun < 300 * RATIO + 40

    def test_what_the_caller_does_not_record_is_not_recorded(self, receiver, survey):
        trace_id = secrets.token_hex(16)
        self.ask(survey, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-00")
        wait_until(lambda: trace_id in receiver.lines, SOON_SECONDS, "its line arrives")

        assert trace_id not in receiver.traces


def test_a_stalled_event_loop_leaves_its_stack_and_its_line(tmp_path):
    port = free_port()
    script = str(Path(__file__).with_name("stalling_service.py"))
    with served([script, str(port)], port, tmp_path / "log") as url:
        assert httpx.get(f"{url}/stall", trust_env=False, timeout=30).status_code == 200
        found: list[dict[str, Any]] = []

        def kept() -> bool:
            query = {"service": "stalling", "kind": "stall"}
            answer = httpx.get(f"{OBSERVATORY}/api/profiles", params=query, trust_env=False)
            found[:] = answer.json()["profiles"]
            return bool(found)

        wait_until(kept, SOON_SECONDS, "the stall's profile is kept")

        def told() -> bool:
            query = {"service": "stalling", "query": "event loop stalled", "level": "warning"}
            answer = httpx.get(f"{OBSERVATORY}/api/logs", params=query, trust_env=False)
            return bool(answer.json()["logs"])

        wait_until(told, SOON_SECONDS, "the stall's line is kept")

    shown = httpx.get(f"{OBSERVATORY}/api/profiles/{found[0]['id']}", trust_env=False).json()
    assert "compute_where_all_wait" in shown["stacks"]
    assert shown["seconds"] >= 0.5

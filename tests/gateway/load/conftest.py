"""A small HTTP server whose answers a test decides, and what the generator's parts need."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psutil
import pytest

from affectscope.gateway.load.process import MODULE

Behave = Callable[[float], tuple[int, bytes]]
"""Takes the seconds since the first request; may wait; returns status and body."""

StartServer = Callable[[Behave], str]


@pytest.fixture
def server_that() -> Iterator[StartServer]:
    """Serve what a function says; `/health` answers 100 MiB and growing."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(behave: Behave) -> str:
        began: list[float] = []
        looks: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                began.append(time.perf_counter())
                self._answer(*behave(began[-1] - began[0]))

            def do_GET(self) -> None:
                looks.append(1)
                document = {"memory_bytes": 100e6 + len(looks), "cpu_percent": 50.0}
                self._answer(200, json.dumps(document).encode())

            def _answer(self, status: int, body: bytes) -> None:
                head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n"
                with suppress(OSError):
                    self.wfile.write(head.encode() + body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                """A generator that gives a request up breaks its connection."""

        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def quick(_: float) -> tuple[int, bytes]:
    return 200, b"{}"


@pytest.fixture
def quick_server(server_that: StartServer) -> str:
    return server_that(quick)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """A patient client: tests that load a machine run on machines that are loaded."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds, for at most a minute."""

    def wait(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, "it never came to hold"
            time.sleep(0.05)

    return wait


@pytest.fixture
def generators() -> Callable[[], list[psutil.Process]]:
    """Find the generators that this process has started and that still run."""

    def find() -> list[psutil.Process]:
        found = []
        for child in psutil.Process().children(recursive=True):
            # One that has just ended has no command line any more.
            with suppress(psutil.Error):
                if MODULE in child.cmdline():
                    found.append(child)
        return found

    return find


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """Make what the generator's process is told to do."""

    def make(url: str, name: str = "survey", **plan: Any) -> dict[str, Any]:
        return {"run": "r1", "plan": {"test_type": name, **plan}, "targets": {name: url}}

    return make

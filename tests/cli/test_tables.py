"""What the running system answers is shown as tables, and what is no system is said."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from affectscope.cli.remote import get_health
from affectscope.cli.tables import print_health
from affectscope.errors import BackendUnavailable

Serve = Callable[[bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve one body at every address; returns the address."""
    servers = []

    def start(body: bytes) -> str:
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_health_is_a_row_for_each_service(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "status": "warn",
        "checks": {},
        "backends": {
            "video": {"state": "pass", "latency_seconds": 0.004, "url": "http://a"},
            "chat": {"state": "unreachable", "latency_seconds": None, "url": "http://b"},
        },
    }
    print_health(get_health(serve(json.dumps(document).encode()), 5))

    shown = capsys.readouterr().out
    assert "4.0 ms" in shown
    assert "unreachable" in shown


@pytest.mark.parametrize("body", [b"hello", b"[1]", b"{}"])
def test_what_is_no_system_is_said(serve: Serve, body: bytes) -> None:
    with pytest.raises(BackendUnavailable, match="not Affectscope"):
        get_health(serve(body), 5)

"""A webhook that keeps what it gets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One alert of one message."""

    path: str
    at: float
    alert: dict[str, Any]


class WebhookReceiver:
    """What came, by path."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[Received] = []

    def url(self, path: str) -> str:
        """Where to send."""
        return f"http://127.0.0.1:{self.port}{path}"

    def find(self, path: str, status: str, **labels: str) -> Received | None:
        """The first alert with a status and labels that came to a path."""
        for one in self.received:
            found = one.alert["labels"]
            if (
                one.path == path
                and one.alert["status"] == status
                and all(found.get(name) == value for name, value in labels.items())
            ):
                return one
        return None


@contextmanager
def webhook_receiver() -> Iterator[WebhookReceiver]:
    """Receive on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            now = time.monotonic()
            receiver.received += [Received(self.path, now, alert) for alert in body["alerts"]]
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = WebhookReceiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

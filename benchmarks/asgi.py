"""Requests to an ASGI application in this process, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"host", b"localhost:8003"),
    (b"user-agent", b"curl/7.88.1"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
)
"""Headers as curl and a gateway send them."""

SAMPLED = (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
"""The header of a caller whose trace is recorded."""

_BOUNDARY = b"benchmark"


def request_scope(
    path: str,
    *,
    method: str = "GET",
    headers: Sequence[tuple[bytes, bytes]] = HEADERS,
    query: bytes = b"",
) -> dict[str, Any]:
    """Return the scope of a request from this machine."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8003),
        "state": {},
    }


async def call(app: App, scope: Any, body: bytes = b"") -> tuple[int, bytes]:
    """Send one request.

    Args:
        app: The application.
        scope: From `request_scope`; applications write into it, so it serves one request.
        body: The request's body, in one piece.

    Returns:
        Status and body of the answer.
    """
    status = 0
    parts: list[bytes] = []
    asked = 0

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        if asked > 1:
            # The client stays until it has its answer, as a real one does.
            await asyncio.Event().wait()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(parts)


def json_headers(body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of a request whose body is JSON."""
    return (
        *HEADERS,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    )


def file_body(field: str, file: Path) -> bytes:
    """Return a multipart body with one file."""
    disposition = f'form-data; name="{field}"; filename="{file.name}"'.encode()
    return (
        b"--%s\r\ncontent-disposition: %s\r\ncontent-type: application/octet-stream\r\n\r\n%s\r\n"
        b"--%s--\r\n" % (_BOUNDARY, disposition, file.read_bytes(), _BOUNDARY)
    )


def file_headers(body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of a request whose body is `file_body`'s."""
    return (
        *HEADERS,
        (b"content-type", b"multipart/form-data; boundary=" + _BOUNDARY),
        (b"content-length", b"%d" % len(body)),
    )

"""Requests of the generator are proper HTTP, to real services."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from affectscope.gateway.backends import BACKENDS, SURVEY
from affectscope.gateway.load.closed import call
from affectscope.gateway.load.wire import Address

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def echo() -> str:
    """A server that answers in pieces and keeps the connection."""
    held = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = held.accept()
        with connection:
            for _ in range(2):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2")
                connection.sendall(b"00 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n")
                connection.sendall(b"0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{held.getsockname()[1]}"
    held.close()
    thread.join(5)


def calls(url: str, count: int) -> list[str | None]:
    async def run() -> list[str | None]:
        address = Address(SURVEY, url, "test")
        found = [(await call(address, TRACEPARENT, 3))[0] for _ in range(count)]
        await address.close()
        return found

    return asyncio.run(run())


def test_an_answer_in_pieces_is_one_and_the_connection_serves_again(echo: str) -> None:
    assert calls(echo, 2) == [None, None]


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", b"nonsense\r\n\r\n", b""],
    ids=["cut off", "no HTTP", "closed"],
)
def test_a_broken_answer_is_a_lost_request(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:

        def serve() -> None:
            connection, _ = held.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()

        assert calls(f"http://127.0.0.1:{held.getsockname()[1]}", 1) == ["backend-unavailable"]
        thread.join(5)


def test_a_connection_that_the_server_closes_is_not_used_again(server_that) -> None:
    def closes(_: float) -> tuple[int, bytes]:
        return 200, b"{}"

    url = server_that(closes)

    assert calls(url, 3) == [None, None, None]


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_service_is_sent_its_sample(backend) -> None:
    address = Address(backend, "http://[::1]:8001/prefix", "affectscope-load/r1")
    written: list[bytes] = []

    class Recorder:
        def send(self, _: object, *parts: bytes) -> None:
            written.extend(parts)

    address.write(Recorder(), None, TRACEPARENT)  # type: ignore[arg-type]

    head, _, body = b"".join(written).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST /prefix{backend.endpoint} HTTP/1.1"
    assert "host: [::1]:8001" in lines
    assert "user-agent: affectscope-load/r1" in lines
    assert f"traceparent: {TRACEPARENT}" in lines
    assert f"content-length: {len(body)}" in lines

"""Services that are gone, slow or dying, as a client of the gateway meets them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.responses import JSONResponse, Response


@contextmanager
def raw_server(answer: bytes, *, close: bool = True) -> Iterator[str]:
    """A server that sends some bytes to whoever asks, and then breaks off or says no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = []

        def run() -> None:
            while True:
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                peer.recv(65536)
                peer.sendall(answer)
                if close:
                    peer.close()
                else:
                    held.append(peer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    for peer in held:
        peer.close()
    thread.join(5)


class TestLostServices:
    """A service that is gone, slow or dying gives a clean error, never a hang."""

    def test_nothing_listens(self, make_gateway, client):
        url, _ = make_gateway()

        answer = client.post(f"{url}/analyze-survey", json={})

        assert answer.json()["type"] == "urn:affectscope:problem:backend-unavailable"
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["backend"] == "survey"

    def test_it_takes_too_long(self, small_service, serve, make_gateway, client):
        service = small_service("chat")

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            await asyncio.sleep(5)
            return Response()

        url, _ = make_gateway(chat_url=serve(service.app), backend_answer_seconds=0.2)

        answer = client.post(f"{url}/analyze-chat", json={})

        assert answer.status_code == 504
        assert "0.2 s" in answer.json()["detail"]

    def test_it_stops_answering_anything(self, make_gateway, client):
        with raw_server(b"", close=False) as silent:
            url, _ = make_gateway(
                chat_url=silent, backend_silence_seconds=0.5, probe_timeout_seconds=0.1
            )

            begin = time.monotonic()
            answer = client.post(f"{url}/analyze-chat", json={})

            assert answer.json()["type"] == "urn:affectscope:problem:backend-timeout"
            assert "not answered anything" in answer.json()["detail"]
            assert time.monotonic() - begin < 5

    def test_it_dies_before_it_answers(self, make_gateway, client):
        with raw_server(b"") as dying:
            url, _ = make_gateway(chat_url=dying)

            answer = client.post(f"{url}/analyze-chat", json={})

            assert answer.json()["type"] == "urn:affectscope:problem:backend-unavailable"

    def test_it_dies_within_a_small_answer(self, make_gateway, client):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        with raw_server(head) as dying:
            url, _ = make_gateway(chat_url=dying)

            answer = client.post(f"{url}/analyze-chat", json={})

            assert answer.json()["type"] == "urn:affectscope:problem:backend-unavailable"

    def test_it_dies_within_a_large_answer(self, make_gateway, client):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nxxx"
        with raw_server(head) as dying:
            url, _ = make_gateway(chat_url=dying)

            with pytest.raises(httpx.RemoteProtocolError):
                client.post(f"{url}/analyze-chat", json={})

    def test_it_stops_within_a_large_answer(self, make_gateway, client):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nxxx"
        with raw_server(head, close=False) as silent:
            url, _ = make_gateway(
                chat_url=silent, backend_silence_seconds=0.5, probe_timeout_seconds=0.1
            )

            with pytest.raises(httpx.RemoteProtocolError):
                client.post(f"{url}/analyze-chat", json={})

    @pytest.mark.parametrize("sent", [b'{"a":1}\n', b'{"a":'])
    def test_it_dies_within_lines(self, make_gateway, client, sent):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
        chunk = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(sent), sent)
        with raw_server(head + chunk) as dying:
            url, _ = make_gateway(chat_url=dying)

            answer = client.post(f"{url}/analyze-chat", json={})

        last = json.loads(answer.text.splitlines()[-1])
        assert last["type"] == "error"
        assert last["problem"]["type"] == "urn:affectscope:problem:backend-unavailable"

    def test_too_many_requests_to_one_service(self, small_service, serve, make_gateway, client):
        service, arrived, go = small_service("chat"), threading.Event(), threading.Event()

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            arrived.set()
            await asyncio.to_thread(go.wait, 10)
            return JSONResponse({})

        url, _ = make_gateway(
            chat_url=serve(service.app), backend_connections=1, backend_connect_seconds=0.3
        )
        first = threading.Thread(target=httpx.post, args=(f"{url}/analyze-chat",))
        first.start()
        assert arrived.wait(10)

        answer = client.post(f"{url}/analyze-chat", json={})

        go.set()
        first.join()
        assert answer.json()["type"] == "urn:affectscope:problem:overloaded"

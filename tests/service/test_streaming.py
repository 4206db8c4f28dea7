"""Lines go out at the client's pace, and nobody writes them for a client that has left."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import httpx
import pytest
from fastapi import Request
from starlette.responses import Response

from affectscope.errors import ClientGone
from affectscope.service.streaming import PATIENCE_SECONDS, Lines, LineStream
from tests.service.apps import client, make, running, until

pytestmark = pytest.mark.anyio
NDJSON = {"accept": "application/x-ndjson"}


def head(path: str, *, lines: bool = True) -> bytes:
    accept = "Accept: application/x-ndjson\r\n" if lines else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{accept}"
        "Content-Length: 2\r\n\r\n{}"
    ).encode()


class TestPace:
    async def test_the_writer_is_never_far_ahead(self) -> None:
        lines = Lines(threading.Event())
        written = []

        def write() -> None:
            for number in range(100):
                lines.put(b"%d\n" % number)
                written.append(number)
            lines.put(None)

        work = asyncio.ensure_future(asyncio.to_thread(write))
        await asyncio.sleep(0.3)
        ahead = len(written)
        received = [piece async for piece in lines.pieces()]
        await work

        assert ahead == 8
        assert received == [b"%d\n" % number for number in range(100)]

    async def test_a_client_that_takes_nothing_is_cut_off(self) -> None:
        service, slow = make()
        patience = 0.5

        @service.app.post("/impatient")
        async def impatient(request: Request) -> Response:
            await service.read_json(request)
            gone = threading.Event()
            lines = Lines(gone, patience)

            def write() -> None:
                slow.began.set()
                try:
                    while True:
                        lines.put(b"x" * 65_536)
                finally:
                    slow.closed.set()

            return LineStream(lines, asyncio.ensure_future(service.run(write)))

        async with running(service) as (host, port):
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(peer, (host, port))
            await loop.sock_sendall(peer, head("/impatient"))

            assert await until(slow.closed.is_set)
            assert await until(lambda: service.telemetry.in_flight == 0)
            received = b""
            while piece := await asyncio.wait_for(loop.sock_recv(peer, 1 << 20), 10):
                received += piece
            peer.close()
            body, _ = service.telemetry.exposition(None)

        assert not received.endswith(b"0\r\n\r\n")
        wanted = b'test_errors_total{endpoint="/impatient",error_type="client-closed-request"} 1.0'
        assert wanted in body
        assert patience < PATIENCE_SECONDS

    async def test_an_abandoned_writer_does_not_wait(self) -> None:
        lines = Lines(threading.Event())

        def write() -> None:
            while True:
                lines.put(b"x")

        work = asyncio.ensure_future(asyncio.to_thread(write))
        await lines.begun
        began = time.perf_counter()
        lines.abandon()
        with pytest.raises(ClientGone):
            await work

        assert time.perf_counter() - began < 5


class TestLeaving:
    @pytest.mark.parametrize("lines", [True, False])
    async def test_before_the_first_record(self, lines: bool) -> None:
        service, slow = make()
        go = threading.Event()

        @service.app.post("/late")
        async def late(request: Request) -> Response:
            await service.read_json(request)

            def stream() -> object:
                slow.began.set()
                go.wait(10)
                yield from slow.stream(5, 0, 10**9)

            return await service.answer(request, stream, modalities=("text",))  # type: ignore[arg-type]

        async with running(service) as (host, port):
            _, writer = await asyncio.open_connection(host, port)
            writer.write(head("/late", lines=lines))
            assert await until(slow.began.is_set)
            writer.close()

            assert await until(lambda: service.telemetry.in_flight == 0)
            go.set()
            assert await until(slow.closed.is_set)
        assert slow.yielded == 0

    async def test_while_waiting_for_a_worker(self) -> None:
        service, slow = make(workers=1, queue_limit=1)
        async with running(service) as (host, port), client(service) as web:
            first = asyncio.ensure_future(web.post("/analyze-test?count=8&pause=0.1", json={}))
            assert await until(slow.began.is_set)
            _, writer = await asyncio.open_connection(host, port)
            writer.write(head("/analyze-test?count=100&pause=0.1"))
            assert await until(lambda: service.pool.depth == 1)
            writer.close()

            assert await until(lambda: service.pool.depth == 0)
            assert (await first).status_code == 200
        assert slow.yielded == 8


class TestFiles:
    async def test_a_file_is_there_until_its_last_line(self) -> None:
        service, slow = make()
        async with running(service) as (host, port), httpx.AsyncClient() as web:
            answer = await web.post(
                f"http://{host}:{port}/file?count=12&pause=0.05",
                files={"media": ("a.bin", b"abc")},
                headers=NDJSON,
            )
            folder = service._uploads.path()

            assert await until(lambda: not any(folder.iterdir()))
        lines = [json.loads(line) for line in answer.text.splitlines()]
        sizes = [
            line["segment"]["measures"]["bytes"] for line in lines if line["type"] == "segment"
        ]
        assert sizes == [3] * 12
        assert lines[-1]["type"] == "end"
        assert slow.yielded == 12

    async def test_it_goes_with_a_client_that_leaves(self) -> None:
        service, slow = make()
        async with running(service) as (host, port):
            async with (
                httpx.AsyncClient() as web,
                web.stream(
                    "POST",
                    f"http://{host}:{port}/file?count=2000&pause=0.01",
                    files={"media": ("a.bin", b"abc")},
                    headers=NDJSON,
                ) as answer,
            ):
                async for _ in answer.aiter_raw():
                    break
            folder = service._uploads.path()

            assert await until(lambda: not any(folder.iterdir()))
        assert slow.yielded < 2000


async def test_a_broken_stream_counts_as_an_error_of_its_kind() -> None:
    service, _ = make()
    async with client(service) as web:
        await web.post("/analyze-test?count=9000&fail_at=5000", json={}, headers=NDJSON)
        text = (await web.get("/metrics")).text

    assert 'test_errors_total{endpoint="/analyze-test",error_type="undecodable-media"} 1.0' in text

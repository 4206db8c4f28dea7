"""Clients that send frames without end and never a message are closed at once."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn

from affectscope.service.server import Server
from affectscope.service.websockets import MOST_FRAMES, LimitedWebSockets
from tests.service.live_parts import PATH, client, ended, make, metric, serving

pytestmark = pytest.mark.anyio

MASK = b"\x80abcd"
BEGIN, GO_ON, PING, PONG = b"\x02" + MASK, b"\x00" + MASK, b"\x89" + MASK, b"\x8a" + MASK


@pytest.mark.parametrize(
    ("first", "frame"), [(BEGIN, GO_ON), (b"", PING), (b"", PONG)], ids=["parts", "pings", "pongs"]
)
async def test_too_many_frames_that_are_no_message(first: bytes, frame: bytes) -> None:
    service = make()
    async with serving(service) as (address, _):
        web = await client(address, ping_interval=None)
        web.transport.write(first + frame * (MOST_FRAMES + 50))

        assert (await ended(web))[1:] == (1008, "too many frames without a message")
    assert metric(service, "affectscope_live_ended_total", endpoint=PATH, code="1008") == 1


async def test_messages_begin_the_count_anew() -> None:
    async with serving(make()) as (address, _), client(address, ping_interval=None) as web:
        for _ in range(3):
            web.transport.write(PING * (MOST_FRAMES - 10))
            await web.send(b"x")
            assert await asyncio.wait_for(web.recv(), 20) == b"x"


async def test_a_client_that_has_to_wait_owes_no_answer_to_pings() -> None:
    service = make()
    config = uvicorn.Config(
        service.app,
        port=0,
        log_config=None,
        access_log=False,
        ws=LimitedWebSockets,
        ws_ping_interval=0.02,
        ws_ping_timeout=0.02,
        timeout_graceful_shutdown=2,
    )
    server = Server(service, config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    address = f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with client(address, ping_interval=None) as web:
        web.transport.pause_reading()
        await asyncio.sleep(0.3)
        web.transport.resume_reading()
        await web.send(b"x")
        assert await asyncio.wait_for(web.recv(), 20) == b"x"
    server.should_exit = True
    await task


async def test_a_message_in_parts() -> None:
    async with serving(make()) as (address, _), client(address) as web:
        await web.send([b"part"] * 500)
        assert await asyncio.wait_for(web.recv(), 20) == b"part" * 500

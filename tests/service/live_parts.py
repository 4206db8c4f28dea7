"""A service of the tests that answers what is said to it on a WebSocket, and its clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from affectscope.errors import InvalidValue, ModelUnavailable
from affectscope.service import LiveConnection, LiveDoor, LiveSettings, Service, read_purpose
from affectscope.service.live import HARD_LIMIT
from affectscope.service.server import Server
from affectscope.service.websockets import LimitedWebSockets

PATH = "/live-test"


def make(path: str = PATH, **settings: object) -> Service:
    """Return a service whose messages say what happens: see `_answer`."""
    found = LiveSettings.model_validate({"observatory_url": "", **settings})
    service = Service("test", settings=found, title="Test", description="x", endpoints=[path])
    door = LiveDoor(service, found, path)

    async def echo(connection: LiveConnection) -> None:
        await connection.accept()
        while True:
            message = await connection.receive()
            if isinstance(message, bytes):
                connection.check_size(message)
                connection.good()
                await connection.send(message)
            else:
                await _answer(connection, message)

    @service.app.websocket(path)
    async def live(websocket: WebSocket) -> None:
        await door.serve(websocket, echo)

    return service


async def _answer(connection: LiveConnection, message: str) -> None:
    match message:
        case "headers":
            await connection.send(json.dumps(dict(connection.websocket.headers)))
        case "defect":
            raise ZeroDivisionError("a defect")
        case "unavailable":
            raise ModelUnavailable("no weights")
        case "bad":
            await connection.send(connection.bad(InvalidValue("a bad message"), number=7))
        case "flood":
            while True:
                await connection.send(b"x" * 1_000_000)
        case _:
            await connection.send(json.dumps(read_purpose(message, ("face",))))


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[tuple[str, Server]]:
    """Serve as a process would; yields the address and the server."""
    settings = service.settings
    assert isinstance(settings, LiveSettings)
    config = uvicorn.Config(
        service.app,
        port=0,
        log_config=None,
        access_log=False,
        ws=LimitedWebSockets,
        ws_max_size=HARD_LIMIT * settings.live_message_bytes,
        timeout_graceful_shutdown=2,
    )
    server = Server(service, config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", server
    finally:
        server.should_exit = True
        await task


def client(address: str, path: str = PATH, **options: Any) -> connect:
    """Return a connection to be awaited or entered; it is patient and uses no proxy."""
    return connect(f"ws://{address}{path}", proxy=None, compression=None, **options)


async def heard(connection: ClientConnection) -> dict[str, Any]:
    """Return the next message of a service, which is JSON."""
    document: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), 60))
    return document


async def ended(connection: ClientConnection) -> tuple[list[Any], int | None, str | None]:
    """Return all that is still said, and the code and reason of the end."""
    said = []
    try:
        while True:
            message = await asyncio.wait_for(connection.recv(), 60)
            said.append(json.loads(message) if isinstance(message, str) else message)
    except ConnectionClosed:
        return said, connection.close_code, connection.close_reason


def slug(message: dict[str, Any]) -> str:
    """Return the kind of a problem."""
    return str(message["problem"]["type"]).rsplit(":", 1)[1]


def metric(service: Service, name: str, **labels: str) -> float | None:
    """Return the value of a metric of a service."""
    return service.telemetry.registry.get_sample_value(name, {"service": service.name, **labels})

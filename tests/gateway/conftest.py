"""Real applications on real ports, each in a thread of the test's own process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from affectscope.gateway import GatewaySettings
from affectscope.gateway.app import Gateway, create
from affectscope.gateway.backends import BACKENDS
from affectscope.service import Service, ServiceSettings

Serve = Callable[[ASGIApp], str]
MakeGateway = Callable[..., tuple[str, Gateway]]


class Servers:
    """Applications being served, all stopped together."""

    def __init__(self) -> None:
        self._running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(self, app: ASGIApp) -> str:
        """Serve an application; returns its address."""
        config = uvicorn.Config(
            app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        self._running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        for server, _ in self._running:
            server.should_exit = True
        for _, thread in self._running:
            thread.join(10)


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = Servers()
    yield servers.start
    servers.stop()


@pytest.fixture
def refused() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def make_gateway(serve: Serve, refused: str) -> MakeGateway:
    """Make and serve a gateway; services without an address are gone."""

    def make(**settings: object) -> tuple[str, Gateway]:
        urls = {f"{backend.name}_url": refused for backend in BACKENDS}
        quick = {"probe_seconds": 0.05, "probe_timeout_seconds": 0.5, "observatory_url": ""}
        found = GatewaySettings.model_validate({**urls, **quick, **settings})
        gateway = create(found)
        assert isinstance(gateway, Gateway)
        return serve(gateway.app), gateway

    return make


@pytest.fixture
def small_service() -> Callable[[str], Service]:
    """Make a service without endpoints of its own, from the factory that makes the real ones."""

    def make(name: str) -> Service:
        return Service(
            name, settings=ServiceSettings(), title=name, description=name, endpoints=["/x"]
        )

    return make


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something holds, for at most ten seconds."""

    def wait(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end, "it never came to hold"
            time.sleep(0.02)

    return wait

"""One service as one process."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import sys
import threading

import uvicorn

from affectscope.errors import InvalidValue
from affectscope.service.factory import Service
from affectscope.service.live import HARD_LIMIT
from affectscope.service.security import INTERNAL_HEADER, OPERATOR_HEADER
from affectscope.service.settings import LiveSettings, ServiceSettings
from affectscope.service.websockets import LimitedWebSockets
from affectscope.telemetry import Destination, configure_logging, get_logger

LIFELINE = "AFFECTSCOPE_LIFELINE_FD"
"""Names the descriptor of a pipe that only the keeper of the processes holds open."""


def run_service(service: Service) -> None:
    """Serve until told to stop; returns when the last answer is out.

    Raises:
        InvalidValue: The settings would leave it open to others, or name no lifeline.
        SystemExit: The port cannot be bound.
    """
    settings = service.settings
    settings.check()
    secret = settings.internal_secret
    service.telemetry.export_to(
        Destination(
            settings.observatory,
            {}
            if secret is None
            else {INTERNAL_HEADER: secret.get_secret_value(), OPERATOR_HEADER: "1"},
            settings.trace_ratio,
        )
    )
    configure_logging(
        service.name,
        level=logging.getLevelNamesMapping()[settings.log_level.upper()],
        collect=service.telemetry.collect_log,
    )
    _hold_lifeline()
    service.owns_process = True
    # Its start and stop are told by lines of our own; what goes wrong still shows.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    get_logger().info("starting", port=settings.port)
    config = uvicorn.Config(
        service.app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws=LimitedWebSockets,
        ws_max_size=_largest_message(settings),
        # Pictures and sound are compressed already, and what unpacks can unpack to too much.
        ws_per_message_deflate=False,
        access_log=False,
        server_header=False,
        log_config=None,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
    server = Server(service, config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(3)


class Server(uvicorn.Server):
    """Uvicorn, which closes WebSockets on its own as soon as it stops: the service comes first.

    Args:
        service: What is served.
        config: Of its application.
    """

    def __init__(self, service: Service, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; see `uvicorn.Server`."""
        await self._service.prepare_stop()
        await super().shutdown(sockets)


def _largest_message(settings: ServiceSettings) -> int:
    """Return the bytes of a WebSocket message beyond which the connection ends."""
    limit = settings.live_message_bytes if isinstance(settings, LiveSettings) else 1024
    return HARD_LIMIT * limit


def _hold_lifeline() -> None:
    """Die with the keeper: its end of the pipe closes however it ends, even when killed."""
    named = os.environ.get(LIFELINE)
    if named is None:
        return
    try:
        descriptor = int(named)
        os.fstat(descriptor)
    except (ValueError, OSError) as error:
        raise InvalidValue(f"{LIFELINE} is {named!r}, which is no open descriptor") from error

    def watch() -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            # Who waits here is idle to the sampler of stacks; who waits in `read` looks busy.
            while selector.select() and os.read(descriptor, 1):
                pass
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()

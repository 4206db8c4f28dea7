"""One service as one process."""

from __future__ import annotations

import logging
import os
import selectors
import threading

import uvicorn

from affectscope.errors import InvalidValue
from affectscope.service.factory import Service
from affectscope.service.security import INTERNAL_HEADER, OPERATOR_HEADER
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
    uvicorn.run(
        service.app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        server_header=False,
        log_config=None,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )


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

"""Ask an ASGI application in this process, and run what a test expects of a running loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask() -> Ask:
    """`ask(app, "GET", "/path", ...)` gives the answer; what the application raises is a 500."""

    def ask(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **options)

        return asyncio.run(once())

    return ask


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Leave logging as it was found, for its configuration belongs to the whole process."""
    root = logging.getLogger()
    names = ("httpx", "httpcore", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in (None, *names)}
    handlers = root.handlers[:]
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    for logger, level in levels.items():
        logger.setLevel(level)

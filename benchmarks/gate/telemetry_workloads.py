"""What the telemetry does for a request, around an application that does nothing."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

from benchmarks.asgi import HEADERS, SAMPLED, App, call, request_scope
from benchmarks.gate.work import Work

_ROUTE = SimpleNamespace(path="/ping")
_START = {"type": "http.response.start", "status": 200, "headers": []}
_BODY = {"type": "http.response.body", "body": b"pong"}


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """An application that costs next to nothing, so that what is measured is the telemetry."""
    scope["route"] = _ROUTE
    await send(_START)
    await send(_BODY)


def measured_app(level: str) -> App:
    """The application above under the middleware.

    Args:
        level: `metrics`; `logged`, with log lines too, whose trace is sampled out; or `recorded`,
            with log lines and a trace that waits to be sent.
    """
    from affectscope.telemetry import Telemetry

    logged = level != "metrics"
    telemetry = Telemetry("bench", "bench", "1", ["/ping"], access_log=logged)
    if logged:
        # Imported here, so that a tree that cannot do this can still be measured without.
        from affectscope.telemetry import Destination, configure_logging

        # Nothing listens there and nothing is sent, for the telemetry is not started.
        telemetry.export_to(Destination("http://127.0.0.1:9", ratio=0.01))
        configure_logging("bench", stream=nowhere(), collect=telemetry.collect_log)
    return telemetry.middleware(answer)


@functools.cache
def nowhere() -> Any:
    """A stream for log lines: each is written, as in a service, and gone."""
    return open(os.devnull, "w")


def requests(level: str) -> Callable[[int, AsyncExitStack], Awaitable[Work]]:
    """Requests through the middleware at one level; see `measured_app`."""
    headers = (*HEADERS, SAMPLED) if level == "recorded" else HEADERS

    async def make(inner: int, stack: AsyncExitStack) -> Work:
        loop = asyncio.get_running_loop()
        scopes: list[dict[str, Any]] = []
        app: App | None = None

        def renew() -> None:
            # A queue that is full would take the short way of dropping, so each turn has its own.
            nonlocal app
            app = measured_app(level)

        def prepare() -> None:
            scopes[:] = [request_scope("/ping", headers=headers) for _ in range(inner)]

        async def run() -> None:
            assert app is not None
            for scope in scopes:
                await call(app, scope)

        renew()
        return Work(run, loop, before_run=prepare, before_turn=renew)

    return make


async def spans(inner: int, stack: AsyncExitStack) -> Work:
    """Spans made of a finished request with five stages, as the sending thread does."""
    finished, resource = finished_request()
    from affectscope.telemetry.spans import request_spans

    async def run() -> None:
        for _ in range(inner):
            request_spans(finished, resource)

    return Work(run, asyncio.get_running_loop())


def finished_request() -> tuple[Any, Any]:
    """A request with five stages as its middleware leaves it, and the resource it belongs to."""
    from opentelemetry.sdk.resources import Resource

    from affectscope.telemetry.context import RequestContext, random_ids
    from affectscope.telemetry.spans import FinishedRequest
    from affectscope.telemetry.timings import Timings

    context = RequestContext([*HEADERS, SAMPLED], random_ids)
    timings = Timings(request=context)
    for name in ("upload", "queue", "decode", "infer", "store"):
        timings.add(name, 0.01)
    finished = FinishedRequest(
        context, "POST", "/ping", 200, None, 0.0, 0.05, 1e9, 100, 200, timings
    )
    return finished, Resource({"service.name": "bench"})


async def exposition(inner: int, stack: AsyncExitStack) -> Work:
    """The metrics of a service that has answered in many ways, as a scraper gets them."""
    telemetry = busy_telemetry()

    async def run() -> None:
        for _ in range(inner):
            telemetry.exposition(None)

    return Work(run, asyncio.get_running_loop())


def busy_telemetry() -> Any:
    """The telemetry of a service after answers of ten kinds to three endpoints, with stages."""
    from affectscope.telemetry import Telemetry, stage

    endpoints = ["/one", "/two", "/three"]
    telemetry = Telemetry("bench", "bench", "1", endpoints, access_log=False)
    codes = (200, 202, 400, 403, 404, 413, 415, 422, 500, 503)

    async def everything() -> None:
        for path in endpoints:
            for status in codes:
                start = {"type": "http.response.start", "status": status, "headers": []}

                async def app(scope: Any, receive: Any, send: Any, start: Any = start) -> None:
                    scope["route"] = SimpleNamespace(path=scope["path"])
                    await receive()
                    for name in ("queue", "decode", "infer", "store"):
                        with stage(name):
                            pass
                    await send(start)
                    await send(_BODY)

                await call(telemetry.middleware(app), request_scope(path, method="POST"), b"x")

    step = everything()
    try:
        step.send(None)
    except StopIteration:
        return telemetry
    raise AssertionError("nothing in there waits")

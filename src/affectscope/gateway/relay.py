"""Passing a request on to a service, and its answer back, without ever holding either whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from affectscope.errors import AffectscopeError, ClientGone, Unavailable, problem
from affectscope.gateway.backends import Backend
from affectscope.gateway.lines import Lines
from affectscope.gateway.settings import GatewaySettings
from affectscope.gateway.slugs import problem_slug
from affectscope.service import check_length, chunks
from affectscope.telemetry import get_logger

Result = TypeVar("Result")
RawHeaders = Sequence[tuple[bytes, bytes]]
"""Names and values as they travel, which need not be text."""

_log = get_logger()

WHOLE_BYTES = 1024 * 1024
"""Answers up to this size are read whole before the first byte goes out, so that a service that dies
while answering gives a clean problem instead of half a document."""

NDJSON = "application/x-ndjson"
ERROR_TYPE = "affectscope.error_type"
"""Key of the scope under which the middleware finds the slug of an answer."""

# Lists of what passes, not of what is removed: hop-by-hop headers, forged internal ones, cookies,
# credentials and Origin (which the gateway has judged) stay outside without being named.
_REQUEST_HEADERS = (
    b"accept",
    b"accept-language",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"user-agent",
    b"tracestate",
)
_ANSWER_HEADERS = (
    b"cache-control",
    b"content-disposition",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"retry-after",
    b"vary",
)


def request_headers(given: RawHeaders, own: Mapping[str, str]) -> RawHeaders:
    """Return the headers of a request to a service.

    Args:
        given: Headers of the client's request, names in lower case.
        own: What the gateway says itself: identity, trace, secret.
    """
    kept = [(name, value) for name, value in given if name in _REQUEST_HEADERS]
    said = [(name.encode(), value.encode()) for name, value in own.items()]
    return [(b"accept-encoding", b"identity"), *kept, *said]


async def first_of(
    work: Coroutine[Any, Any, Result], *ends: Coroutine[Any, Any, AffectscopeError]
) -> Result:
    """Do some work, unless something happens first that makes it pointless.

    Args:
        work: What to do.
        ends: Each waits for such an event and returns the error to raise then.

    Returns:
        The result of the work.

    Raises:
        AffectscopeError: The error of the first end, after the work has been cancelled.
    """
    tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(one) for one in (work, *ends)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done = next(task for task in tasks if task.done())
        if done is tasks[0]:
            result: Result = done.result()
            return result
        raise done.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Body:
    """The body of a client's request, as it arrives, and the client behind it.

    Args:
        request: The request, of which nothing was read.
        settings: Limits of the body.
    """

    def __init__(self, request: Request, settings: GatewaySettings) -> None:
        self._request = request
        self._settings = settings
        self._arrived = asyncio.Event()
        self._answered = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body.

        Raises:
            PayloadTooLarge: More bytes than the limit.
            RequestTimeout: It stopped arriving.
            ClientGone: The client closed the connection.
        """
        limit, idle = self._settings.upload_limit_bytes, self._settings.body_idle_seconds
        async for chunk in chunks(self._request, limit, idle):
            yield chunk
        self._arrived.set()

    def answered(self) -> None:
        """Note that the last of the answer goes out: after it, a client may leave."""
        self._answered = True

    async def client_gone(self) -> ClientGone:
        """Return once the client has gone without its answer, after its whole body arrived."""
        await self._arrived.wait()
        error = await client_gone(self._request)
        while self._answered:
            await asyncio.sleep(3600)
        return error


async def client_gone(request: Request) -> ClientGone:
    """Return once the client closes its connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return ClientGone("the client closed the connection")


class Relay(Response):
    """The answer of a service to the request that is just being received.

    Args:
        request: The request, of which nothing was read.
        lines: Connections to the services.
        backend: Which service.
        headers: Headers to send, from `request_headers`.
        settings: Limits of the body.
    """

    def __init__(
        self,
        request: Request,
        lines: Lines,
        backend: Backend,
        *,
        headers: RawHeaders,
        settings: GatewaySettings,
    ) -> None:
        super().__init__()
        check_length(request, settings.upload_limit_bytes)
        self._body = Body(request, settings)
        self._query = request.url.query
        self._lines = lines
        self._backend = backend
        self._outgoing = headers
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and the answer back; see `Response`."""
        try:
            await first_of(
                self._exchange(scope, send),
                self._body.client_gone(),
                self._lines.silence(self._backend),
            )
        except AffectscopeError as error:
            if not self._started:
                raise
            # The status is long sent. An answer without an end makes the server close the
            # connection, so that what arrived does not look complete.
            _log.warning("answer cut off", backend=self._backend.name, error_type=error.slug)

    async def _exchange(self, scope: Scope, send: Send) -> None:
        async with self._lines.open(
            self._backend,
            query=self._query,
            headers=self._outgoing,
            content=self._body.chunks(),
        ) as response:
            named = [(name.lower(), value) for name, value in response.headers.raw]
            start = {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": [(name, value) for name, value in named if name in _ANSWER_HEADERS],
            }
            length = response.headers.get("content-length", "")
            if length.isdecimal() and int(length) <= WHOLE_BYTES:
                whole = b"".join([chunk async for chunk in response.aiter_raw()])
                if response.status_code >= 400:
                    scope[ERROR_TYPE] = problem_slug(response.status_code, whole)
                self._body.answered()
                await send(start)
                await send({"type": "http.response.body", "body": whole})
                return
            self._started = True
            await send(start)
            async for chunk in self._lasting(response):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._body.answered()
            await send({"type": "http.response.body", "body": b""})

    async def _lasting(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """Yield the answer; where it is one of lines and breaks off, its last line says so."""
        lines = response.headers.get("content-type", "").startswith(NDJSON)
        last = b"\n"
        try:
            with self._lines.errors(self._backend):
                async for chunk in response.aiter_raw():
                    yield chunk
                    last = chunk[-1:]
        except Unavailable as error:
            if not lines:
                raise
            ending = json.dumps({"type": "error", "problem": problem(error)}).encode() + b"\n"
            yield ending if last == b"\n" else b"\n" + ending

"""HTTP/1.1 as a load generator needs it: the bytes of a request out, the status of its answer back.

A general client costs several hundred microseconds a request, which it would add to what it
measures. This one writes prepared bytes to a connection of its own and has httptools read the
answer. No redirects, no cookies, no proxies: it speaks to the services of this system.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httptools

from affectscope.gateway.backends import Backend
from affectscope.gateway.load.sample import sample_body

_KEPT_BODY_BYTES = 4096
"""Of an answer that is an error; its type stands there."""

_IDLE_SECONDS = 2.0
"""Connections idle for longer are not used again: servers close them, uvicorn after 5 s."""


class Exchange(Protocol):
    """A request under way, which is told how it ends."""

    def answered(self, wire: Wire, status: int, body: bytes) -> None:
        """The answer is whole; `body` is the beginning of an error's."""

    def lost(self) -> None:
        """The connection broke."""


class Wire(asyncio.Protocol):
    """One connection, which carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._body = b""
        self._exchange: Exchange | None = None
        self.idle_since = 0.0

    def send(self, exchange: Exchange, *parts: bytes) -> None:
        """Write one request; its exchange is told how it ends."""
        self._exchange = exchange
        self._body = b""
        self._parser = httptools.HttpResponseParser(self)
        if self._transport is None:
            self._lose()
        else:
            self._transport.writelines(parts)

    def abort(self) -> None:
        """Break the connection at once; nobody is told of a request under way."""
        self._exchange = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # That of uvloop is none by its class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        if self._exchange is None:
            # Nothing was asked: what this server says next could not be told apart.
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._lose()

    def on_body(self, body: bytes) -> None:
        """Keep the beginning of an error's body."""
        if len(self._body) < _KEPT_BODY_BYTES and self._parser.get_status_code() >= 400:
            self._body = (self._body + body)[:_KEPT_BODY_BYTES]

    def on_message_complete(self) -> None:
        """Tell that the answer is whole."""
        status = self._parser.get_status_code()
        exchange = self._exchange
        if status < 200 or exchange is None:
            return
        self._exchange = None
        if not self._parser.should_keep_alive():
            self.abort()
        exchange.answered(self, status, self._body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that a request under way is lost."""
        self._transport = None
        self._lose()

    def _lose(self) -> None:
        exchange = self._exchange
        self.abort()
        if exchange is not None:
            exchange.lost()

    @property
    def open(self) -> bool:
        """Whether it can carry a request."""
        return self._transport is not None and not self._transport.is_closing()


class Address:
    """Where the requests to one service go, and its connections.

    Args:
        backend: The service.
        url: Its address, ``http://host:port``, perhaps with a path before the endpoint.
        agent: What the requests call themselves.
    """

    def __init__(self, backend: Backend, url: str, agent: str) -> None:
        parts = urlsplit(url)
        self.name: str = backend.name
        self._host = parts.hostname or ""
        self._ssl = True if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._ssl else 80)
        self._prefix = parts.path.rstrip("/")
        self._idle: deque[Wire] = deque()
        self._agent = agent
        body, content_type = sample_body(backend)
        kind = [f"content-type: {content_type}", f"content-length: {len(body)}"]
        self._head = self._lines(f"POST {self._prefix}{backend.endpoint}", *kind, "traceparent: ")
        self._rest = b"\r\n\r\n" + body
        self._health = self._lines(f"GET {self._prefix}/health", "connection: close", "", "")

    def _lines(self, first: str, *others: str) -> bytes:
        name = f"[{self._host}]" if ":" in self._host else self._host
        host = f"host: {name}:{self._port}"
        lines = (f"{first} HTTP/1.1", host, f"user-agent: {self._agent}", *others)
        return "\r\n".join(lines).encode()

    def take(self, now: float) -> Wire | None:
        """Return the connection that was used last and is still good; None where there is none."""
        while self._idle:
            wire = self._idle.pop()
            if wire.open and now - wire.idle_since < _IDLE_SECONDS:
                return wire
            wire.abort()
        return None

    def give_back(self, wire: Wire, now: float) -> None:
        """Keep a connection for another request; those idle for too long are closed."""
        if wire.open:
            wire.idle_since = now
            self._idle.append(wire)
        while self._idle and now - self._idle[0].idle_since > _IDLE_SECONDS:
            self._idle.popleft().abort()

    async def connect(self) -> Wire:
        """Open a connection.

        Raises:
            OSError: It cannot be opened.
        """
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(Wire, self._host, self._port, ssl=self._ssl)
        return wire

    def write(self, wire: Wire, exchange: Exchange, traceparent: str) -> None:
        """Send the sample."""
        wire.send(exchange, self._head, traceparent.encode(), self._rest)

    async def health(self) -> bytes:
        """Return the body of the service's `/health`.

        Raises:
            OSError: There is none.
        """
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._ssl)
        try:
            writer.write(self._health)
            return (await reader.read(-1)).partition(b"\r\n\r\n")[2]
        finally:
            writer.close()

    async def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().abort()
        # The loop closes them in its next turn.
        await asyncio.sleep(0)

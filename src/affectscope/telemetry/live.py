"""WebSocket connections: how many there are, how they end, and what becomes of their messages."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Literal

from affectscope.telemetry.context import NewIds, RequestContext
from affectscope.telemetry.instruments import Counters, Gauges, Histograms
from affectscope.telemetry.logs import get_logger
from affectscope.telemetry.timings import Timings, set_current

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Fate = Literal["answered", "dropped", "refused"]
"""What becomes of a message: it is looked at, or a newer one took its place, or it was bad."""

LOST: Final = 1006
"""Code of a connection that ended without a word (RFC 6455, 7.1.5)."""

_SECONDS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OWN_CODES: Final = 3000
"""From here on a client may close with any number, which therefore is no label (RFC 6455, 7.4.2)."""

_OTHER: Final = "other"


class LiveMetrics:
    """The metrics of one service's WebSocket connections.

    Args:
        service: Value of the `service` label.
    """

    def __init__(self, service: str) -> None:
        shared = {"service": service}
        self._open = Gauges(
            "affectscope_live_connections",
            "WebSocket connections that are open.",
            ("endpoint",),
            shared,
        )
        self._ended = Counters(
            "affectscope_live_ended",
            "WebSocket connections that ended, by close code; those refused, by HTTP status.",
            ("endpoint", "code"),
            shared,
        )
        self._messages = Counters(
            "affectscope_live_messages",
            "Messages of clients: `answered`, `dropped` for a newer one, or `refused` as bad.",
            ("endpoint", "fate"),
            shared,
        )
        self._latency = Histograms(
            "affectscope_live_answer_seconds",
            "Seconds from the arrival of a message to its answer, waiting included.",
            _SECONDS,
            ("endpoint",),
            shared,
        )
        self.families = (self._open, self._ended, self._messages, self._latency)
        self._lock = threading.Lock()

    def prepare(self, endpoint: str) -> None:
        """Make the series of an endpoint, at zero."""
        self._open.of(endpoint)
        self._ended.of(endpoint, "1000")
        self._latency.of(endpoint)
        for fate in ("answered", "dropped", "refused"):
            self._messages.of(endpoint, fate)

    def count(self, endpoint: str, fate: Fate, messages: int = 1) -> None:
        """Count messages by what became of them."""
        with self._lock:
            self._messages.of(endpoint, fate).value += messages

    def answered(self, endpoint: str, seconds: float) -> None:
        """Count a message that was answered, after so many seconds."""
        with self._lock:
            self._messages.of(endpoint, "answered").value += 1
            self._latency.of(endpoint).observe(seconds)

    def opened(self, endpoint: str, change: Literal[1, -1] = 1) -> None:
        """Count a connection in, or out again."""
        with self._lock:
            self._open.of(endpoint).value += change

    def ended(self, endpoint: str, code: str) -> None:
        """Count a connection that ended or was refused."""
        with self._lock:
            self._ended.of(endpoint, code).value += 1


class LiveExchange:
    """One WebSocket connection, from its handshake to its end.

    Args:
        metrics: What it feeds.
        scope: Of the connection.
        receive: Gives the client's messages.
        send: Takes the application's.
        route: Tells the template of the route that took it, once that is known.
        clock: Seconds on a clock that never goes back.
        new_ids: Source of identifiers.
        ratio: Share of the traces begun here that services behind this one record.
        access_log: Whether its end writes one line.
    """

    def __init__(
        self,
        metrics: LiveMetrics,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        route: Callable[[Scope], str],
        clock: Callable[[], float],
        new_ids: NewIds,
        ratio: float,
        access_log: bool,
    ) -> None:
        self._metrics = metrics
        self._scope = scope
        self._receive = receive
        self._send = send
        self._route = route
        self._clock = clock
        self._access_log = access_log
        self._began = clock()
        self._accepted = False
        self._code: str | None = None
        self._received = self._sent = 0
        self._timings = Timings(clock, RequestContext(scope["headers"], new_ids, ratio))

    async def serve(self, app: App) -> None:
        """Run the application for this connection, with an identity of its own."""
        before = set_current(self._timings)
        try:
            await app(self._scope, self.receive, self.send)
        finally:
            self._finish()
            set_current(before)

    async def receive(self) -> Message:
        """Hand the next message of the client to the application."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self._received += 1
        elif message["type"] == "websocket.disconnect" and self._code is None:
            code = int(message.get("code") or LOST)
            self._code = str(code) if code < _OWN_CODES else _OTHER
        return message

    async def send(self, message: Message) -> None:
        """Hand a message of the application to the client, at its handshake with our id."""
        kind = message["type"]
        if kind in ("websocket.accept", "websocket.http.response.start"):
            own = (b"x-request-id", self._request_id())
            message = {**message, "headers": [*message.get("headers", ()), own]}
        if kind == "websocket.accept":
            self._accepted = True
            self._metrics.opened(self._route(self._scope))
        elif kind == "websocket.http.response.start":
            self._code = str(message["status"])
        elif kind == "websocket.close" and self._code is None:
            # Before the handshake it becomes an answer of 403.
            self._code = str(message.get("code", 1000)) if self._accepted else "403"
        elif kind == "websocket.send":
            self._sent += 1
        await self._send(message)

    def _request_id(self) -> bytes:
        request = self._timings.request
        assert request is not None
        return request.request_id.encode()

    def _finish(self) -> None:
        endpoint = self._route(self._scope)
        code = self._code or str(LOST)
        if self._accepted:
            self._metrics.opened(endpoint, -1)
        self._metrics.ended(endpoint, code)
        if not self._access_log:
            return
        get_logger().info(
            "live connection",
            endpoint=endpoint,
            code=code,
            seconds=round(self._clock() - self._began, 6),
            received_messages=self._received,
            sent_messages=self._sent,
        )

"""The pure ASGI middleware that measures, identifies and logs requests.

The middleware keeps nothing of a request: one small object per request does, so that any number may
run at once. What it does to measure never reaches the caller as a failure.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Container, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from affectscope.telemetry.context import NewIds, RequestContext
from affectscope.telemetry.live import LiveExchange, LiveMetrics
from affectscope.telemetry.logs import get_logger
from affectscope.telemetry.metrics import METHODS, OTHER_METHOD, UNMATCHED, RequestMetrics
from affectscope.telemetry.spans import Failure, FinishedRequest
from affectscope.telemetry.timings import Timings, set_current

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ERROR_TYPE_KEY = "affectscope.error_type"
"""Where in the scope an endpoint leaves the slug of its problem.

Counts as an error whatever the status is: an answer that is already on its way can break off.
"""

TIMINGS_KEY = "affectscope.timings"
"""Where in the scope an endpoint finds the request's timings."""

FAILURE_KEY = "affectscope.failure"
"""Where in the scope an application that answers its own defects leaves the exception."""

CLIENT_GONE = 499
"""Status of a request whose client left before an answer began (nginx's number)."""

PROBES = frozenset({"/metrics", "/health", "/livez", "/readyz"})
"""Endpoints that are asked every second and therefore neither logged nor traced."""


def route_template(scope: Scope) -> str:
    """The template of the route that took a request, such as `/analyze-chat`, else `unmatched`.

    For a route of an included FastAPI router that is the template with the prefix, which
    `route.path` alone lacks. For a mounted application it is that application's own template,
    because the mount's path may hold values of the request.
    """
    context = scope.get("fastapi")
    if context:
        effective = context.get("effective_route_context")
        if effective is not None:
            return str(effective.path_format)
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) and path else UNMATCHED


def error_type_for(status: int) -> str:
    """An error type for an answer that named none: its status in words, such as `not-found`."""
    if status == CLIENT_GONE:
        return "client-closed-request"
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return "internal"
    try:
        return HTTPStatus(status).name.lower().replace("_", "-")
    except ValueError:
        return f"http-{status}"


@dataclass
class Recording:
    """Whether and where requests are recorded.

    Attributes:
        ratio: Share of the traces begun here that are recorded, 0 to 1.
        take: Given each request that is recorded or was profiled; None where nobody wants them.
    """

    ratio: float = 1.0
    take: Callable[[FinishedRequest], None] | None = None


class TelemetryMiddleware:
    """Measures each HTTP request and WebSocket connection of an ASGI application.

    Args:
        app: The application.
        metrics: What requests feed.
        live: What connections feed.
        active: Where requests are while they are served.
        clock: Seconds on a clock that never goes back.
        new_ids: Source of identifiers.
        access_log: Whether each request writes one line.
        on_failure: Told of each failure of the telemetry itself.
        recording: Whether and where requests are recorded; may change while requests are served.
        quiet: Endpoints that are neither logged nor traced, unless they break.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: RequestMetrics,
        live: LiveMetrics,
        active: set[Exchange],
        clock: Callable[[], float],
        new_ids: NewIds,
        access_log: bool,
        on_failure: Callable[[], None],
        recording: Recording,
        quiet: Container[str] = PROBES,
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.live = live
        self.active = active
        self.clock = clock
        self.new_ids = new_ids
        self.access_log = access_log
        self.on_failure = on_failure
        self.recording = recording
        self.quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            connection = LiveExchange(
                *(self.live, scope, receive, send),
                route=route_template,
                clock=self.clock,
                new_ids=self.new_ids,
                ratio=self.recording.ratio,
                access_log=self.access_log,
            )
            await connection.serve(self.app)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            exchange = Exchange(self, scope, receive, send)
        except Exception:
            self.on_failure()
            await self.app(scope, receive, send)
            return
        before = set_current(exchange.timings)
        self.active.add(exchange)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception as error:
            exchange.broken = True
            scope.setdefault(FAILURE_KEY, error)
            raise
        finally:
            self.active.discard(exchange)
            exchange.finish()
            set_current(before)


class Exchange:
    """One request and its answer, as far as it has come.

    Attributes:
        method: Known HTTP method or `_OTHER`.
        started: When the request came in, on the middleware's clock.
        context: Who the request is.
    """

    __slots__ = (
        "_middleware",
        "_receive",
        "_scope",
        "_send",
        "arrived",
        "broken",
        "complete",
        "context",
        "disconnected",
        "ended",
        "method",
        "received",
        "sent",
        "started",
        "status",
        "timings",
    )

    def __init__(
        self,
        middleware: TelemetryMiddleware,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._middleware = middleware
        self._scope = scope
        self._receive = receive
        self._send = send
        self.started = self.arrived = self.ended = middleware.clock()
        self.received = 0
        self.sent = 0
        self.status = 0
        self.broken = False
        self.complete = False
        self.disconnected = False
        method = scope["method"]
        self.method = method if method in METHODS else OTHER_METHOD
        self.context = RequestContext(
            scope["headers"], middleware.new_ids, middleware.recording.ratio
        )
        self.timings = scope[TIMINGS_KEY] = Timings(middleware.clock, self.context)

    async def receive(self) -> Message:
        """Hand the next message of the client to the application."""
        message = await self._receive()
        if message["type"] == "http.request":
            body = message.get("body")
            # An empty message of a request without a body says nothing about arrival: it is
            # answered whenever the application asks, which may be late.
            if body or self.received:
                self.received += len(body or b"")
                now = self._middleware.clock()
                self.timings.add("upload", now - self.arrived, now)
                self.arrived = now
        elif message["type"] == "http.disconnect" and not self.complete:
            self.disconnected = True
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Hand a message of the application to the client, with our headers.

        Gives the server's own awaitable back: a coroutine around it would cost more than all that
        happens here.
        """
        try:
            kind = message["type"]
            if kind == "http.response.start":
                self.status = message["status"]
                message = {**message, "headers": self._headers(message.get("headers", ()))}
            elif kind == "http.response.body":
                self.sent += len(message.get("body", b""))
                if not message.get("more_body", False):
                    self.complete = True
                    self.ended = self._middleware.clock()
        except Exception:
            self._middleware.on_failure()
        return self._send(message)

    def _headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = list(given)
        for pair in headers:
            if pair[0] == b"x-request-id":
                # A gateway may pass on what a service behind it answered: one id is enough.
                headers = [other for other in headers if other[0] != b"x-request-id"]
                break
        timing = b"total;dur=%.3f" % ((self._middleware.clock() - self.started) * 1000)
        if self.timings.seconds:
            timing = self.timings.server_timing().encode() + b", " + timing
        headers.append((b"x-request-id", self.context.request_id.encode()))
        headers.append((b"server-timing", timing))
        return headers

    def finish(self) -> None:
        """Count and log the request; whatever fails in here stays in here."""
        middleware = self._middleware
        try:
            if not self.complete:
                self.ended = middleware.clock()
            status = self.status or (CLIENT_GONE if self.disconnected else 500)
            endpoint = route_template(self._scope)
            # An answer that broke off is an error too, whatever status had already been sent.
            error_type = self._scope.get(ERROR_TYPE_KEY)
            if error_type is not None:
                error_type = str(error_type)
            elif status >= 400:
                error_type = error_type_for(status)
            elif self.broken:
                error_type = error_type_for(500)
            middleware.metrics.ended(
                endpoint,
                self.method,
                status,
                error_type,
                self.ended - self.started,
                self.ended - self.arrived,
                self.received,
                self.sent,
                self.timings,
                self.context,
                self.ended,
            )
            if middleware.access_log:
                self._log(endpoint, status, error_type)
            take = middleware.recording.take
            if take is None or endpoint in middleware.quiet:
                return
            if self.context.sampled or self.timings.profiles:
                take(self._finished(endpoint, status, error_type))
        except Exception:
            middleware.on_failure()

    def _finished(self, endpoint: str, status: int, error_type: str | None) -> FinishedRequest:
        clock = self._middleware.clock
        error = self._scope.get(FAILURE_KEY)
        return FinishedRequest(
            self.context,
            self.method,
            endpoint,
            status,
            error_type,
            self.started,
            self.ended,
            time.time() - clock(),
            self.received,
            self.sent,
            self.timings,
            self.complete,
            None if error is None else Failure.of(error, self.ended),
            tuple(self.timings.profiles),
        )

    def _log(self, endpoint: str, status: int, error_type: str | None) -> None:
        # The template and not the path: what stands in a path or a query may be about a person.
        fields: dict[str, object] = {
            "method": self.method,
            "endpoint": endpoint,
            "status": status,
            "seconds": round(self.ended - self.started, 6),
            "received_bytes": self.received,
            "sent_bytes": self.sent,
        }
        if error_type is not None:
            fields["error_type"] = error_type
        if self.timings.seconds:
            fields["stages"] = {
                name: round(seconds, 6) for name, seconds in self.timings.seconds.copy().items()
            }
        if not self.complete:
            fields["complete"] = False
        log = get_logger()
        if endpoint in PROBES:
            # What makes them fail has a log line of its own.
            log.debug("request", **fields)
        elif status >= 500:
            log.error("request", **fields)
        elif endpoint in self._middleware.quiet:
            log.debug("request", **fields)
        else:
            log.info("request", **fields)

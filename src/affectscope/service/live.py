"""WebSocket connections: who may hold one, what they may cost, and how they end.

What is said on them is the business of the service; see `LiveDoor.serve`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from starlette.websockets import (
    WebSocket,
    WebSocketDisconnect,
    WebSocketDisconnected,
    WebSocketState,
)

from affectscope.affect import Purpose, check_purpose
from affectscope.errors import (
    AffectscopeError,
    ClientGone,
    InvalidValue,
    MalformedRequest,
    Overloaded,
    PayloadTooLarge,
    RequestTimeout,
    Unavailable,
)
from affectscope.service.bodies import parse_object
from affectscope.service.problems import problem_document, problem_response
from affectscope.service.settings import LiveSettings
from affectscope.telemetry import get_logger

if TYPE_CHECKING:
    from affectscope.service.factory import Service

GOING_AWAY = 1001
"""Close code of a service that is being stopped (RFC 6455, 7.4.1)."""

MOST_BAD = 10
"""Bad messages in a row after which a connection is closed."""

HARD_LIMIT = 4
"""How many times the largest message a message may be that is still refused with a reason; one that
is larger still ends the connection with 1009 before it has arrived."""

_RETRY_SECONDS = 5.0
_OPTIONS_BYTES = 16 * 1024
_PARTING_SECONDS = 1.0
_OPTIONS = ("justification", "purpose")
_log = get_logger()


def close_code(error: AffectscopeError) -> int:
    """Return the close code that goes with a problem.

    1013 where another try makes sense, 1011 for a defect (IANA's registry of close codes), else 4000
    and the status of the problem, such as 4403 for a purpose that is refused.
    """
    if isinstance(error, Unavailable):
        return 1013
    return 1011 if error.status >= 500 else 4000 + error.status


def read_options(text: str, others: Collection[str] = ()) -> dict[str, Any]:
    """Read the first message of a client, where it is text.

    Args:
        text: JSON; its members are all optional.
        others: Names of members beside the purpose and its justification, which are both text.

    Raises:
        PayloadTooLarge, MalformedRequest: It is too large, or no JSON object.
        InvalidValue: An unknown member, or a purpose or justification that is no text.
    """
    if len(text) > _OPTIONS_BYTES:
        raise PayloadTooLarge(
            f"the options have {len(text)} characters; valid: at most {_OPTIONS_BYTES}",
            limit=_OPTIONS_BYTES,
        )
    try:
        options: dict[str, Any] = dict(parse_object(text))
    except AffectscopeError as error:
        raise MalformedRequest(f"the options cannot be read: {error.detail}") from error
    for name, value in options.items():
        if name not in _OPTIONS and name not in others:
            valid = ", ".join(sorted((*_OPTIONS, *others)))
            raise InvalidValue(f"unknown option {name!r:.80}; valid: {valid}", field=name[:80])
        if name in _OPTIONS and not isinstance(value, str):
            raise InvalidValue(f"{name} is {value!r:.40}; valid: text", field=name)
    return options


def purpose_of(options: Mapping[str, Any], modalities: Collection[str]) -> Purpose:
    """Return the purpose that options state.

    Args:
        options: As `read_options` gives them.
        modalities: What is analysed, for the purpose gate.

    Raises:
        InvalidValue, MissingField, PurposeRefused: A bad value, or a purpose that forbids this.
    """
    return check_purpose(
        options.get("purpose", "unspecified"), options.get("justification"), modalities
    )


def read_purpose(text: str, modalities: Collection[str]) -> Purpose:
    """Read the first message of a client, where it is text with nothing but a purpose.

    Args:
        text: JSON; its members are all optional.
        modalities: What is analysed, for the purpose gate.

    Raises:
        PayloadTooLarge, MalformedRequest, InvalidValue, MissingField, PurposeRefused: As
            `read_options` and `purpose_of` say.
    """
    return purpose_of(read_options(text), modalities)


class LiveConnection:
    """One client, for as long as it stays.

    Args:
        websocket: Its connection, not accepted yet.
        settings: Limits.
        refused: Told of each bad message.

    Attributes:
        websocket: Its connection.
        most_bytes: Largest message.
    """

    def __init__(
        self, websocket: WebSocket, settings: LiveSettings, refused: Callable[[], None]
    ) -> None:
        self.websocket = websocket
        self._settings = settings
        self.most_bytes = settings.live_message_bytes
        self._refused = refused
        self._bad = 0

    async def accept(self) -> None:
        """Finish the handshake; a problem before it is an answer of HTTP, one after it a message."""
        await self.websocket.accept()

    async def receive(self, *, patient: bool = False) -> str | bytes:
        """Return the next message of the client.

        Args:
            patient: Whether it may be silent for as long as it likes.

        Raises:
            ClientGone: It closed the connection, or is lost.
            RequestTimeout: It said nothing for too long.
        """
        idle = None if patient else self._settings.live_idle_seconds
        try:
            async with asyncio.timeout(idle):
                message = await self.websocket.receive()
        except TimeoutError:
            raise RequestTimeout(f"no message arrived for {idle:g} seconds") from None
        if message["type"] == "websocket.disconnect":
            raise ClientGone(f"the client closed the connection with {message.get('code')}")
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, message: str | bytes) -> None:
        """Send a message once there is room for it; at most one may wait.

        Raises:
            ClientGone: The client is lost.
            RequestTimeout: It took nothing for too long.
        """
        stalled = self._settings.live_stalled_seconds
        try:
            async with asyncio.timeout(stalled):
                if isinstance(message, str):
                    await self.websocket.send_text(message)
                else:
                    await self.websocket.send_bytes(message)
        except TimeoutError:
            raise RequestTimeout(f"nothing that was sent was taken for {stalled:g} s") from None
        except (WebSocketDisconnect, WebSocketDisconnected) as error:
            raise ClientGone("the client closed the connection") from error

    async def close(self, code: int, reason: str | None = None) -> None:
        """Close it, where it is still open."""
        await _close(self.websocket, code, reason)

    def good(self) -> None:
        """Note that a message was good: earlier bad ones are forgiven."""
        self._bad = 0

    def bad(self, error: AffectscopeError, **members: object) -> str:
        """Note a bad message; returns what to tell the client.

        Args:
            error: What is wrong with it.
            members: Say further which one it was.

        Raises:
            AffectscopeError: The same error, where there were too many in a row.
        """
        self._refused()
        self._bad += 1
        if self._bad >= MOST_BAD:
            raise error
        return problem_message(error, **members)

    def check_size(self, message: bytes) -> None:
        """Refuse a message that is too large.

        Raises:
            PayloadTooLarge: It is.
        """
        if len(message) > self.most_bytes:
            raise PayloadTooLarge(
                f"the message has {len(message)} bytes; valid: at most {self.most_bytes}",
                limit=self.most_bytes,
            )


def problem_message(error: AffectscopeError, **members: object) -> str:
    """Return the message that tells a client of a problem."""
    document: Mapping[str, object] = {
        "type": "error",
        **members,
        "problem": problem_document(error),
    }
    text = json.dumps(document, ensure_ascii=False, default=str)
    # What is no character, half of a surrogate pair, stays an escape of JSON.
    return text.encode("utf-8", "backslashreplace").decode()


class LiveDoor:
    """Lets clients in to one endpoint, up to a number, and sees them off.

    Args:
        service: Whose endpoint it is.
        settings: Limits.
        endpoint: Its route template, for the metrics.
    """

    def __init__(self, service: Service, settings: LiveSettings, endpoint: str) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._metrics = service.telemetry.live
        self._metrics.prepare(endpoint)
        self._stopping = asyncio.Event()
        self._inside: set[asyncio.Task[Any]] = set()
        service.before_stop.append(self.close)

    async def serve(
        self, websocket: WebSocket, work: Callable[[LiveConnection], Coroutine[Any, Any, None]]
    ) -> None:
        """Serve one client.

        Args:
            websocket: Its connection, of which nothing was accepted.
            work: Speaks with it; accepts the connection when it is ready to. It is cancelled when
                the service stops. What it raises ends the connection: with a problem of HTTP where
                it was not accepted yet, else with a problem in a message and a close code.
        """
        connection = LiveConnection(websocket, self._settings, self._note_bad)
        task = asyncio.current_task()
        assert task is not None
        self._inside.add(task)
        try:
            self._admit(websocket)
            await self._until_stopped(work(connection))
            if self._stopping.is_set() and _undecided(websocket):
                raise _stopped()
            await _close(websocket, GOING_AWAY if self._stopping.is_set() else 1000)
        except ClientGone:
            return
        except AffectscopeError as error:
            await _part(websocket, error)
        except Exception:
            _log.exception("unexpected error", endpoint=self._endpoint)
            await _part(websocket, AffectscopeError("something went wrong here; the log has it"))
        finally:
            self._inside.discard(task)

    async def close(self) -> None:
        """End all connections with `GOING_AWAY`, and refuse new ones."""
        self._stopping.set()
        if self._inside:
            await asyncio.wait(self._inside, timeout=2 * _PARTING_SECONDS)

    def _admit(self, websocket: WebSocket) -> None:
        if websocket.url.query:
            # What is asked for there would otherwise go unheard, a purpose for one.
            raise InvalidValue(
                f"the address has the query {websocket.url.query!r:.80}; valid: none, for options are "
                f"the first message: JSON text with {', '.join(_OPTIONS)}"
            )
        if self._stopping.is_set():
            raise _stopped()
        limit = self._settings.live_connections
        if len(self._inside) > limit:
            raise Overloaded(
                f"{limit} live connections are open, which is the limit", retry_after=_RETRY_SECONDS
            )

    def _note_bad(self) -> None:
        self._metrics.count(self._endpoint, "refused")

    async def _until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work until it ends or the service stops."""
        tasks = [asyncio.ensure_future(one) for one in (work, self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _stopped() -> Unavailable:
    return Unavailable("this service is being stopped", retry_after=_RETRY_SECONDS)


def _undecided(websocket: WebSocket) -> bool:
    """Tell whether a connection was neither accepted nor refused."""
    return websocket.application_state is WebSocketState.CONNECTING


async def _part(websocket: WebSocket, error: AffectscopeError) -> None:
    """Tell a client of a problem, and close."""
    if _undecided(websocket):
        await websocket.send_denial_response(problem_response(error, websocket.scope))
        return
    await _patiently(websocket.send_text(problem_message(error)))
    await _close(websocket, close_code(error), error.title)


async def _close(websocket: WebSocket, code: int, reason: str | None = None) -> None:
    if websocket.application_state is WebSocketState.CONNECTED:
        await _patiently(websocket.close(code, reason))


async def _patiently(sending: Awaitable[None]) -> None:
    """Send something, unless the client is lost or takes nothing."""
    try:
        async with asyncio.timeout(_PARTING_SECONDS):
            await sending
    except (TimeoutError, WebSocketDisconnect, WebSocketDisconnected):
        pass

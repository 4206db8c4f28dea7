"""Live connections, passed on to a service and back, message by message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from starlette.responses import Response
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from affectscope.errors import AffectscopeError, BackendTimeout, BackendUnavailable
from affectscope.gateway.backends import Backend
from affectscope.gateway.lines import RETRY_SECONDS, Lines
from affectscope.gateway.relay import ERROR_TYPE, first_of
from affectscope.gateway.settings import GatewaySettings
from affectscope.gateway.slugs import problem_slug
from affectscope.service import LiveConnection
from affectscope.service.live import HARD_LIMIT

_WAITING = 4
"""Messages of a service that wait for the client; then the service waits too."""

_CLOSE_SECONDS = 1.0
_ANSWER_HEADERS = ("content-type", "retry-after")


class LiveRelay:
    """One client's live connection to a service.

    Args:
        lines: Tell whether the service has fallen silent.
        backend: The service and its endpoint.
        settings: Its address, and patience.
        headers: What the gateway says to it of the client: identity, trace, secret.
        connection: The client.
    """

    def __init__(
        self,
        lines: Lines,
        backend: Backend,
        settings: GatewaySettings,
        headers: Mapping[str, str],
        connection: LiveConnection,
    ) -> None:
        self._lines = lines
        self._backend = backend
        self._settings = settings
        self._headers = headers
        self._client = connection

    async def run(self) -> None:
        """Pass messages on until either end closes; a refusal of the service is passed on as it is.

        Raises:
            BackendUnavailable, BackendTimeout: The service is gone, or silent.
            ClientGone, RequestTimeout: The client is.
        """
        try:
            async with self._service() as service:
                await self._client.accept()
                await first_of(
                    self._down(service), self._up(service), self._lines.silence(self._backend)
                )
        except InvalidStatus as refusal:
            await self._refuse(refusal)

    @contextlib.asynccontextmanager
    async def _service(self) -> AsyncIterator[ClientConnection]:
        """Connect to the service.

        Raises:
            InvalidStatus: It refuses.
            BackendUnavailable, BackendTimeout: It is gone, or does not answer.
        """
        settings, name = self._settings, self._backend.name
        address = f"ws{settings.url(self._backend).removeprefix('http')}{self._backend.endpoint}"
        try:
            service = await _Straight(
                address,
                additional_headers=self._headers,
                user_agent_header=None,
                proxy=None,
                compression=None,
                open_timeout=settings.backend_connect_seconds,
                ping_interval=None,
                close_timeout=_CLOSE_SECONDS,
                max_size=HARD_LIMIT * settings.live_message_bytes,
                max_queue=_WAITING,
            )
        except InvalidStatus:
            raise
        except TimeoutError as error:
            raise BackendTimeout(
                f"the {name} service took no connection within "
                f"{settings.backend_connect_seconds:g} s",
                retry_after=RETRY_SECONDS,
                backend=name,
            ) from error
        except (OSError, InvalidHandshake) as error:
            raise self._gone() from error
        try:
            yield service
        finally:
            await service.close()

    def _gone(self) -> BackendUnavailable:
        name = self._backend.name
        return BackendUnavailable(
            f"the {name} service is not reachable; try again in {RETRY_SECONDS:g} s",
            retry_after=RETRY_SECONDS,
            backend=name,
        )

    async def _up(self, service: ClientConnection) -> AffectscopeError:
        """Pass on what the client sends; returns why it sends no more."""
        try:
            while True:
                await service.send(await self._client.receive())
        except AffectscopeError as error:
            return error
        except ConnectionClosed:
            # What the service said last is still on its way down.
            await asyncio.Event().wait()
            raise

    async def _down(self, service: ClientConnection) -> None:
        """Pass on what the service answers, and at last how it closed.

        Raises:
            BackendUnavailable: It broke off.
        """
        try:
            while True:
                await self._client.send(await service.recv())
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                raise self._gone() from closed
            await self._client.close(closed.rcvd.code, closed.rcvd.reason)

    async def _refuse(self, refusal: InvalidStatus) -> None:
        """Answer as the service did, in the place of a handshake."""
        answer = refusal.response
        body = bytes(answer.body or b"")
        websocket = self._client.websocket
        websocket.scope[ERROR_TYPE] = problem_slug(answer.status_code, body)
        headers = {name: answer.headers[name] for name in _ANSWER_HEADERS if name in answer.headers}
        await websocket.send_denial_response(Response(body, answer.status_code, headers))


class _Straight(connect):
    """A connection to the address that was asked for, and to no other that an answer names."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc

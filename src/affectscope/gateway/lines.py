"""The connections from the gateway to the services, and what their failures are called."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import httpx

from affectscope.errors import BackendTimeout, BackendUnavailable, MalformedRequest, Overloaded
from affectscope.gateway.backends import BACKENDS, Backend, BackendName
from affectscope.gateway.settings import GatewaySettings
from affectscope.gateway.watch import Watch

RETRY_SECONDS = 5.0
"""When to try a lost service again: the supervisor needs a few seconds to bring it back."""

_IDLE_SECONDS = 2.0
"""How long an unused connection is kept: less than the 5 s after which uvicorn closes its end, so
that a request never meets a connection that is just being closed."""


class Lines:
    """The connections to the services: one bounded pool each, so a slow one starves no other.

    Args:
        settings: Addresses and patience.
        watch: Tells which service has fallen silent.
    """

    def __init__(self, settings: GatewaySettings, watch: Watch) -> None:
        self._watch = watch
        self._silence = settings.backend_silence_seconds
        self._answer = settings.backend_answer_seconds
        self._clients: dict[BackendName, httpx.AsyncClient] = {
            backend.name: httpx.AsyncClient(
                base_url=settings.url(backend),
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(
                    settings.backend_answer_seconds,
                    connect=settings.backend_connect_seconds,
                    pool=settings.backend_connect_seconds,
                ),
                limits=httpx.Limits(
                    max_connections=settings.backend_connections,
                    max_keepalive_connections=8,
                    keepalive_expiry=_IDLE_SECONDS,
                ),
            )
            for backend in BACKENDS
        }

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    @contextlib.asynccontextmanager
    async def open(
        self,
        backend: Backend,
        *,
        query: str = "",
        headers: Mapping[str, str] | Sequence[tuple[bytes, bytes]],
        content: AsyncIterator[bytes] | bytes,
    ) -> AsyncIterator[httpx.Response]:
        """Send a request to a service's analysis and give its answer, headers read, body not.

        Args:
            backend: The service.
            query: Query string, as it came.
            headers: All headers to send, besides Host.
            content: The body; with an iterator, the length in `headers`, else it is sent chunked.

        Raises:
            BackendUnavailable: Nothing listens, or the connection broke.
            BackendTimeout: No answer in time, or the service has fallen silent.
            Overloaded: All connections to this service are busy.
            MalformedRequest: The query is none that may be sent.
        """
        target = backend.endpoint + (f"?{query}" if query else "")
        with self.errors(backend):
            client = self._clients[backend.name]
            try:
                request = client.build_request("POST", target, headers=headers, content=content)
            except httpx.InvalidURL as error:
                raise MalformedRequest(f"the query cannot be passed on: {error}") from error
            response = await client.send(request, stream=True)
        try:
            with self.errors(backend):
                yield response
        finally:
            # Also when cancelled: an answer that nobody reads must not hold its connection.
            await asyncio.shield(response.aclose())

    @contextlib.contextmanager
    def errors(self, backend: Backend) -> Iterator[None]:
        """Turn failures of a connection into errors of the tree; see `open`."""
        name = backend.name
        try:
            yield
        except httpx.PoolTimeout as error:
            raise Overloaded(
                f"all connections to the {name} service are busy", backend=name
            ) from error
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise BackendTimeout(
                f"the {name} service gave no answer within {self._answer:g} s",
                retry_after=RETRY_SECONDS,
                backend=name,
            ) from error
        except httpx.TransportError as error:
            raise BackendUnavailable(
                f"the {name} service is not reachable; try again in {RETRY_SECONDS:g} s",
                retry_after=RETRY_SECONDS,
                backend=name,
            ) from error

    async def silence(self, backend: Backend) -> BackendTimeout:
        """Return once a service has been silent for too long; meant to be waited on beside work.

        A killed service breaks its connections; a stopped one only falls silent, and without this
        its requests would wait as long as the longest analysis may take.
        """
        while (silent := self._watch.silent_seconds(backend.name)) < self._silence:
            await asyncio.sleep(max(self._silence - silent, 0.05))
        return BackendTimeout(
            f"the {backend.name} service has not answered anything for {self._silence:g} s",
            retry_after=RETRY_SECONDS,
            backend=backend.name,
        )

"""Keeps an eye on the services, away from any request, so that `/health` answers at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from affectscope.gateway.backends import BackendName
from affectscope.telemetry import get_logger

_log = get_logger()

State = str
"""`pass`, `warn` or `fail` as the service says of itself, or `unreachable`."""


@dataclass(frozen=True)
class Sight:
    """What was last seen of one service.

    Attributes:
        state: See `State`.
        latency_seconds: How long the answer took; None where there was none.
        detail: Why there was none.
        silent_since: Time of the clock since when the service takes connections, or seems to, and
            answers nothing; None where it answers or refuses them.
    """

    state: State
    latency_seconds: float | None
    detail: str | None
    silent_since: float | None = None


class Watch:
    """Asks every service for its health, again and again.

    Args:
        urls: Address of each service by name.
        interval: Seconds between two looks.
        timeout: Seconds after which a service counts as unreachable.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        urls: Mapping[BackendName, str],
        *,
        interval: float = 1.0,
        timeout: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urls = dict(urls)
        self._interval = interval
        self._timeout = timeout
        self._clock = clock
        self._sights = {name: Sight("unreachable", None, "not asked yet") for name in self._urls}

    async def run(self) -> None:
        """Look until cancelled."""
        limits = httpx.Limits(max_connections=2 * len(self._urls), keepalive_expiry=3.0)
        async with httpx.AsyncClient(
            trust_env=False, timeout=self._timeout, limits=limits
        ) as client:
            while True:
                await asyncio.gather(*(self._look(client, name) for name in self._urls))
                await asyncio.sleep(self._interval)

    async def _look(self, client: httpx.AsyncClient, name: BackendName) -> None:
        begin = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                response = await client.get(f"{self._urls[name]}/health")
            state = _state(response)
        except (TimeoutError, httpx.TimeoutException):
            since = self._sights[name].silent_since
            self._sights[name] = Sight(
                "unreachable",
                None,
                f"no answer within {self._timeout:g} s",
                begin if since is None else since,
            )
        except httpx.HTTPError as error:
            self._lost(name, f"{type(error).__name__}: {error}".rstrip(": "))
        except ValueError:
            self._lost(name, "its /health answers no health document")
        except Exception as error:
            # Whatever it is, the other services must go on being watched.
            _log.exception("cannot look at a service", backend=name)
            self._lost(name, type(error).__name__)
        else:
            self._sights[name] = Sight(state, self._clock() - begin, None)

    def _lost(self, name: BackendName, detail: str) -> None:
        self._sights[name] = Sight("unreachable", None, detail)

    def silent_seconds(self, name: BackendName) -> float:
        """Return for how long a service has answered nothing; 0.0 where it answers or is gone."""
        since = self._sights[name].silent_since
        return 0.0 if since is None else self._clock() - since

    def report(self) -> dict[str, dict[str, object]]:
        """Return what was last seen, in the form of the interface."""
        return {
            name: {
                "state": sight.state,
                "latency_seconds": sight.latency_seconds,
                "url": self._urls[name],
                **({"detail": sight.detail} if sight.detail else {}),
            }
            for name, sight in self._sights.items()
        }

    @property
    def healthy(self) -> bool:
        """Whether every service passes."""
        return all(sight.state == "pass" for sight in self._sights.values())


def _state(response: httpx.Response) -> State:
    document = response.json()
    if not isinstance(document, dict) or document.get("status") not in ("pass", "warn", "fail"):
        raise ValueError("no status of pass, warn or fail")
    return str(document["status"])

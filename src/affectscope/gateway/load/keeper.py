"""Hands runs that have ended to the observatory; without one, they are gone with the gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from affectscope.telemetry import get_logger

_PAUSES = (0.5, 2.0)
"""Seconds between tries: an observatory that is started again is back by then."""

_log = get_logger()


class RunKeeper:
    """Sends runs to the observatory, as well as may be.

    Args:
        observatory: Its address; None where there is none.
        headers: What proves that they come from a service of this system.
    """

    def __init__(self, observatory: str | None, headers: Mapping[str, str]) -> None:
        self._observatory = observatory
        self._headers = dict(headers)

    async def keep(self, run: dict[str, Any]) -> None:
        """Send a run; what fails is logged, nobody waits for it."""
        if self._observatory is None:
            return
        body = await asyncio.to_thread(lambda: json.dumps(run).encode())
        headers = {**self._headers, "content-type": "application/json"}
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            for pause in (*_PAUSES, None):
                reason = await self._try(client, body, headers)
                if reason is None:
                    return
                if pause is not None:
                    await asyncio.sleep(pause)
        _log.warning("a load test could not be kept", run=run["id"], reason=reason)

    async def _try(
        self, client: httpx.AsyncClient, body: bytes, headers: Mapping[str, str]
    ) -> str | None:
        """Send it once; return what went wrong, or None."""
        try:
            answer = await client.post(
                f"{self._observatory}/api/load-tests", content=body, headers=dict(headers)
            )
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return None if answer.is_success else f"answered {answer.status_code}"

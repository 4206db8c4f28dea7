"""What the services use while they are loaded, as their `/health` says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from affectscope.gateway.load.wire import Address

_MOST_LOOKS = 240
_LEAST_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0


class Resources:
    """Looks at memory and processor time of the services now and then.

    Args:
        addresses: The services.
        duration: Seconds that the run lasts; longer ones are looked at more seldom.
        clock: Seconds since the beginning of the run.
    """

    def __init__(
        self, addresses: Sequence[Address], duration: float, clock: Callable[[], float]
    ) -> None:
        self._addresses = addresses
        self._pause = max(_LEAST_SECONDS, duration / _MOST_LOOKS)
        self._clock = clock
        self.looks: dict[str, list[dict[str, float]]] = {one.name: [] for one in addresses}
        """By service: `start` (seconds since the beginning), `memory_bytes`, `cpu_percent`."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._pause)

    async def look(self) -> None:
        """Look once; a service that does not answer leaves a gap."""
        for address in self._addresses:
            at = self._clock()
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    document = json.loads(await address.health())
                found = {
                    "start": at,
                    "memory_bytes": float(document["memory_bytes"]),
                    "cpu_percent": float(document["cpu_percent"]),
                }
            except (OSError, TimeoutError, ValueError, KeyError, TypeError):
                continue
            self.looks[address.name].append(found)

    def growth(self) -> dict[str, float | None]:
        """Return each service's growth of memory in bytes an hour over the run's second half.

        Least squares; the first half, in which caches fill, does not count. None where there were
        fewer than four looks.
        """
        return {name: _slope(looks) for name, looks in self.looks.items()}


def _slope(looks: Sequence[dict[str, Any]]) -> float | None:
    late = looks[len(looks) // 2 :]
    if len(late) < 4:
        return None
    start = np.array([one["start"] for one in late])
    memory = np.array([one["memory_bytes"] for one in late])
    return float(np.polyfit(start - start[0], memory, 1)[0] * 3600)

"""The generator's process, seen from the gateway."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from affectscope.errors import AffectscopeError

MODULE = "affectscope.gateway.load"
_LONGEST_LINE = 64 << 20
_LARGE_LINE = 32 << 10


class Generator:
    """A process that sends load; it ends with this one, however this one ends.

    Args:
        order: `run`, `plan` and `targets`.
    """

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = json.dumps(order).encode() + b"\n"
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def start(self) -> None:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            MODULE,
            # Held open: the process ends when this end closes, even if the gateway is killed.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        self._write(self._order)
        if self._stopping:
            self.stop()

    def stop(self) -> None:
        """Ask it to end soon with the figures until now, or as soon as it has started."""
        self._stopping = True
        self._write(b"stop\n")

    def _write(self, line: bytes) -> None:
        process = self._process
        if process is not None and process.stdin is not None and process.returncode is None:
            process.stdin.write(line)

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what it tells, until it ends.

        Raises:
            AffectscopeError: It ended with an error.
        """
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        complaining = asyncio.ensure_future(process.stderr.read())
        try:
            while line := await process.stdout.readline():
                if len(line) > _LARGE_LINE:
                    # The result, with its histograms: the loop has other things to do.
                    yield await asyncio.to_thread(json.loads, line)
                else:
                    yield json.loads(line)
            complaint = await complaining
        finally:
            complaining.cancel()
        if await process.wait():
            last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise AffectscopeError(f"the load generator failed: {last or process.returncode}")

    async def close(self) -> None:
        """End it at once, where it still runs, and close what leads to it."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await asyncio.shield(process.communicate())

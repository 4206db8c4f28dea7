"""``POST /load-test``: real requests to the services, sent by a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from affectscope.errors import AffectscopeError, BackendTimeout, InvalidValue, Overloaded
from affectscope.gateway.backends import BACKENDS, BackendName

MOST_ITERATIONS = 1000


TYPES = ("all", *(backend.name for backend in BACKENDS))


@dataclass(frozen=True)
class LoadTest:
    """What to load, and how many requests to send to each service."""

    test_type: str = "all"
    iterations: int = 5


def parse_load_test(document: Mapping[str, object]) -> LoadTest:
    """Read the body of ``POST /load-test``.

    Raises:
        InvalidValue: A value that is out of range, or a field that does not exist.
    """
    for name in document:
        if name not in ("test_type", "iterations"):
            raise InvalidValue(
                f"unknown field {name!r:.60}; valid: test_type, iterations", field=name
            )
    kind = document.get("test_type", LoadTest.test_type)
    if not isinstance(kind, str) or kind not in TYPES:
        raise InvalidValue(
            f"test_type is {kind!r:.60}; valid: {', '.join(TYPES)}", field="test_type"
        )
    iterations = document.get("iterations", LoadTest.iterations)
    # In Python, true and false are numbers.
    whole = isinstance(iterations, int) and not isinstance(iterations, bool)
    if not whole or not 1 <= cast(int, iterations) <= MOST_ITERATIONS:
        raise InvalidValue(
            f"iterations is {iterations!r:.60}; valid: a whole number from 1 to {MOST_ITERATIONS}",
            field="iterations",
        )
    return LoadTest(kind, cast(int, iterations))


class Loader:
    """Runs load tests, one at a time.

    Args:
        urls: Address of each service by name.
        longest: Seconds after which a test is given up.
    """

    def __init__(self, urls: Mapping[BackendName, str], longest: float) -> None:
        self._urls = urls
        self._longest = longest
        self._running = False

    async def run(self, test: LoadTest) -> dict[str, object]:
        """Run one test; when cancelled, its process is killed.

        Returns:
            The form of the interface.

        Raises:
            Overloaded: Another test is running.
            BackendTimeout: The test took longer than it may.
        """
        if self._running:
            raise Overloaded(
                "a load test is running; there is one at a time, so that they do not disturb each "
                "other",
                retry_after=10.0,
            )
        self._running = True
        try:
            async with asyncio.timeout(self._longest):
                result = await self._child(test)
        except TimeoutError as error:
            raise BackendTimeout(
                f"the load test took longer than {self._longest:g} s and was stopped; ask for "
                "fewer iterations",
            ) from error
        finally:
            self._running = False
        return {"test_type": test.test_type, "iterations": test.iterations, **result}

    async def _child(self, test: LoadTest) -> dict[str, object]:
        chosen = [
            f"--target={name}={url}"
            for name, url in self._urls.items()
            if test.test_type in ("all", name)
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "affectscope.gateway.load",
            f"--iterations={test.iterations}",
            *chosen,
            # Held open: the process ends when this end closes, even if the gateway is killed.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, complaint = await _outputs(process)
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())
        if process.returncode:
            last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise AffectscopeError(f"the load generator failed: {last or process.returncode}")
        result: dict[str, object] = json.loads(output)
        return result


async def _outputs(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """Read both outputs to their ends; unlike `communicate`, leave the input open."""
    assert process.stdout is not None
    assert process.stderr is not None
    output, complaint = await asyncio.gather(process.stdout.read(), process.stderr.read())
    await process.wait()
    return output, complaint

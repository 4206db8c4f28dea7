"""The load generator: a process of its own, so that the gateway's loop stays free.

The first line of its input says what to do; see `main`. Its output is one JSON object a line. A line
`stop` ends the load with the figures until then. The process ends at once when its input closes: a
load never outlives who asked for it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from affectscope.gateway.load.plan import parse_plan
from affectscope.gateway.load.run import Load


def _lines() -> Iterator[bytes]:
    """Yield the lines of the input.

    Not those of `sys.stdin`: its lock, held by a daemon thread, would abort the interpreter's end.
    """
    rest = b""
    while block := os.read(sys.stdin.fileno(), 65_536):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole


def _obey(lines: Iterator[bytes], stop: Callable[[], object]) -> None:
    for line in lines:
        if line == b"stop":
            stop()
    os._exit(1)


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


async def _run(lines: Iterator[bytes], order: dict[str, Any]) -> None:
    load = Load(parse_plan(order["plan"]), order["targets"], order["run"], _tell)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.call_soon_threadsafe(load.stop)

    threading.Thread(target=_obey, args=(lines, stop), daemon=True).start()
    # What is loaded by now stays: the collector need not look at it, at some bad moment.
    gc.collect()
    gc.freeze()
    await load.run()


def main() -> None:
    """Read `{"run", "plan", "targets": {name: url}}`, run it, tell progress and the result."""
    lines = _lines()
    order = json.loads(next(lines))
    if sys.platform == "win32":
        asyncio.run(_run(lines, order))
    else:
        import uvloop

        uvloop.run(_run(lines, order))


if __name__ == "__main__":
    main()

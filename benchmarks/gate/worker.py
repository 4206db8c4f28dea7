"""A process that measures one tree: `python -m benchmarks.gate.worker`, its PYTHONPATH the tree's.

Reads one request a line from standard input and writes one answer a line to the standard output that
it was started with; both are JSON. `{"prepare": NAME}`, `{"turn": NAME}` and `{"count": true}`;
an answer has `error` where it failed. Ends with its input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

# Everything up to here is Python's own, so that what is imported next is what is measured.
_APPS = ("gateway", "survey", "chat", "speech", "video")


def imported() -> dict[str, Any]:
    """Import every application; gives its cost and where it came from."""
    before, began = set(sys.modules), time.process_time()
    import affectscope

    for name in _APPS:
        __import__(f"affectscope.{name}.app")
    seconds = time.process_time() - began
    return {
        "import": seconds,
        "modules imported": len(set(sys.modules) - before),
        "package": str(affectscope.__file__),
    }


class Worker:
    """Keeps the prepared work of a process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.work: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request says; whatever goes wrong is an answer too."""
        try:
            if "prepare" in request:
                return self._prepare(request["prepare"])
            if "turn" in request:
                return self._turn(request["turn"])
            return self._count()
        except BaseException as error:  # the tree may hold anything, a SystemExit too
            return {"error": f"{type(error).__name__}: {error}"[:300]}

    def _prepare(self, name: str) -> dict[str, Any]:
        from benchmarks.gate.catalogue import BY_NAME
        from benchmarks.gate.workloads import MAKERS

        entry = BY_NAME[name]

        async def make() -> Any:
            return await MAKERS[name](entry.inner, self.stack)

        self.work[name] = self.loop.run_until_complete(make())
        # The first run fills caches and finds what does not work here.
        self.work[name].turn(1, entry.inner)
        # What stays is not looked at again: a collection before each turn then costs nothing.
        gc.collect()
        gc.freeze()
        return {"prepared": name}

    def _turn(self, name: str) -> dict[str, Any]:
        from benchmarks.gate.catalogue import BY_NAME

        entry = BY_NAME[name]
        work = self.work[name]
        return {"seconds": work.turn(entry.batches, entry.inner, collects=entry.collects)}

    def _count(self) -> dict[str, Any]:
        from benchmarks.gate.counts import COUNTS

        counts: dict[str, float] = {}
        errors = []
        for one in COUNTS:
            try:
                counts |= one()
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}"[:300])
        return {"counts": counts, "errors": errors}

    def close(self) -> None:
        """Close what the work left open."""
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()


def main() -> None:
    """Serve requests until there are no more."""
    # What the tree prints must not look like an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        hello = imported()
    except BaseException as error:
        hello = {"error": f"{type(error).__name__}: {error}"[:300]}
    answers.write(json.dumps(hello) + "\n")
    worker = Worker()
    for line in sys.stdin:
        answers.write(json.dumps(worker.answer(json.loads(line))) + "\n")
    # Threads of a tree may hang; the figures are out.
    os._exit(0)


if __name__ == "__main__":
    main()

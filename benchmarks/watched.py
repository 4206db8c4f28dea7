"""A process that is watched while it works: what it tells, and its memory meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import psutil

MEGABYTE: Final = 1e6


def watch(
    arguments: Sequence[str],
    take: Callable[[dict[str, Any]], None],
    look: Callable[[float], None],
    seconds: float,
) -> None:
    """Run a module until it ends.

    Args:
        arguments: What follows ``python -m``.
        take: Given each line that it prints, a JSON object.
        look: Given the bytes of `memory_of` again and again, in a thread of its own.
        seconds: From one look to the next.

    Raises:
        SystemExit: It ended with an error.
    """
    ended = threading.Event()
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None

        def looking() -> None:
            while not ended.wait(seconds):
                look(memory_of(process.pid))

        thread = threading.Thread(target=looking)
        thread.start()
        try:
            for line in process.stdout:
                take(json.loads(line))
        finally:
            ended.set()
            thread.join()
    if process.returncode:
        raise SystemExit(f"the analysis ended with status {process.returncode}")


def memory_of(pid: int) -> float:
    """Return the bytes that a process and those that it started have for themselves alone.

    Libraries, which they may share with whatever else runs, are left out: their part would change as
    other processes come and go.
    """
    total = 0.0
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for one in family:
        try:
            total += one.memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
    return total

"""``affectscope up``: the whole system, from one command, until it is told to stop."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from affectscope.supervisor.keeper import WATCH_SECONDS, Keeper
from affectscope.supervisor.ports import taken_ports
from affectscope.supervisor.processes import ProcessSpec, processes
from affectscope.telemetry import configure_logging, get_logger

START_SECONDS = 120.0
"""How long everything may take to become ready, on the slowest machine."""


def up() -> int:
    """Start everything, wait until it is ready, and keep it so until Ctrl-C or SIGTERM.

    Returns:
        Exit status: 0 after a clean stop, 1 where something could not start, 2 for a taken port.
    """
    configure_logging("supervisor")
    console = Console(stderr=False)
    specs = processes()
    taken = taken_ports(specs)
    if taken:
        for sentence in taken:
            print(sentence, file=sys.stderr)
        return 2
    keeper = Keeper(specs)
    with _stop_asked() as asked:
        try:
            keeper.start()
            if not _become_ready(keeper, asked):
                return 0 if asked() else 1
            console.print(_table(specs))
            console.print("Press Ctrl-C to stop.", style="dim")
            while not asked():
                keeper.watch()
                time.sleep(WATCH_SECONDS)
        finally:
            # Where the terminal is gone, its Ctrl-C must not cut the stop short.
            keeper.stop()
    get_logger().info("stopped")
    return 0


def _become_ready(keeper: Keeper, asked: Callable[[], bool]) -> bool:
    began = time.monotonic()
    seen: set[str] = set()
    while time.monotonic() - began < START_SECONDS:
        if asked():
            return False
        for name in keeper.ready():
            if name not in seen:
                seen.add(name)
                seconds = round(time.monotonic() - began, 1)
                get_logger().info("process ready", process=name, after_seconds=seconds)
        if len(seen) == len(keeper.children):
            return True
        keeper.watch()
        time.sleep(WATCH_SECONDS)
    missing = sorted(set(keeper.children) - seen)
    get_logger().error("not ready in time", processes=missing, seconds=START_SECONDS)
    return False


@contextmanager
def _stop_asked() -> Iterator[Callable[[], bool]]:
    """Turn SIGINT, SIGTERM and SIGHUP into a question that the loop asks."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(kind, ask) for kind in kinds]
    try:
        yield lambda: asked
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def _table(specs: tuple[ProcessSpec, ...]) -> Table:
    table = Table(title="Affectscope is running")
    table.add_column("service", style="bold")
    table.add_column("port", justify="right")
    table.add_column("address")
    for spec in specs:
        # Two have pages of their own; of the others the documents are what a person reads.
        page = "/" if spec.name in ("gateway", "observatory") else "/docs"
        table.add_row(spec.title, str(spec.port), spec.address(page))
    return table

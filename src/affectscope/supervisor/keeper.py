"""The keeper: starts every process, watches them, starts again what dies, and stops them all.

Children hold the read end of a pipe of which only the keeper has the write end. However the keeper
ends, even killed, the pipe closes and the children exit.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from affectscope.supervisor.processes import ProcessSpec
from affectscope.telemetry import get_logger

WATCH_SECONDS = 0.2
"""How often the keeper looks; a death is noticed within this time."""

RESTART_SECONDS = 0.5
"""Pause before a process is started again."""

CRASH_LOOP_SECONDS = 10.0
"""A process that dies sooner than this after its start has its pause doubled, up to the same."""

GRACE_SECONDS = 8.0
"""How long a process may finish what it has, before it is killed."""

HUNG_SECONDS = 60.0
"""A process whose event loop has not answered for this long is killed and started again."""

_LIVENESS_EVERY = 5.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_log = get_logger()


@dataclass
class Child:
    """One running, or dead and soon restarted, process."""

    spec: ProcessSpec
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    start_at: float = 0.0
    pause: float = RESTART_SECONDS
    answered: float = 0.0
    asked: float = 0.0
    restarts: int = 0


class Keeper:
    """Keeps processes running.

    Args:
        specs: What to run.
        environment: Variables of the children, beside the keeper's own.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        environment: dict[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.children = {spec.name: Child(spec) for spec in specs}
        self._clock = clock
        self._lifeline, self._held = os.pipe()
        self._environment = {
            **os.environ,
            "AFFECTSCOPE_INTERNAL_SECRET": secrets.token_urlsafe(32),
            "AFFECTSCOPE_LIFELINE_FD": str(self._lifeline),
            **(environment or {}),
        }

    def start(self) -> None:
        """Start everything."""
        for child in self.children.values():
            self._start(child)

    def _start(self, child: Child) -> None:
        now = self._clock()
        child.process = subprocess.Popen(
            child.spec.command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(self._lifeline,),
            # A group of its own, so that Ctrl-C reaches the keeper alone, which stops all in order.
            start_new_session=True,
        )
        child.began = child.answered = child.asked = now

    def watch(self) -> None:
        """Look at every process once: start again what died, kill what hangs."""
        now = self._clock()
        for child in self.children.values():
            process = child.process
            if process is None:
                if now >= child.start_at:
                    self._start(child)
            elif (code := process.poll()) is not None:
                self._bury(child, code, now)
            elif now - child.asked >= _LIVENESS_EVERY:
                child.asked = now
                if _answers(child.spec.address("/livez")):
                    child.answered = now
                elif now - child.answered >= HUNG_SECONDS:
                    _log.error("process hangs, killing it", process=child.spec.name)
                    process.kill()

    def _bury(self, child: Child, code: int, now: float) -> None:
        crashed_at_once = now - child.began < CRASH_LOOP_SECONDS
        child.pause = (
            min(child.pause * 2, CRASH_LOOP_SECONDS) if crashed_at_once else RESTART_SECONDS
        )
        # The first crash, however early, is not yet a loop.
        pause = RESTART_SECONDS if child.restarts == 0 else child.pause
        child.restarts += 1
        child.process = None
        child.start_at = now + pause
        _log.warning(
            "process died, starting it again",
            process=child.spec.name,
            exit=_reason(code),
            in_seconds=pause,
            restarts=child.restarts,
        )

    def ready(self) -> list[str]:
        """Return the names of the processes that are ready to serve."""
        return [
            name
            for name, child in self.children.items()
            if child.process is not None and _answers(child.spec.address("/readyz"))
        ]

    def dead(self) -> list[str]:
        """Return the names of the processes that do not run at this moment."""
        return [
            name
            for name, child in self.children.items()
            if child.process is None or child.process.poll() is not None
        ]

    def stop(self) -> None:
        """Ask every process to finish, then kill what has not; returns when all are gone."""
        running = [child.process for child in self.children.values() if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = self._clock() + GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0.05, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in self.children.values():
            child.process = None
        self._close()

    def _close(self) -> None:
        for descriptor in (self._lifeline, self._held):
            try:
                os.close(descriptor)
            except OSError:
                return


def _answers(address: str) -> bool:
    """Tell whether an address answers with 200, without any proxy between."""
    try:
        with _DIRECT.open(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"

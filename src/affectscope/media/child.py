"""The parent's side of a child process of ours: starting it, hearing it, killing it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import weakref
from typing import IO

import numpy as np

from affectscope.media.confined import MESSAGE

PIPE_BYTES = 1024 * 1024

_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""All that a child may see of our environment, which holds secrets."""


class ChildEnded(Exception):
    """The process ended or talks nonsense; says how."""


class ChildStalled(Exception):
    """The process stood still for too long."""


class Child:
    """A Python process that answers with framed messages, and can be killed at any moment.

    It is killed when this object is forgotten and, on Linux, when the *thread* that started it ends;
    so it wants to be started by one that lives on.

    Args:
        module: What runs in it, as by ``python -m``.
        noun: What it is called where it ends.
    """

    def __init__(self, module: str, noun: str) -> None:
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            # Without `site` it starts sooner; our own search path is handed over instead.
            [sys.executable, "-S", "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment | {"PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"},
            # Its own group: an interrupt from the terminal is for us to handle, not for it.
            process_group=None if sys.platform == "win32" else 0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._noun = noun
        self._input: IO[bytes] = self._process.stdin
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._input.fileno(), False)
        if sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):  # above what the administrator allows
                fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.close = weakref.finalize(self, _end, self._process)
        """Kill the process and forget it; may be called again."""

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def put(self, data: bytes, seconds: float | None = None) -> None:
        """Hand over bytes; waits while the pipe is full.

        Args:
            data: Anything.
            seconds: How long the process may stand still; without end where None.

        Raises:
            ChildEnded: The process is gone.
            ChildStalled: It stood still for longer.
        """
        view = memoryview(data)
        while view:
            _wait(self._input.fileno(), select.POLLOUT, seconds)
            try:
                view = view[self._input.write(view) or 0 :]
            except BrokenPipeError:
                raise ChildEnded(self._cause_of_death()) from None

    def get(self, most: int, seconds: float) -> tuple[bytes, memoryview]:
        """Wait for the next message.

        Args:
            most: Bytes that its payload may have; a broken process cannot ask for more.
            seconds: How long the process may stand still.

        Returns:
            Its kind and its payload.

        Raises:
            ChildEnded: The process is gone, or announced a message that is too long.
            ChildStalled: It stood still for longer.
        """
        kind, size = MESSAGE.unpack(self._read(MESSAGE.size, seconds))
        if size > most:
            raise ChildEnded(f"{self._noun} announced a message of {size} bytes")
        return kind, self._read(size, seconds)

    def _read(self, size: int, seconds: float) -> memoryview:
        data = view = np.empty(size, np.uint8).data  # unlike a bytearray's, never zeroed
        while view:
            _wait(self._pipe, select.POLLIN, seconds)
            count = os.readv(self._pipe, [view])
            if count == 0:
                raise ChildEnded(self._cause_of_death())
            view = view[count:]
        return data

    def _cause_of_death(self) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return f"{self._noun} closed its output"
        return self._explain(code)

    def _explain(self, code: int) -> str:
        """Say what an exit status means."""
        if code < 0:
            return f"{self._noun} was stopped by {signal.Signals(-code).name}"
        return f"{self._noun} ended with status {code}"


def _wait(pipe: int, event: int, seconds: float | None) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    if not poll.poll(None if seconds is None else seconds * 1000):
        raise ChildStalled


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, wait for it and close its pipes."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()

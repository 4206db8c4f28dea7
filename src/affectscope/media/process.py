"""The parent's side of the decoding process: starting it, hearing it, killing it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np

from affectscope.errors import EmptyInput, RequestError, UndecodableMedia, UnsupportedMedia
from affectscope.media.decoder import MESSAGE
from affectscope.media.limits import Limits
from affectscope.media.signature import Signature

REFUSALS: dict[str, type[RequestError]] = {
    "empty": EmptyInput,
    "unsupported": UnsupportedMedia,
    "undecodable": UndecodableMedia,
}
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""All that the decoder may see of our environment, which holds secrets."""

PIPE_BYTES = 1024 * 1024


class Decoder:
    """One decoding process; does one job.

    Messages arrive through a pipe, so a decoder that is ahead of its reader waits, and memory stays
    flat however long the file is.
    """

    def __init__(self) -> None:
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            # Without `site` it starts sooner; our own search path is handed over instead.
            [sys.executable, "-S", "-P", "-m", "affectscope.media.decoder"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment | {"PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"},
            # Its own group: an interrupt from the terminal is for us to handle, not for it.
            process_group=None if sys.platform == "win32" else 0,
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        if sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):  # above what the administrator allows
                fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._limits = Limits()
        self._noun = ""
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

    def begin(
        self,
        task: str,
        path: str | os.PathLike[str] | None,
        signature: Signature,
        limits: Limits,
        **options: object,
    ) -> None:
        """Send the job; without a path, what it is about is handed over by `write`."""
        self._limits = limits
        self._noun = signature.noun
        job = {
            "task": task,
            "path": None if path is None else os.path.abspath(path),
            "format": signature.format,
            "demuxer": signature.demuxer,
            "is_image": signature.is_image,
            "is_sequence": signature.is_sequence,
            "limits": asdict(limits),
            **options,
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then reading says why
            self._process.stdin.write(json.dumps(job).encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Hand over a piece of what is listened to; it waits while the pipe is full."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then reading says why
            self._process.stdin.write(data)

    def end_input(self) -> None:
        """Say that nothing more will be handed over."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def receive(self) -> tuple[bytes, memoryview]:
        """Wait for the next message other than a sign of life.

        Returns:
            Its kind and its payload.

        Raises:
            EmptyInput, UnsupportedMedia, UndecodableMedia: The decoder refused the file, exceeded a
                limit, stalled or died.
        """
        while True:
            kind, length = MESSAGE.unpack(self._read(MESSAGE.size))
            # Four bytes a pixel leave room for padded rows; a broken decoder cannot ask for more.
            if length > max(4 * self._limits.pixels, PIPE_BYTES) + 4096:
                raise self._broken(f"the decoder announced a message of {length} bytes")
            payload = self._read(length)
            if kind == b"X":
                self.close()
                refusal = json.loads(bytes(payload))
                raise REFUSALS[refusal["kind"]](f"this {self._noun}: {refusal['detail']}")
            if kind != b"P":
                return kind, payload

    def _read(self, size: int) -> memoryview:
        data = view = np.empty(size, np.uint8).data  # unlike a bytearray's, never zeroed
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        while view:
            if not poll.poll(self._limits.stall_seconds * 1000):
                raise self._broken(
                    f"decoding stood still for {self._limits.stall_seconds:g} seconds"
                )
            count = os.readv(self._pipe, [view])
            if count == 0:
                raise self._broken(self._cause_of_death())
            view = view[count:]
        return data

    def _cause_of_death(self) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "the decoder closed its output"
        if code == -signal.SIGXCPU:
            return f"decoding needs more than {self._limits.cpu_seconds} seconds of processor time"
        if code < 0:
            return f"the decoder was stopped by {signal.Signals(-code).name}"
        return f"the decoder ended with status {code}"

    def _broken(self, cause: str) -> UndecodableMedia:
        self.close()
        return UndecodableMedia(f"this {self._noun}: {cause}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, wait for it and close its pipes."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


class Nursery:
    """Starts decoders, and keeps one warm once asked to.

    All are started by one thread of its own: Linux kills a child with the *thread* that started it,
    and threads of a worker pool come and go.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="decoder-starter")
        self._spare: Decoder | None = None
        self._keeps_spare = False

    def warm_up(self) -> None:
        """Keep one spare decoder ready from now on; returns once the first is started."""
        self._keeps_spare = True
        self._starter.submit(self._refill).result()

    def take(self) -> Decoder:
        """Return a decoder that has had no job yet."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None or not spare.alive:
            spare = self._starter.submit(Decoder).result()
        if self._keeps_spare:
            self._starter.submit(self._refill)
        return spare

    def _refill(self) -> None:
        with self._lock:
            wanted = self._keeps_spare and (self._spare is None or not self._spare.alive)
        if wanted:
            fresh = Decoder()
            with self._lock:
                self._spare = fresh

    def cool_down(self) -> None:
        """Give up the spare."""
        self._keeps_spare = False
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()


nursery = Nursery()


def _after_fork() -> None:
    # The starter thread and the spare's pipes belong to the process that forked.
    global nursery
    nursery = Nursery()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def warm_up() -> None:
    """Keep one decoding process ready, so that a job does not wait for a start."""
    nursery.warm_up()

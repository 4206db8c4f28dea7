"""The parent's side of the decoding process: starting it, hearing it, killing it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from affectscope.errors import EmptyInput, RequestError, UndecodableMedia, UnsupportedMedia
from affectscope.media.child import PIPE_BYTES, Child, ChildEnded, ChildStalled
from affectscope.media.limits import Limits
from affectscope.media.signature import Signature

REFUSALS: dict[str, type[RequestError]] = {
    "empty": EmptyInput,
    "unsupported": UnsupportedMedia,
    "undecodable": UndecodableMedia,
}


class Decoder(Child):
    """One decoding process; does one job.

    Messages arrive through a pipe, so a decoder that is ahead of its reader waits, and memory stays
    flat however long the file is.
    """

    def __init__(self) -> None:
        super().__init__("affectscope.media.decoder", "the decoder")
        self._limits = Limits()
        self._subject = ""

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
        self._subject = signature.noun
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
        self.write(json.dumps(job).encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Hand over a piece of what is listened to; it waits while the pipe is full."""
        with contextlib.suppress(ChildEnded):  # then reading says why
            self.put(data)

    def end_input(self) -> None:
        """Say that nothing more will be handed over."""
        self._input.close()

    def receive(self) -> tuple[bytes, memoryview]:
        """Wait for the next message other than a sign of life.

        Returns:
            Its kind and its payload.

        Raises:
            EmptyInput, UnsupportedMedia, UndecodableMedia: The decoder refused the file, exceeded a
                limit, stalled or died.
        """
        # Four bytes a pixel leave room for padded rows.
        most = max(4 * self._limits.pixels, PIPE_BYTES) + 4096
        while True:
            try:
                kind, payload = self.get(most, self._limits.stall_seconds)
            except ChildEnded as ended:
                raise self._broken(str(ended)) from None
            except ChildStalled:
                raise self._broken(
                    f"decoding stood still for {self._limits.stall_seconds:g} seconds"
                ) from None
            if kind == b"X":
                self.close()
                refusal = json.loads(bytes(payload))
                raise REFUSALS[refusal["kind"]](f"this {self._subject}: {refusal['detail']}")
            if kind != b"P":
                return kind, payload

    def _explain(self, code: int) -> str:
        if code == -signal.SIGXCPU:
            return f"decoding needs more than {self._limits.cpu_seconds} seconds of processor time"
        return super()._explain(code)

    def _broken(self, cause: str) -> UndecodableMedia:
        self.close()
        return UndecodableMedia(f"this {self._subject}: {cause}")


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

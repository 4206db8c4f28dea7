"""What a child process of ours does to be killable, silent, small, and gone with its parent.

A message between it and its parent is one byte of kind, eight bytes of length (little endian) and
the payload.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from collections.abc import Callable
from typing import Any

MESSAGE = struct.Struct("<cQ")

Send = Callable[..., None]


def die_with_parent() -> None:
    """Ask Linux to kill this process when the thread that started it ends."""
    if sys.platform == "linux":
        import ctypes
        import signal

        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)


def take_output() -> int:
    """Return a descriptor for messages in place of the standard streams, which are silenced.

    Whatever a library prints to them must not end up among the messages.
    """
    pipe = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    return pipe


def confine(memory_bytes: int, cpu_seconds: int | None = None) -> None:
    """Cap address space, open files, written bytes and, where given, processor time."""
    if sys.platform == "win32":
        return
    import resource

    caps = [
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_NOFILE, 32, 32),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ]
    if cpu_seconds is not None:
        caps.append((resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1))
    for what, soft, hard in caps:
        # Not every system knows every limit; the others still hold.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (soft, hard))


def writer(descriptor: int) -> Send:
    """Return a function that writes messages to a pipe."""

    def send(kind: bytes, *buffers: Any) -> None:
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        head = MESSAGE.pack(kind, sum(view.nbytes for view in views))
        for view in (memoryview(head), *views):
            while view:
                view = view[os.write(descriptor, view) :]

    return send


def read_message(descriptor: int) -> tuple[bytes, bytearray] | None:
    """Return the kind and the payload of the next message of a pipe; None at its end."""
    head = _exactly(descriptor, MESSAGE.size)
    if head is None:
        return None
    kind, size = MESSAGE.unpack(head)
    body = _exactly(descriptor, size)
    return None if body is None else (kind, body)


def _exactly(descriptor: int, size: int) -> bytearray | None:
    data = bytearray()
    while len(data) < size:
        piece = os.read(descriptor, min(size - len(data), 1024 * 1024))
        if not piece:
            return None
        data += piece
    return data

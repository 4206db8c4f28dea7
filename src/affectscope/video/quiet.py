"""Native code that prints at every start, held back."""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NOISE = (
    *(b"GetPrototype", b"XNNPACK", b"absl::InitializeLog"),
    *(b"inference_feedback_manager", b"NORM_RECT"),
)

_lock = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what native code prints to stderr, and pass on what is no known noise.

    MediaPipe prints the same harmless lines at every start, through three logging libraries, not
    all of which have a switch. Lines of ours that fall into these milliseconds come a little late.
    """
    with _lock, tempfile.TemporaryFile() as held, warnings.catch_warnings():
        # MediaPipe asks protobuf what it should not ask any more; nobody here can mend that.
        warnings.simplefilter("ignore", DeprecationWarning)
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            for line in held:
                if not any(noise in line for noise in _NOISE):
                    os.write(stderr, line)
            os.close(stderr)

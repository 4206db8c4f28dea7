"""The processes that find words, seen from the one that wants them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from affectscope.errors import ModelUnavailable, Unavailable
from affectscope.media.child import Child, ChildEnded, ChildStalled
from affectscope.media.confined import MESSAGE
from affectscope.speech.recognizer import Found

MOST = 2
"""Processes at a time: one for each worker thread of a service on two cores."""

LOADING_SECONDS = 60.0
"""A process that has not loaded its models by then hangs."""

PATIENCE_SECONDS, PATIENCE_FACTOR = 30.0, 10.0
"""A phrase may take the first, and the second times what it lasts: forty times the usual."""

_LONGEST_ANSWER = 1024 * 1024
_BYTES_A_SECOND = 2 * 16_000


class Recognizers:
    """Processes that find words, started when they are first needed and used again.

    A phrase is judged without those before it, so it makes no difference which of them is asked.
    They end with this process, and with the object.

    Args:
        most: Processes at a time; whoever comes when all are busy waits.
        module: What runs in them.
    """

    def __init__(self, most: int = MOST, module: str = "affectscope.speech.recognizer") -> None:
        self._module = module
        self._places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        # Linux kills a child with the *thread* that started it, and threads of a worker pool come
        # and go.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="recognizer-starter")

    def warm_up(self) -> None:
        """Start a process where none waits for work; returns once it has loaded its models.

        Raises:
            ModelUnavailable: It cannot.
        """
        with self._borrowed():
            pass

    def words(self, samples: bytes) -> list[Found]:
        """Return the words of one phrase; other threads run meanwhile.

        Where the process dies of a phrase, another one tries again.

        Args:
            samples: Mono, 16 kHz, 16 bits, little endian.

        Raises:
            ModelUnavailable: No process could load the models.
            Unavailable: Two processes died of the phrase, or one stood still.
        """
        try:
            return self._ask(samples)
        except ChildEnded:
            pass
        try:
            return self._ask(samples)
        except ChildEnded as ended:
            raise Unavailable(f"finding the words failed twice: {ended}") from ended

    def _ask(self, samples: bytes) -> list[Found]:
        lasts = len(samples) / _BYTES_A_SECOND
        patience = PATIENCE_SECONDS + PATIENCE_FACTOR * lasts
        with self._borrowed() as child:
            try:
                child.put(MESSAGE.pack(b"T", len(samples)) + samples, patience)
                _, answer = child.get(_LONGEST_ANSWER, patience)
            except ChildStalled as stalled:
                raise Unavailable(
                    f"the words of a phrase of {lasts:.1f} s were not found in {patience:.0f} s; "
                    "the search was given up"
                ) from stalled
        return [Found(**word) for word in json.loads(bytes(answer))]

    @contextmanager
    def _borrowed(self) -> Iterator[Child]:
        """Give one of the processes; what goes wrong while it is used ends it."""
        with self._places:
            child = self._take()
            try:
                yield child
            except BaseException:
                child.close()
                raise
            with self._lock:
                self._idle.append(child)

    def _take(self) -> Child:
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return self._start()
            if child.alive:
                return child
            child.close()

    def _start(self) -> Child:
        child = self._starter.submit(Child, self._module, "the recognizer").result()
        try:
            kind, reason = child.get(_LONGEST_ANSWER, LOADING_SECONDS)
        except (ChildEnded, ChildStalled) as error:
            child.close()
            what = str(error) or f"it took more than {LOADING_SECONDS:g} s"
            raise ModelUnavailable(f"the recognizer of words did not start: {what}") from error
        if kind != b"R":
            child.close()
            raise ModelUnavailable(
                f"the models that find words cannot be loaded: {bytes(reason).decode()}"
            )
        return child

    def close(self) -> None:
        """End the processes that are not at work."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()


recognizers = Recognizers()
"""Those of this process; every engine shares them."""


def _after_fork() -> None:
    # The processes and their pipes belong to the process that forked.
    global recognizers
    recognizers = Recognizers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

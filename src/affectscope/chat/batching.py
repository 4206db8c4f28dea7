"""Texts of many callers go through the network together.

A thread that gets free takes the text that has waited longest and whatever of about the same length
waits beside it. Nothing ever waits for company: what comes while all threads are busy is the
company. So a text alone is judged at once, and under load the wait is that for the runs before it,
each of which is kept short (`MOST_TOKENS`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import Unavailable

Tokens = list[int]
Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]
Run = Callable[[Sequence[Tokens]], Outputs]
"""From the tokens of n texts to logits [n, labels] and places [n, 3]."""

MOST_TOKENS = 64
"""Tokens of one run, padding included, where it has more than one text.

More gain hardly any texts a second (8 texts of 16 tokens at once 3 % over 4 of them, on a core without
8-bit instructions, where a run takes some 15 ms) and make everybody wait longer.
"""


def length_class(length: int) -> int:
    """Return to how many tokens a text is padded: what is in one class may run together."""
    step = 4 if length <= 32 else 8
    return -(-length // step) * step


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Group texts by length.

    Args:
        lengths: Tokens of each text.

    Returns:
        Indices of the texts of each run; each index once.
    """
    groups: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        groups.setdefault(length_class(length), []).append(index)
    return [
        members[start : start + size]
        for width, members in sorted(groups.items())
        for size in [max(1, MOST_TOKENS // width)]
        for start in range(0, len(members), size)
    ]


def padded(rows: Sequence[Tokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids and mask, both [n, longest]; 0 is the padding."""
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


class _Job:
    """The texts of one call, and what is known of them so far."""

    def __init__(self, rows: Sequence[Tokens]) -> None:
        self.rows = rows
        self.logits: NDArray[np.float32] | None = None
        self.places: NDArray[np.float32] | None = None
        self.left = len(rows)
        self.error: BaseException | None = None
        self.done = threading.Event()


class Pending:
    """Texts that were handed in; `result` waits for them."""

    def __init__(self, job: _Job, batcher: Batcher) -> None:
        self._job = job
        self._batcher = batcher

    def result(self) -> Outputs:
        """Wait for all texts; returns logits [n, labels] and places [n, 3] in their order.

        Raises:
            Exception: Whatever the network raised for one of them.
            Unavailable: The batcher was closed.
        """
        try:
            self._job.done.wait()
        except BaseException:
            self.cancel()
            raise
        if self._job.error is not None:
            raise self._job.error
        assert self._job.logits is not None
        assert self._job.places is not None
        return self._job.logits, self._job.places

    def cancel(self) -> None:
        """Give up what is not running yet."""
        self._batcher.drop(self._job)


_Entry = tuple[int, _Job, int]
"""Order of arrival, job, index of the text in it."""


class _Queue:
    """Waiting texts by class of length, each class in order of arrival."""

    def __init__(self, most_tokens: int) -> None:
        self._most_tokens = most_tokens
        self._classes: dict[int, deque[_Entry]] = {}

    def put(self, entry: _Entry) -> None:
        _, job, index = entry
        self._classes.setdefault(length_class(len(job.rows[index])), deque()).append(entry)

    def take(self) -> list[_Entry]:
        """Return the oldest text with others of its class; empty where nothing waits."""
        if not self._classes:
            return []
        width = min(self._classes, key=lambda one: self._classes[one][0][0])
        waiting = self._classes[width]
        size = max(1, self._most_tokens // width)
        taken = [waiting.popleft() for _ in range(min(len(waiting), size))]
        if not waiting:
            del self._classes[width]
        return taken

    def drop(self, job: _Job) -> None:
        for width, waiting in list(self._classes.items()):
            kept = deque(entry for entry in waiting if entry[1] is not job)
            if kept:
                self._classes[width] = kept
            else:
                del self._classes[width]


class Batcher:
    """Judges the texts of many threads together.

    Args:
        run: The network; called from several threads at once.
        threads: Runs at once; as many as there are cores for them.
        most_tokens: Tokens of one run, padding included; a text that has more runs alone.
        niceness: How far the threads stand back behind others of this machine, as ``nice`` has it;
            where the system knows no niceness of threads, they do not.
    """

    def __init__(
        self, run: Run, threads: int, most_tokens: int = MOST_TOKENS, *, niceness: int = 0
    ) -> None:
        self._run = run
        self._niceness = niceness
        self._order = count()
        self._waiting = _Queue(most_tokens)
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"chat-batch-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, rows: Sequence[Tokens]) -> Pending:
        """Hand in texts.

        Args:
            rows: Tokens of each text.

        Raises:
            Unavailable: The batcher was closed.
        """
        job = _Job(rows)
        if not rows:
            job.logits, job.places = np.zeros((0, 0), np.float32), np.zeros((0, 3), np.float32)
            job.done.set()
            return Pending(job, self)
        with self._changed:
            if self._closed:
                raise Unavailable("this service is being stopped", retry_after=5.0)
            for index in range(len(rows)):
                self._waiting.put((next(self._order), job, index))
            self._changed.notify(len(rows))
        return Pending(job, self)

    def drop(self, job: _Job) -> None:
        """Forget the texts of a job that are not running yet."""
        with self._changed:
            self._waiting.drop(job)

    def close(self) -> None:
        """Fail what waits, and end the threads once their runs are through."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        gone = Unavailable("this service is being stopped", retry_after=5.0)
        while entries := self._waiting.take():
            for _, job, _ in entries:
                job.error = gone
                job.done.set()

    def _work(self) -> None:
        if self._niceness:
            _stand_back(self._niceness)
        while True:
            with self._changed:
                while not self._closed and not (entries := self._waiting.take()):
                    self._changed.wait()
                if self._closed:
                    return
            try:
                self._judge(entries)
            except Exception as error:
                # One bad text must not fail its neighbours: each for itself.
                if len(entries) == 1:
                    self._fail(entries[0][1], error)
                    continue
                for entry in entries:
                    try:
                        self._judge([entry])
                    except Exception as own:
                        self._fail(entry[1], own)

    def _judge(self, entries: Sequence[_Entry]) -> None:
        logits, places = self._run([job.rows[index] for _, job, index in entries])
        with self._changed:
            for (_, job, index), shares, place in zip(entries, logits, places, strict=True):
                if job.logits is None or job.places is None:
                    job.logits = np.zeros((len(job.rows), len(shares)), np.float32)
                    job.places = np.zeros((len(job.rows), len(place)), np.float32)
                job.logits[index], job.places[index] = shares, place
                job.left -= 1
                if not job.left:
                    job.done.set()

    def _fail(self, job: _Job, error: BaseException) -> None:
        with self._changed:
            job.error = error
            self._waiting.drop(job)
            job.done.set()


def _stand_back(niceness: int) -> None:
    """Lower the priority of this thread alone, which Linux alone can."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(19, now + niceness))

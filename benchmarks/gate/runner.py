"""Lets workers of two trees take turns."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gate.catalogue import COUNTED, IMPORT, TIMED

_ROOT = Path(__file__).parents[2]
_LONGEST_ANSWER = 60.0
BASE, HEAD = 0, 1
_WHOLE = "importing it"
TURNS = (BASE, HEAD, HEAD, BASE)
"""Order of the turns in a pair with an even number; in the others the sides are swapped."""


class WorkerFailed(Exception):
    """A worker answered with an error, with nothing in time, or not at all."""


class Side:
    """A worker of one tree.

    Args:
        tree: What PYTHONPATH names.
        seed: Of its hashes; the same for both sides of a pair.
    """

    def __init__(self, tree: Path, seed: int) -> None:
        self._tree = tree
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AFFECTSCOPE_", "OTEL_", "PYTHON", "COVERAGE"))
            and not name.lower().endswith("_proxy")
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gate.worker"],
            cwd=_ROOT,
            env={
                **kept,
                "PYTHONPATH": str(tree),
                "PYTHONHASHSEED": str(seed),
                "PYTHONDONTWRITEBYTECODE": "1",
                # Empty: telemetry goes nowhere.
                "AFFECTSCOPE_OBSERVATORY_URL": "",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._unread = b""

    def hello(self) -> dict[str, Any]:
        """Return what it cost to import the tree.

        Raises:
            WorkerFailed: It cannot be imported, or another one was.
        """
        said = self._read()
        package = Path(said["package"])
        if not package.is_relative_to(self._tree):
            raise WorkerFailed(f"imported {package}, not the tree {self._tree}")
        return said

    def ask(self, **request: object) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises:
            WorkerFailed: There is none, or an error.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailed("the worker died") from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + _LONGEST_ANSWER
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                # Its late answer must not pass for that of the next request.
                self._process.kill()
                raise WorkerFailed(f"no answer within {_LONGEST_ANSWER:g} s")
            part = os.read(descriptor, 65536)
            if not part:
                raise WorkerFailed(f"the worker died with {self._process.wait()}")
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise WorkerFailed(said["error"])
        return said

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@dataclass
class Measured:
    """What a round found.

    Attributes:
        logs: For each benchmark, one logarithm of HEAD's seconds over the base's per pair.
        seconds: For each benchmark, seconds of base and HEAD per pair.
        counts: Numbers that are the same every time, of base and HEAD.
        failed: Why a benchmark does not run, in base and HEAD; None on the side where it does.
        in_time: Whether all pairs were measured.
    """

    logs: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    counts: tuple[dict[str, float], dict[str, float]] = field(default_factory=lambda: ({}, {}))
    failed: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    in_time: bool = True

    def add(self, name: str, base: float, head: float) -> None:
        """Note the figures of one pair."""
        self.logs.setdefault(name, []).append(math.log(head / base))
        self.seconds.setdefault(name, []).append((base, head))


def measure(
    trees: Sequence[Path],
    names: Collection[str],
    pairs: int,
    deadline: float,
    *,
    counts: bool = False,
    seed: int = 0,
) -> Measured:
    """Measure some benchmarks in pairs of fresh workers.

    Args:
        trees: Those of base and HEAD.
        names: Benchmarks, from the catalogue.
        pairs: How many pairs of workers.
        deadline: No pair begins after this time of the monotonic clock.
        counts: Whether to count too, in the first pair.
        seed: Makes the hash seeds of this round others than those of the next.
    """
    found = Measured()
    for number in range(pairs):
        if time.monotonic() > deadline:
            found.in_time = False
            break
        sides: dict[int, Side] = {}
        try:
            # Whoever starts first finds the cores a little freer.
            for which in (HEAD, BASE) if number % 2 else (BASE, HEAD):
                sides[which] = Side(trees[which], 1 + seed + number)
            pair = (sides[BASE], sides[HEAD])
            _measure_pair(pair, names, number, found, counts=counts and number == 0)
        finally:
            for side in sides.values():
                side.close()
    # What ran in another pair did not fail, it was disturbed.
    found.failed = {name: why for name, why in found.failed.items() if name not in found.logs}
    if found.logs:
        found.failed.pop(_WHOLE, None)
    return found


def _measure_pair(
    sides: Sequence[Side], names: Collection[str], number: int, found: Measured, *, counts: bool
) -> None:
    hellos = _both(sides, _WHOLE, found, lambda side: side.hello())
    if hellos is None:
        return
    if IMPORT in names:
        found.add(IMPORT, hellos[BASE][IMPORT], hellos[HEAD][IMPORT])
    order = [1 - which for which in TURNS] if number % 2 else TURNS
    for entry in TIMED:
        name = entry.name
        if name not in names or name == IMPORT:
            continue
        if _both(sides, name, found, lambda side, name=name: side.ask(prepare=name)) is None:
            continue
        seconds: tuple[list[float], list[float]] = [], []
        try:
            for which in order:
                seconds[which].append(sides[which].ask(turn=name)["seconds"])
        except WorkerFailed as error:
            found.failed[name] = (str(error), None) if which == BASE else (None, str(error))
            continue
        # Interruptions only ever add time, and both sides had as many turns.
        found.add(name, min(seconds[BASE]), min(seconds[HEAD]))
    if counts:
        _count(sides, hellos, found)


def _count(sides: Sequence[Side], hellos: Sequence[dict[str, Any]], found: Measured) -> None:
    answers = _both(sides, "counts", found, lambda side: side.ask(count=True))
    if answers is None:
        return
    for which, (hello, said) in enumerate(zip(hellos, answers, strict=True)):
        all_counts = {**hello, **said["counts"]}
        found.counts[which].update(
            {one.name: all_counts[one.name] for one in COUNTED if one.name in all_counts}
        )
    missing = [one.name for one in COUNTED if one.name not in found.counts[HEAD]]
    if missing:
        reason = "; ".join(answers[HEAD]["errors"]) or "it was not counted"
        found.failed |= dict.fromkeys(missing, (None, reason))


def _both(
    sides: Sequence[Side], name: str, found: Measured, do: Any
) -> list[dict[str, Any]] | None:
    """Do something on both sides; where one fails, note it and give None."""
    answers: list[dict[str, Any]] = []
    errors: list[str | None] = []
    for side in sides:
        try:
            answers.append(do(side))
            errors.append(None)
        except WorkerFailed as error:
            errors.append(str(error))
    if any(errors):
        found.failed[name] = (errors[BASE], errors[HEAD])
        return None
    return answers

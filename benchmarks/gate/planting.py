"""Slows a copy of the product down, to see whether the gate notices. Nothing here reaches `src/`."""

from __future__ import annotations

import math
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.gate.runner import measure
from benchmarks.gate.trees import compile_sources

_WRAPPERS: Final = """

import time as _time


def _lose(seconds):
    until = _time.perf_counter() + seconds
    while _time.perf_counter() < until:
        pass


def _slower(function):
    def planted(*given, **named):
        began = _time.perf_counter()
        result = function(*given, **named)
        _lose(SHARE * (_time.perf_counter() - began))
        return result
    return planted


def _slower_async(function):
    async def planted(*given, **named):
        began = _time.perf_counter()
        result = await function(*given, **named)
        _lose(SHARE * (_time.perf_counter() - began))
        return result
    return planted


def _slower_generator(function):
    def planted(*given, **named):
        records = function(*given, **named)
        while True:
            began = _time.perf_counter()
            try:
                record = next(records)
            except StopIteration:
                return
            finally:
                _lose(SHARE * (_time.perf_counter() - began))
            yield record
    return planted


"""


@dataclass(frozen=True)
class Plant:
    """A slowdown of one part of the product.

    Attributes:
        name: Of the part.
        file: Where code is added, below `affectscope/`.
        code: The code; `SHARE` stands for the share of its time that a part loses.
        slows: Benchmarks that consist of that part.
        calibrated: Whether the wrapper itself costs so much of so short a part that the share has to
            be made smaller for it.
    """

    name: str
    file: str
    code: str
    slows: tuple[str, ...]
    calibrated: bool = False


def _wrapped(owner: str, method: str, kind: str = "_slower") -> str:
    return f"{owner}.{method} = {kind}({owner}.{method})\n"


PLANTS: Final = (
    Plant("imports", "video/app.py", "_lose(SHARE * _time.process_time())\n", ("import",)),
    Plant(
        "middleware, metrics only",
        "telemetry/middleware.py",
        _wrapped("TelemetryMiddleware", "__call__", "_slower_async"),
        ("telemetry.metrics",),
        calibrated=True,
    ),
    Plant(
        "middleware",
        "telemetry/middleware.py",
        _wrapped("TelemetryMiddleware", "__call__", "_slower_async"),
        ("telemetry.logged", "telemetry.recorded"),
        calibrated=True,
    ),
    Plant(
        "whole request",
        "telemetry/middleware.py",
        _wrapped("TelemetryMiddleware", "__call__", "_slower_async"),
        ("survey.request",),
    ),
    Plant(
        "spans",
        "telemetry/spans.py",
        "request_spans = _slower(request_spans)\n",
        ("telemetry.spans",),
        calibrated=True,
    ),
    Plant(
        "exposition",
        "telemetry/telemetry.py",
        _wrapped("Telemetry", "exposition"),
        ("telemetry.exposition",),
    ),
    Plant(
        "scoring",
        "survey/analyzer.py",
        _wrapped("SurveyAnalyzer", "stream", "_slower_generator"),
        ("survey.score",),
        calibrated=True,
    ),
    Plant(
        "relay",
        "gateway/relay.py",
        _wrapped("Relay", "__call__", "_slower_async"),
        ("gateway.relay",),
    ),
    Plant(
        "chat",
        "chat/analyzer.py",
        _wrapped("ChatAnalyzer", "stream", "_slower_generator"),
        ("chat.analyze",),
    ),
    Plant(
        "speech",
        "speech/analyzer.py",
        _wrapped("SpeechAnalyzer", "stream", "_slower_generator"),
        ("speech.analyze",),
    ),
    Plant(
        "video",
        "video/analyzer.py",
        _wrapped("VideoAnalyzer", "stream", "_slower_generator"),
        ("video.analyze",),
    ),
    Plant(
        "start",
        "chat/app.py",
        "create = _slower(create)\n" + _wrapped("Service", "_become_ready", "_slower_async"),
        ("chat.startup",),
    ),
)


def plant(one: Plant, share: float, tree: Path, folder: Path) -> Path:
    """Write a slowed copy of a tree.

    Args:
        one: What to slow.
        share: Of its time that it loses, such as 0.15.
        tree: The tree, from `trees.export`.
        folder: Where to write; must not exist.

    Returns:
        The copy.
    """
    shutil.copytree(tree, folder)
    file = folder / "affectscope" / one.file
    code = (_WRAPPERS + one.code).replace("SHARE", repr(share))
    file.write_text(file.read_text(encoding="utf-8") + code, encoding="utf-8")
    compile_sources(folder)
    return folder


def share_for(one: Plant, slowdown: float, tree: Path, scratch: Path) -> float:
    """Return the share to plant so that a benchmark gets slower by just so much.

    Args:
        one: What to slow.
        slowdown: Wanted, such as 0.15.
        tree: The tree.
        scratch: A folder for a copy; made and removed.

    Returns:
        The slowdown itself, less what the wrapper costs where that matters; at least 0.
    """
    if not one.calibrated:
        return slowdown
    copy = plant(one, 0.0, tree, scratch)
    try:
        found = measure((tree, copy), one.slows, 3, time.monotonic() + 60)
    finally:
        shutil.rmtree(copy)
    wrapper = math.exp(statistics.median(found.logs[one.slows[0]])) - 1
    return max(0.0, slowdown - wrapper)

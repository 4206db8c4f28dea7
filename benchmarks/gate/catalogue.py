"""What the gate measures, and how much more of it is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Timed:
    """A benchmark whose seconds are compared.

    Attributes:
        name: Such as `survey.score`.
        threshold: Ratio from which a slowdown is large.
        batches: How often a turn runs it; the turn's figure is the fastest.
        inner: Calls in each run, so that a run is long beside the clock.
        collects: Whether the garbage collector stays on, as where a run takes long anyway.
    """

    name: str
    threshold: float
    batches: int
    inner: int
    collects: bool = False


@dataclass(frozen=True)
class Counted:
    """A benchmark that gives the same number every time, so that one look is sure.

    Attributes:
        name: Such as `telemetry.recorded calls`.
        growth: Ratio from which more is too much.
        slack: What may be added whatever the ratio.
        limit: Largest number whatever the base has, or None.
    """

    name: str
    growth: float
    slack: float = 0.0
    limit: float | None = None


IMPORT: Final = "import"
"""Processor seconds of importing every application; each worker measures it once, as it starts."""

TIMED: Final = (
    Timed(IMPORT, 1.08, batches=0, inner=1),
    Timed("telemetry.metrics", 1.08, batches=12, inner=200),
    Timed("telemetry.logged", 1.08, batches=12, inner=100),
    Timed("telemetry.recorded", 1.08, batches=12, inner=100),
    Timed("telemetry.spans", 1.08, batches=10, inner=40),
    Timed("telemetry.exposition", 1.08, batches=8, inner=2),
    Timed("survey.score", 1.08, batches=12, inner=100),
    Timed("survey.request", 1.08, batches=24, inner=10),
    Timed("gateway.relay", 1.08, batches=12, inner=10),
    Timed("chat.analyze", 1.08, batches=5, inner=1, collects=True),
    Timed("speech.analyze", 1.08, batches=1, inner=1, collects=True),
    Timed("video.analyze", 1.08, batches=2, inner=1, collects=True),
    Timed("chat.startup", 1.08, batches=3, inner=1, collects=True),
)

COUNTED: Final = (
    Counted("telemetry.metrics calls", 1.10, slack=2),
    Counted("telemetry.metrics instructions", 1.10, slack=20),
    Counted("telemetry.recorded calls", 1.10, slack=2),
    Counted("telemetry.recorded instructions", 1.10, slack=20),
    Counted("telemetry.metrics memory blocks kept", 1.0, slack=100),
    Counted("telemetry series", 1.25, limit=3000),
    Counted("telemetry spans of a request", 1.25),
    Counted("survey.score calls", 1.10, slack=2),
    Counted("modules imported", 1.05),
)

BY_NAME: Final = {one.name: one for one in TIMED}

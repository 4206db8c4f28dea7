"""One load test, as the gateway knows it while it runs and after it."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from affectscope import __version__
from affectscope.errors import AffectscopeError
from affectscope.gateway.load.plan import Plan

State = Literal["running", "stopping", "finished", "stopped", "failed"]
"""`finished`: to its end; `stopped`: on demand, with figures until then; `failed`: `detail` says why,
and the figures are those that were told last."""

_WHOLE_ONLY = ("histograms",)
_UNKNOWN: dict[str, Any] = {
    "seconds": None,
    "step_seconds": None,
    "summary": None,
    "services": {},
    "curves": {},
    "resources": {},
    "generator": None,
    "machine": None,
    "search": None,
    "steadiness": None,
    "flags": [],
}
"""Members that are always there, as they are before the generator has told them."""


class Job:
    """A load test.

    Args:
        id: Its identity, also in the `User-Agent` of its requests.
        plan: What is asked for.
        start: Seconds since the epoch.

    Attributes:
        state: How it stands.
        ended: Set when it has ended.
        detail: Why it failed.
    """

    def __init__(self, id: str, plan: Plan, start: float) -> None:
        self.id = id
        self.plan = plan
        self.state: State = "running"
        self.ended = asyncio.Event()
        self.detail: str | None = None
        self.error: AffectscopeError | None = None
        self._start = start
        self._end: float | None = None
        self._share = 0.0
        self._points: list[dict[str, float | None]] = []
        self._result: dict[str, Any] = {}

    def take_progress(self, told: dict[str, Any]) -> None:
        """Take down how far the generator is."""
        self._share = told["share"]
        self._points += told.pop("points")
        self._result |= {name: value for name, value in told.items() if name != "share"}

    def take_result(self, told: dict[str, Any]) -> None:
        """Take down what the generator found."""
        self._result = told
        self._share = 1.0

    def end(
        self, state: State, detail: str | None = None, error: AffectscopeError | None = None
    ) -> None:
        """Note that it has ended."""
        self.state, self.detail, self.error = state, detail, error
        self._end = time.time()
        self.ended.set()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._end is None

    def entry(self) -> dict[str, Any]:
        """Return the job as it stands in a list."""
        return {
            "id": self.id,
            "state": self.state,
            "detail": self.detail,
            "mode": self.plan.mode,
            "test_type": self.plan.test_type,
            "start": self._start,
            "end": self._end,
            "progress": self._share,
        }

    def document(self) -> dict[str, Any]:
        """Return the job with all figures so far, without histograms."""
        return {
            **self.entry(),
            "plan": self.plan.document(),
            **_UNKNOWN,
            **{name: value for name, value in self._result.items() if name not in _WHOLE_ONLY},
            "partial": self._result.get("partial", True),
            "points": self._points,
        }

    def run(self) -> dict[str, Any]:
        """Return the whole run as the observatory keeps it."""
        whole = {name: self._result[name] for name in _WHOLE_ONLY if name in self._result}
        document = self.document() | whole | {"version": __version__}
        del document["progress"]
        return document

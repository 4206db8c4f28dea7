"""The search for the highest rate at which the services still keep an objective.

The rate is doubled until a trial fails, then the gap between the highest rate that passed and the
lowest that failed is halved (by ratio) until it is small. A trial that fails is run once more, and
only two failures count: a single pause of the machine must not end the search.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from affectscope.gateway.load.arrivals import Pace
from affectscope.gateway.load.closed import call, warm_up
from affectscope.gateway.load.driver import UNFINISHED, Driver
from affectscope.gateway.load.figures import Figures, Outcomes
from affectscope.gateway.load.histograms import count_above, percentile
from affectscope.gateway.load.plan import Plan
from affectscope.gateway.load.trace import TraceIds
from affectscope.gateway.load.verdict import BEHIND, flags, generator
from affectscope.gateway.load.wire import Address

RESOLUTION = 1.1
"""The search ends when the lowest rate that failed is at most this times the highest that passed."""

_SETTLE_SHARE = 0.1
"""Share of a trial at its beginning that is not judged."""

_LEAST_REQUESTS = 10
"""A trial is longer than asked for where fewer would arrive."""

_DRAIN_SECONDS = 5.0
_QUIET_SECONDS = 30.0
_CHECK_SECONDS = 0.2
_PAUSE_SECONDS = 0.25

Cause = Literal["percentile", "errors", "behind", "generator"]
"""Why a trial failed; `generator` where the generator was late, so that nothing is known."""

Ending = Literal["resolution", "max-rate", "below-start-rate", "generator-limit", "time", "stopped"]

ENDINGS: dict[Ending, str] = {
    "resolution": "the objective is missed at a rate at most a tenth higher",
    "max-rate": "the highest rate that may be tried passed; the services may stand more",
    "below-start-rate": "the first rate that was tried failed already",
    "generator-limit": "the generator could not keep up at a higher rate; the services may stand "
    "more",
    "time": "the time for the search was over; the services may stand more",
    "stopped": "the search was stopped; the services may stand more",
}


@dataclass(frozen=True)
class Trial:
    """One rate that was tried.

    Attributes:
        rate: Requests a second that were meant to start.
        start: Seconds since the beginning of the search.
        seconds: How long it took; less than asked for where it could not pass any more.
        requests: That were meant to start.
        offered_rate: Requests a second that were sent.
        achieved_rate: Requests a second that succeeded.
        value_seconds: The objective's percentile of the corrected times; None without times.
        error_ratio: Share of requests that failed.
        late_share: Share of requests that the generator sent late.
        cause: Why it failed; None where it passed.
    """

    rate: float
    start: float
    seconds: float
    requests: int
    offered_rate: float
    achieved_rate: float
    value_seconds: float | None
    error_ratio: float
    late_share: float
    cause: Cause | None

    @property
    def passed(self) -> bool:
        """Whether the objective held."""
        return self.cause is None


class Search:
    """Looks for the highest rate.

    Args:
        plan: Of mode `search`.
        addresses: The services.
        enough: Asked often whether to stop before the end.
    """

    def __init__(
        self, plan: Plan, addresses: Sequence[Address], enough: Callable[[], bool]
    ) -> None:
        self._plan = plan
        self._addresses = addresses
        self._enough = enough
        self._traces = TraceIds(int(plan["trace_every"]), int(plan["seed"]))
        self._begin = time.perf_counter()
        self.trials: list[Trial] = []
        self.found: float | None = None
        self.ending: Ending | None = None
        self._best: dict[str, Any] = {}

    @property
    def _now(self) -> float:
        return time.perf_counter() - self._begin

    async def run(self, tell: Callable[[dict[str, Any]], None]) -> None:
        """Search.

        Args:
            tell: Called after each trial with its figures.
        """
        plan = self._plan
        await warm_up(self._addresses, self._traces, plan["timeout"])
        rate = plan["start_rate"]
        failed: tuple[float, Cause] | None = None
        while self.ending is None:
            cause = await self._confirmed(rate, tell)
            if self._enough():
                self.ending = "stopped"
                break
            if cause is None:
                self.found = rate
            else:
                failed = (rate, cause)
            rate = self._next(failed)
            if self.ending is None and cause is not None:
                await self._quiet()
            if self.ending is None and self._left < plan["trial_seconds"]:
                self.ending = "time"

    @property
    def _left(self) -> float:
        return self._plan["duration"] - self._now

    def _next(self, failed: tuple[float, Cause] | None) -> float:
        """Return the rate to try next; where there is none, note why."""
        most = self._plan["max_rate"]
        if failed is None:
            assert self.found is not None
            if self.found >= most:
                self.ending = "max-rate"
            return min(self.found * 2, most)
        rate, cause = failed
        if self.found is None:
            self.ending = "generator-limit" if cause == "generator" else "below-start-rate"
            return rate
        if rate / self.found <= RESOLUTION:
            self.ending = "generator-limit" if cause == "generator" else "resolution"
        return math.sqrt(rate * self.found)

    async def _confirmed(self, rate: float, tell: Callable[[dict[str, Any]], None]) -> Cause | None:
        """Try a rate, once more where it fails; return why it failed both times."""
        cause: Cause | None = None
        for again in (False, True):
            if again:
                await self._quiet()
                if self._left < self._plan["trial_seconds"]:
                    break
            trial, figures = await self._try(rate)
            if self._enough():
                self._best = self._best or figures
                break
            self.trials.append(trial)
            tell(figures["summary"])
            cause = trial.cause
            if trial.passed:
                self._best = figures
                break
            self._best = self._best or figures
        return cause

    async def _try(self, rate: float) -> tuple[Trial, dict[str, Any]]:
        plan = self._plan
        seconds = max(plan["trial_seconds"], _LEAST_REQUESTS / rate)
        seconds = min(seconds, plan["duration"])
        pace = Pace(rate, rate, seconds)
        settle = seconds * _SETTLE_SHARE
        figures = Figures([one.name for one in self._addresses], seconds, settle, blocks=1)
        seed = int(plan["seed"]) + len(self.trials)
        driver = Driver(
            self._addresses,
            pace.arrivals(seed if plan.arrivals == "poisson" else None),
            figures,
            self._traces,
            most=int(plan["max_concurrency"]),
            timeout=plan["timeout"],
            drain=min(_DRAIN_SECONDS + plan.objective["seconds"], plan["timeout"]),
            enough=_Hopeless(plan, pace, figures, self._enough),
        )
        start, used = self._now, time.process_time()
        await driver.run()
        took = self._now - start
        made = generator(figures, time.process_time() - used, took)
        # Where the last arrival lies before the end, the rate is still one of the whole time.
        until = took if took < seconds * 0.9 else seconds
        summary = figures.document(until)
        cause = self._judge(summary, figures, made)
        trial = Trial(
            rate,
            start,
            took,
            summary["scheduled"],
            summary["offered_rate"],
            summary["achieved_rate"],
            percentile(figures.whole.corrected, plan.objective["percentile"]),
            _error_ratio(figures.whole),
            made["late_share"],
            cause,
        )
        return trial, {
            "summary": summary,
            "services": figures.by_service(until),
            "curves": {
                name: one.curves()
                for name, one in {"all": figures.whole, **figures.services}.items()
            },
            "histograms": {
                name: one.encoded()
                for name, one in {"all": figures.whole, **figures.services}.items()
            },
            "generator": made,
            "flags": flags(summary, made, int(plan["max_concurrency"]), stopped=self._enough()),
        }

    def _judge(self, summary: Any, figures: Figures, made: Any) -> Cause | None:
        objective = self._plan.objective
        value = percentile(figures.whole.corrected, objective["percentile"])
        cause: Cause | None = None
        if _error_ratio(figures.whole) > objective["error_ratio"]:
            cause = "errors"
        elif value is None or value > objective["seconds"]:
            cause = "percentile"
        elif figures.whole.sent < BEHIND * summary["scheduled"]:
            cause = "behind"
        if cause is not None and not made["kept_up"]:
            # Its own lateness is in the times; what the services did cannot be told from it.
            cause = "generator"
        return cause

    async def _quiet(self) -> None:
        """Wait until the services have worked off what a failed trial left behind."""
        end = time.perf_counter() + _QUIET_SECONDS
        for address in self._addresses:
            while time.perf_counter() < end and not self._enough():
                error, _ = await call(address, self._traces.next(), self._plan["timeout"])
                if error is None:
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)

    def document(self) -> dict[str, Any]:
        """Return the search so far in the form of the interface."""
        return {
            "objective": dict(self._plan.objective),
            "found_rate": self.found,
            "reason": self.ending,
            "reason_text": ENDINGS[self.ending] if self.ending else None,
            "trials": [{**asdict(one), "passed": one.passed} for one in self.trials],
        }

    def best(self) -> dict[str, Any]:
        """Return figures, curves and histograms of the trial at the rate that was found.

        Where none was, those of the first trial.
        """
        return self._best


class _Hopeless:
    """Tells that a trial should end: it is stopped, or cannot pass any more."""

    def __init__(
        self, plan: Plan, pace: Pace, figures: Figures, enough: Callable[[], bool]
    ) -> None:
        expected = pace.expected()
        judged = expected * (1 - _SETTLE_SHARE)
        self._slow = judged * (1 - plan.objective["percentile"] / 100) + 1
        self._failed = expected * plan.objective["error_ratio"]
        self._seconds = plan.objective["seconds"]
        self._figures = figures
        self._enough = enough
        self._looked = 0.0

    def __call__(self) -> bool:
        if self._enough():
            return True
        now = time.perf_counter()
        if now - self._looked < _CHECK_SECONDS:
            return False
        self._looked = now
        whole = self._figures.whole
        slow = count_above(whole.corrected, self._seconds)
        return slow > self._slow or _failed(whole) > self._failed


def _failed(whole: Outcomes) -> int:
    # What was unfinished when the trial ended is slow, and is in the times as such.
    return whole.errors.total() - whole.errors[UNFINISHED] + whole.unsent


def _error_ratio(whole: Outcomes) -> float:
    return _failed(whole) / whole.scheduled if whole.scheduled else 0.0

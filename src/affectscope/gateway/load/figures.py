"""What an open-loop load writes down: histograms, a time line, errors, the generator's own lag.

Two times of every request are kept. The *corrected* one runs from the moment at which the request
was meant to start, so it holds what somebody who came at that moment would have waited. The *raw*
one runs from the moment at which it was really sent. They differ where requests could not be sent on
time because all places were taken by requests that the server had not answered: then raw times leave
out the very waiting that a stall causes (coordinated omission).

A request that is given up, or never sent, is in the corrected histogram with the time that it had
waited so far, a lower bound; leaving it out would make a server look better the worse it is. One
that is answered with an error is counted and has no time: a quick refusal is no quick answer.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hdrh.histogram import HdrHistogram

from affectscope.gateway.load.histograms import curve, histogram, microseconds, times

BLOCKS = 20
"""Parts of a run whose histograms are kept apart, so that runs can be compared with a measure of
their own unrest."""

MOST_POINTS = 1200
"""Points of a time line; longer runs have longer steps."""

_MOST_IN_STEP = 10_000
"""Times of which a point's percentiles are made; sorting more would hold up what is to be sent."""


@dataclass
class Step:
    """What happened in one step of the time line."""

    scheduled: int = 0
    sent: int = 0
    succeeded: int = 0
    errors: int = 0
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def wait(self, seconds: float) -> None:
        """Take down the corrected time of a request that ended in this step."""
        if len(self.seconds) < _MOST_IN_STEP:
            self.seconds.append(seconds)
        else:
            # Every later time takes the place of an older one, spread over all of them.
            self.seconds[(self.succeeded + self.errors) * 7919 % _MOST_IN_STEP] = seconds

    def point(self, start: float, length: float) -> dict[str, float | None]:
        """Return the step as a point of the time line; rates in requests a second."""
        ordered = sorted(self.seconds)
        return {
            "start": start,
            "scheduled_rate": self.scheduled / length,
            "offered_rate": self.sent / length,
            "achieved_rate": self.succeeded / length,
            "error_rate": self.errors / length,
            "p50_seconds": ordered[(len(ordered) - 1) // 2] if ordered else None,
            "p99_seconds": ordered[-(-len(ordered) * 99 // 100) - 1] if ordered else None,
            "max_seconds": ordered[-1] if ordered else None,
        }


class Outcomes:
    """What became of the requests to one service, or to all of them.

    Args:
        blocks: Histograms of corrected times to keep, beside the two of all times.
    """

    def __init__(self, blocks: int) -> None:
        self.scheduled = self.sent = self.unsent = self.censored = 0
        self.succeeded = self.answered = 0
        self.errors: Counter[str] = Counter()
        self.corrected, self.raw = histogram(), histogram()
        self.blocks = [histogram() for _ in range(blocks)]

    def counts(self) -> dict[str, Any]:
        """Return how many requests there were, in the form of the interface."""
        return {
            "scheduled": self.scheduled,
            "requests": self.sent,
            "unsent": self.unsent,
            "succeeded": self.succeeded,
            "errors": dict(self.errors),
            "censored": self.censored,
        }

    def document(self, arriving: float, answering: float) -> dict[str, Any]:
        """Return the figures in the form of the interface, without histograms.

        Args:
            arriving: Seconds in which requests were meant to start.
            answering: Seconds until the last answer.
        """
        return {
            **self.counts(),
            "scheduled_rate": self.scheduled / arriving,
            "offered_rate": self.sent / arriving,
            "completed_rate": self.answered / answering,
            "achieved_rate": self.succeeded / answering,
            "corrected": times(self.corrected),
            "raw": times(self.raw),
        }

    def encoded(self) -> dict[str, Any]:
        """Return the histograms, encoded (HdrHistogram V2, compressed, base64).

        ``blocks`` are those of the corrected times in equal parts of the run, oldest first.
        """
        return {
            "corrected": encode(self.corrected),
            "raw": encode(self.raw),
            "blocks": [encode(one) for one in self.blocks],
        }

    def curves(self) -> dict[str, Any]:
        """Return the percentiles as lines to draw."""
        return {"corrected": curve(self.corrected), "raw": curve(self.raw)}


def encode(found: HdrHistogram) -> str:
    """Return a histogram as the tools of HdrHistogram read it."""
    text: bytes = found.encode()
    return text.decode()


class Figures:
    """Everything that a run, or a trial of a search, writes down.

    Args:
        services: Names of the services that are loaded.
        duration: Seconds for which requests arrive.
        settle: Seconds at the beginning whose requests are not judged: they are in counts and on
            the time line, but in no histogram.
        blocks: Parts of the run with histograms of their own.
    """

    def __init__(
        self, services: Iterable[str], duration: float, settle: float = 0.0, blocks: int = BLOCKS
    ) -> None:
        self.services = {name: Outcomes(blocks) for name in services}
        self.whole = Outcomes(blocks)
        self.duration = duration
        self.settle = settle
        self.step_seconds = float(max(1, -(-int(duration) // MOST_POINTS)))
        self.lag = histogram()
        self.waited = 0
        self.last_end = 0.0
        self._steps: dict[int, Step] = {}
        self._done = 0
        self._blocks = blocks

    def schedule(self, name: str, intended: float) -> None:
        """Write down that a request was meant to start."""
        for one in (self.services[name], self.whole):
            one.scheduled += 1
        self._step(intended).scheduled += 1

    def withdraw(self, name: str, intended: float) -> None:
        """Take back that a request was meant to start: the run ended before its time came."""
        for one in (self.services[name], self.whole):
            one.scheduled -= 1
        self._step(intended).scheduled -= 1

    def send(self, name: str, at: float, lag: float, waited: bool) -> None:
        """Write down that a request is sent.

        Args:
            name: Of the service.
            at: Seconds since the beginning.
            lag: Seconds that the generator itself was late: since the request was due and a place
                was free.
            waited: Whether it had to wait for a place.
        """
        for one in (self.services[name], self.whole):
            one.sent += 1
        self._step(at).sent += 1
        self.lag.record_value(microseconds(lag))
        self.waited += waited

    def succeed(self, name: str, intended: float, sent: float, end: float) -> None:
        """Write down a request that succeeded; all times in seconds since the beginning."""
        step = self._step(end)
        step.succeeded += 1
        step.wait(end - intended)
        for one in (self.services[name], self.whole):
            one.succeeded += 1
            one.answered += 1
        self.last_end = end
        self._record(name, intended, sent, end)

    def fail(self, name: str, error: str, end: float, *, answered: bool = True) -> None:
        """Write down a request that was answered with an error, or whose connection broke."""
        for one in (self.services[name], self.whole):
            one.errors[error] += 1
            one.answered += answered
        self.last_end = end
        self._step(end).errors += 1

    def give_up(self, name: str, error: str, intended: float, sent: float, end: float) -> None:
        """Write down a request that got no answer in time: an error, with all of its time."""
        self.fail(name, error, end, answered=False)
        self._step(end).wait(end - intended)
        self._censor(name)
        self._record(name, intended, sent, end)

    def leave(self, name: str, intended: float, end: float) -> None:
        """Write down a request that was never sent."""
        self._step(end).wait(end - intended)
        for one in (self.services[name], self.whole):
            one.unsent += 1
        self._censor(name)
        self._record(name, intended, None, end)

    def _censor(self, name: str) -> None:
        for one in (self.services[name], self.whole):
            one.censored += 1

    def _record(self, name: str, intended: float, sent: float | None, end: float) -> None:
        if intended < self.settle:
            return
        corrected = microseconds(end - intended)
        block = min(int(intended / self.duration * self._blocks), self._blocks - 1)
        for one in (self.services[name], self.whole):
            one.corrected.record_value(corrected)
            if one.blocks:
                one.blocks[block].record_value(corrected)
            if sent is not None:
                one.raw.record_value(microseconds(end - sent))

    def points(self, now: float) -> list[dict[str, float | None]]:
        """Return the points of the time line that are past and were not returned before."""
        found = []
        while (self._done + 1) * self.step_seconds <= now:
            step = self._steps.pop(self._done, None) or Step()
            found.append(step.point(self._done * self.step_seconds, self.step_seconds))
            self._done += 1
        return found

    def last_points(self) -> list[dict[str, float | None]]:
        """Return the points that are left at the end."""
        most = max(self._steps, default=-1)
        return self.points((most + 1) * self.step_seconds)

    def document(self, now: float) -> dict[str, Any]:
        """Return the figures of all services together, so far, in the form of the interface.

        Args:
            now: Seconds since the beginning.
        """
        return self.whole.document(*self._spans(now))

    def by_service(self, now: float) -> Mapping[str, dict[str, Any]]:
        """Return the figures of each service so far; as `document`."""
        spans = self._spans(now)
        return {name: one.document(*spans) for name, one in self.services.items()}

    def _spans(self, now: float) -> tuple[float, float]:
        arriving = max(min(now, self.duration), 1e-9)
        # Where answers are still due at the end, the time until the last one counts too.
        return arriving, max(arriving, self.last_end)

    def _step(self, at: float) -> Step:
        # What ends after its step was returned belongs to the step that is being written.
        number = max(int(at / self.step_seconds), self._done)
        step = self._steps.get(number)
        if step is None:
            step = self._steps[number] = Step()
        return step

"""When requests are meant to start: the schedule of an open-loop load, made before any answer.

Arrival number k comes when the expected number of arrivals reaches k (evenly), or reaches a sum of
k exponential steps of mean 1 (a Poisson process, by the time-rescaling theorem). So one formula, the
inverse of the expected number, serves every pace.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """A rate that stays, or grows or falls evenly.

    Attributes:
        start_rate: Requests a second at the beginning.
        end_rate: Requests a second at the end.
        duration: Seconds.
    """

    start_rate: float
    end_rate: float
    duration: float

    def rate(self, at: float) -> float:
        """Return the rate in requests a second, `at` seconds after the beginning."""
        share = min(max(at / self.duration, 0.0), 1.0)
        return self.start_rate + (self.end_rate - self.start_rate) * share

    def expected(self) -> float:
        """Return the number of arrivals that are expected in all."""
        return (self.start_rate + self.end_rate) / 2 * self.duration

    def time_of(self, count: float) -> float:
        """Return when the expected number of arrivals reaches `count`, in seconds.

        Solves ``a t + g t^2 / 2 = count`` with g, the growth of the rate, in the form that stays
        exact where g is near 0.
        """
        growth = (self.end_rate - self.start_rate) / self.duration
        root = math.sqrt(max(self.start_rate**2 + 2 * growth * count, 0.0))
        return 2 * count / (self.start_rate + root) if count else 0.0

    def arrivals(self, seed: int | None = None) -> Iterator[float]:
        """Yield the seconds, since the beginning, at which requests are meant to start.

        Args:
            seed: Of Poisson arrivals; None for even ones.
        """
        dice = None if seed is None else random.Random(seed)  # noqa: S311 - a schedule, no secret
        most = self.expected()
        count = 0.0 if dice is None else dice.expovariate(1)
        # The last of an even schedule falls on the end itself, but for rounding.
        while count < most - 1e-9:
            yield self.time_of(count)
            count += 1 if dice is None else dice.expovariate(1)

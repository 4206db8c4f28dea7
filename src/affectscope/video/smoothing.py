"""Expressions over time: less jitter, no transition that was not seen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float32]

SPAN = 0.25
"""Seconds after which what was seen before counts 1/e; short beside the half second and more that an
expression lasts (Ekman 2003: macroexpressions take 0.5 to 4 s)."""

FORGET = 1.0
"""Seconds without a judgement after which the next one stands for itself."""


class Smoothing:
    """The probabilities of one face, averaged over the last moments.

    An exponential average in time, whatever the distances between frames. The average of two
    distributions can have a highest label that neither of them has, so that a passage from one
    expression to another would seem to lead through a third: such an average is not given out, but
    the frame as it is.

    Attributes:
        time: Of the last frame, in seconds.
    """

    def __init__(self) -> None:
        self._shares: Shares | None = None
        self.time = -math.inf

    def next(self, shares: Shares, time: float) -> Shares:
        """Return the smoothed probabilities of the next frame.

        Args:
            shares: Probabilities [n] as the model gives them; they sum to 1.
            time: Seconds, later than the last one's.

        Returns:
            Probabilities [n] that sum to 1. The highest is the highest of this frame or of what
            was returned before it.
        """
        before, passed = self._shares, time - self.time
        self.time = time
        if before is None or passed > FORGET:
            self._shares = shares
            return shares
        new = 1 - math.exp(-passed / SPAN)
        mixed = (1 - new) * before + new * shares
        if int(mixed.argmax()) not in (int(before.argmax()), int(shares.argmax())):
            mixed = shares
        self._shares = mixed
        return mixed

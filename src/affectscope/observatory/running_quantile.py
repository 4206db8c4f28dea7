"""A quantile of the last few hundred values."""

from __future__ import annotations

from collections import deque

_WINDOW = 1_000
_LEAST = 200
_EVERY = 50


class RunningQuantile:
    """A quantile of the last 1,000 values, brought up to date with every 50th.

    Args:
        quantile: 0 to 1.

    Attributes:
        value: The quantile; None before there are 200 values.
    """

    __slots__ = ("_added", "_quantile", "_values", "value")

    def __init__(self, quantile: float) -> None:
        self._quantile = quantile
        self._values: deque[float] = deque(maxlen=_WINDOW)
        self._added = 0
        self.value: float | None = None

    def add(self, value: float) -> None:
        """Take a value."""
        self._values.append(value)
        self._added += 1
        if self._added % _EVERY == 0 and self._added >= _LEAST:
            ranked = sorted(self._values)
            self.value = ranked[min(len(ranked) - 1, int(self._quantile * len(ranked)))]

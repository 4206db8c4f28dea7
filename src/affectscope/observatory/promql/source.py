"""What the engine asks of a store of samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from affectscope.observatory.matchers import Matcher

Floats = NDArray[np.float64]


class Source(Protocol):
    """A store of samples."""

    def select(
        self, matchers: Sequence[Matcher], start: float, end: float, resolution: float = 0.0
    ) -> list[tuple[dict[str, str], Floats, Floats]]:
        """Return series with their samples.

        Args:
            matchers: Series must pass all.
            start: Seconds since the epoch, included.
            end: Included.
            resolution: Seconds between samples that are close enough.

        Returns:
            For each series its labels with `__name__`, ascending times in seconds since the epoch,
            and values, where NaN says that the series was gone at that time.
        """
        ...

"""When pictures are shown, which of them are taken, and where some are missing."""

from __future__ import annotations

import math
from collections import deque
from statistics import median_low

from affectscope.media.demux import is_wrong

NUDGE = 0.001
"""Seconds by which a repeated time stamp is moved on, so that times always grow."""

RECENT = 15
"""Intervals between frames that tell which is the usual one now."""

LEAST = 5
"""Intervals that must be known before any is called a gap."""

GAP_INTERVALS = 3.0
GAP_SECONDS = 0.5
"""A gap is longer than so many usual intervals, and than so many seconds."""


class Clock:
    """Makes the times of frames grow, whatever the file says.

    Args:
        period: Seconds between frames where a file gives no times at all.
        latest: Time after which no time stamp is believed.
    """

    def __init__(self, period: float, latest: float = math.inf) -> None:
        self._period = period
        self._latest = latest
        self._last: float | None = None
        self._shift = 0.0

    def next(self, time: float | None) -> float:
        """Return the time of the next frame, later than the one before it."""
        if self._last is None:
            self._last = max(0.0, time or 0.0)
            return self._last
        if time is None:
            time = self._last + self._period
        elif is_wrong(time + self._shift, self._last, self._latest):
            self._shift = self._last + self._period - time
            time += self._shift
        else:
            time = max(time + self._shift, self._last + NUDGE)
        self._last = time
        return time


class Sampler:
    """Takes the first frame of every interval of 1/fps seconds.

    Args:
        fps: Most frames a second; None takes all.
    """

    def __init__(self, fps: float | None) -> None:
        self._fps = fps
        self._due = 0.0

    def wants(self, time: float) -> bool:
        """Tell whether the frame of this time is due."""
        # Half a nudge of slack: sums of floats must not lose a frame that lies on the grid.
        return self._fps is None or time >= self._due - NUDGE / 2

    def take(self, time: float) -> None:
        """Note that the frame of this time was taken."""
        if self._fps is not None:
            self._due = (math.floor((time + NUDGE / 2) * self._fps) + 1) / self._fps


class Pace:
    """How quickly frames follow each other, and where some are missing.

    The usual interval is the median of the last fifteen. The next frame comes too late, after a gap,
    where it comes after more than three usual intervals and more than half a second: a recording
    was paused, or packets were lost. So a slide show of one picture in five seconds has no gaps, nor
    has a film at its first five intervals, of which nothing can be said; and a film that turns into
    a slide show has a few, until slides are what is usual.

    Args:
        period: Usual interval in seconds while no other is known.

    Attributes:
        gaps: Gaps so far.
        missing: Seconds that they last together.
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._recent: deque[float] = deque(maxlen=RECENT)
        self.gaps = 0
        self.missing = 0.0

    @property
    def usual(self) -> float:
        """The usual interval in seconds."""
        return median_low(self._recent) if self._recent else self._period

    def is_gap(self, interval: float) -> bool:
        """Tell whether an interval between two frames, in seconds, is longer than is usual."""
        known = len(self._recent) >= LEAST
        return known and interval > max(GAP_INTERVALS * self.usual, GAP_SECONDS)

    def add(self, interval: float) -> float:
        """Take note of the interval to the next frame.

        Args:
            interval: In seconds.

        Returns:
            Seconds that the frame before was shown: the interval, or the usual one before a gap.
        """
        shown = interval
        if self.is_gap(interval):
            shown = self.usual
            self.gaps += 1
            self.missing += interval - shown
        self._recent.append(interval)
        return shown

    def last(self, stated: float) -> float:
        """Return how long the last frame is shown.

        Args:
            stated: Seconds that the file says; 0 where it says nothing. Less than half of what is
                usual, such as one tick of the file's clock, is not believed, nor is a gap.
        """
        return self.usual if stated < self.usual / 2 or self.is_gap(stated) else stated


def gif_length(stated: float) -> float:
    """Return the seconds that a picture of a GIF is shown, by the seconds that it states.

    Browsers take delays of less than 20 ms for a tenth of a second, and so do those who draw.
    """
    return stated if stated > 0.0195 else 0.1

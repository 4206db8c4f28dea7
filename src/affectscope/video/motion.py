"""Where a face is, how fast it moves, and how sure that is: a Kalman filter for its box."""

from __future__ import annotations

import math
from dataclasses import dataclass

from affectscope.video.faces import Box, Face

PLACE_NOISE = 0.06
SIZE_NOISE = 0.12
"""Standard deviations of a detected box: of its centre in widths, and of the logarithm of its size.
In one film they are .01 and .02, but where one detector takes over from the other .06 and .13."""

START_SPEED = 1.5
START_GROWTH = 0.5
"""Standard deviations of a new face's speed, in widths a second, and of its growth, in logarithms
of its size a second."""

PLACE_CHANGE = 5.0
SIZE_CHANGE = 0.2
"""How fast people change their speed and growth: variance gained a second, in the same units."""

STRAIGHT = 0.5
COASTING = 0.3
"""A face that is not seen goes on for the first time in seconds as it did; then it slows down, and
stands still before it has gone on for the second one."""


@dataclass(frozen=True)
class Axis:
    """One coordinate with its speed: both of them, and their variances and covariance."""

    at: float
    speed: float
    spread: float
    shared: float
    speed_spread: float

    def ahead(self, seconds: float, change: float) -> Axis:
        """Return it after some time at this speed, which itself may change.

        Args:
            seconds: At least 0.
            change: Variance of the speed gained a second.
        """
        moved = self.spread + seconds * (2 * self.shared + seconds * self.speed_spread)
        return Axis(
            at=self.at + seconds * self.speed,
            speed=self.speed,
            spread=moved + change * seconds**3 / 3,
            shared=self.shared + seconds * self.speed_spread + change * seconds**2 / 2,
            speed_spread=self.speed_spread + change * seconds,
        )

    def corrected(self, seen: float, noise: float) -> Axis:
        """Return it after a look, `noise` being the variance of what is seen."""
        whole = self.spread + noise
        gain, speed_gain = self.spread / whole, self.shared / whole
        return Axis(
            at=self.at + gain * (seen - self.at),
            speed=self.speed + speed_gain * (seen - self.at),
            spread=(1 - gain) * self.spread,
            shared=(1 - gain) * self.shared,
            speed_spread=self.speed_spread - speed_gain * self.shared,
        )


@dataclass(frozen=True)
class Motion:
    """The box of a face in motion.

    Attributes:
        x: Its centre in pixels.
        y: Likewise.
        size: Logarithm of its width in pixels.
        shape: Its height over its width.
    """

    x: Axis
    y: Axis
    size: Axis
    shape: float

    @property
    def width(self) -> float:
        """Pixels."""
        return math.exp(self.size.at)

    @property
    def box(self) -> Box:
        """x, y, width and height in pixels."""
        width = self.width
        height = width * self.shape
        return self.x.at - width / 2, self.y.at - height / 2, width, height

    def ahead(self, seconds: float) -> Motion:
        """Return what is to be expected after so many seconds without a look."""
        if seconds > STRAIGHT:
            seconds = STRAIGHT + COASTING * (1 - math.exp((STRAIGHT - seconds) / COASTING))
        change = PLACE_CHANGE * self.width**2
        return Motion(
            self.x.ahead(seconds, change),
            self.y.ahead(seconds, change),
            self.size.ahead(seconds, SIZE_CHANGE),
            self.shape,
        )

    def corrected(self, face: Face) -> Motion:
        """Return it after a look."""
        x, y, width, shape = _measured(face)
        noise = (PLACE_NOISE * width) ** 2
        return Motion(
            self.x.corrected(x, noise),
            self.y.corrected(y, noise),
            self.size.corrected(math.log(width), SIZE_NOISE**2),
            shape,
        )

    def misfit(self, face: Face) -> float:
        """Return how unlikely it is that this face is seen there, from 0 upwards.

        That is minus twice the logarithm of the density, which is 0 for a face exactly where it was
        to be expected, if that was known exactly.
        """
        x, y, width, _ = _measured(face)
        place = (PLACE_NOISE * self.width) ** 2
        return (
            _misfit(self.x, x, place)
            + _misfit(self.y, y, place)
            + _misfit(self.size, math.log(width), SIZE_NOISE**2)
        )


def motion_of(face: Face) -> Motion:
    """Return the motion of a face that is seen for the first time."""
    x, y, width, shape = _measured(face)
    noise, speed = (PLACE_NOISE * width) ** 2, (START_SPEED * width) ** 2
    return Motion(
        Axis(x, 0.0, noise, 0.0, speed),
        Axis(y, 0.0, noise, 0.0, speed),
        Axis(math.log(width), 0.0, SIZE_NOISE**2, 0.0, START_GROWTH**2),
        shape,
    )


def _measured(face: Face) -> tuple[float, float, float, float]:
    """Return the centre, the width and the height over the width of a box."""
    x, y, width, height = face.box
    width = max(width, 1e-6)
    return x + width / 2, y + height / 2, width, height / width


def _misfit(axis: Axis, seen: float, noise: float) -> float:
    whole = axis.spread + noise
    return (seen - axis.at) ** 2 / whole + math.log(whole / noise)

"""Which face is whose, from one frame to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from affectscope.video.detector import Face, overlap

PATIENCE = 2.0
"""Seconds after which a face that is gone counts as gone for good."""

REACH = 0.7
"""Farthest a face moves from one frame to the next, in widths of its box."""

GROWTH = 1.8
"""Most that its width changes by, as a factor."""


@dataclass
class _Followed:
    number: int
    face: Face
    time: float


class FaceTracker:
    """Numbers faces by their place: overlap of boxes first, nearness where they moved too far.

    No feature of a person is kept, so somebody who leaves for longer than `PATIENCE` comes back
    under a new number.
    """

    def __init__(self) -> None:
        self._followed: list[_Followed] = []
        self._count = 0

    def update(self, faces: Sequence[Face], time: float) -> list[int]:
        """Number the faces of the next frame.

        Args:
            faces: Faces of this frame.
            time: Its time in seconds, later than the last one's.

        Returns:
            The number of each face, from 1, in the order given.
        """
        self._followed = [one for one in self._followed if time - one.time <= PATIENCE]
        pairs = sorted(
            (
                (cost, at, index)
                for index, face in enumerate(faces)
                for at, one in enumerate(self._followed)
                if (cost := _distance(one.face, face)) is not None
            ),
        )
        numbers = [0] * len(faces)
        taken: set[int] = set()
        for _, at, index in pairs:
            if at in taken or numbers[index]:
                continue
            taken.add(at)
            one = self._followed[at]
            one.face, one.time = faces[index], time
            numbers[index] = one.number
        for index, face in enumerate(faces):
            if not numbers[index]:
                self._count += 1
                numbers[index] = self._count
                self._followed.append(_Followed(self._count, face, time))
        return numbers


def _distance(before: Face, now: Face) -> float | None:
    """Return how badly two faces fit, from -1 (same box) upwards; None where they cannot be one."""
    growth = now.box[2] / max(before.box[2], 1e-6)
    if not 1 / GROWTH <= growth <= GROWTH:
        return None
    shared = overlap(before, now)
    if shared > 0:
        return -shared
    dx = before.box[0] + before.box[2] / 2 - now.box[0] - now.box[2] / 2
    dy = before.box[1] + before.box[3] / 2 - now.box[1] - now.box[3] / 2
    apart = math.hypot(dx, dy) / max(before.box[2], now.box[2])
    return apart if apart <= REACH else None

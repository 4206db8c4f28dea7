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

SURE = 0.75
SIGHTINGS = 3
"""A new face is believed at this score, or when it is seen for this many frames: of the detections
below that score that do not last, most are ears, hair and hands."""


@dataclass
class _Followed:
    face: Face
    time: float
    sightings: int = 0
    number: int | None = None


class FaceTracker:
    """Numbers faces by their place: overlap of boxes first, nearness where they moved too far.

    No feature of a person is kept, so somebody who leaves for longer than `PATIENCE` comes back
    under a new number.

    Args:
        sightings: Frames after which a face with a low score is believed; 1 for still images,
            which give no second look.
    """

    def __init__(self, sightings: int = SIGHTINGS) -> None:
        self._sightings = sightings
        self._followed: list[_Followed] = []
        self._count = 0

    def update(self, faces: Sequence[Face], time: float) -> list[int | None]:
        """Number the faces of the next frame.

        Args:
            faces: Faces of this frame.
            time: Its time in seconds, later than the last one's.

        Returns:
            The number of each face, from 1, in the order given; None for one that is not believed
            yet.
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
        matched: dict[int, _Followed] = {}
        taken: set[int] = set()
        for _, at, index in pairs:
            if at not in taken and index not in matched:
                taken.add(at)
                matched[index] = self._followed[at]
        for index, face in enumerate(faces):
            if index not in matched:
                matched[index] = _Followed(face, time)
                self._followed.append(matched[index])
        return [self._see(matched[index], face, time) for index, face in enumerate(faces)]

    def expected(self, time: float) -> list[tuple[float, float, float, float]]:
        """Return the boxes (x, y, width, height) where followed faces are to be expected.

        Args:
            time: In seconds, later than the last frame's.
        """
        return [one.face.box for one in self._followed if time - one.time <= PATIENCE]

    def _see(self, one: _Followed, face: Face, time: float) -> int | None:
        one.face, one.time = face, time
        one.sightings += 1
        if one.number is None and (face.score >= SURE or one.sightings >= self._sightings):
            self._count += 1
            one.number = self._count
        return one.number


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

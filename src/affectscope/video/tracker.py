"""Which face is whose, from one frame to the next."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from affectscope.video.assignment import assign
from affectscope.video.faces import Box, Face
from affectscope.video.motion import Motion, motion_of

PATIENCE = 2.0
"""Seconds after which a face that is gone counts as gone for good."""

EXPECTED = 1.0
"""Seconds without a sight for which it is worth looking where a face should be."""

LIMIT = 17.0
"""Misfit above which a face is rather another one: of a face that was seen just now, four standard
deviations of the detector's noise; of one that was not, less as it may be in more places."""

DOUBT = 3.0
"""Misfit added for a face with a low score, so that others come first."""

SURE = 0.75
SIGHTINGS = 3
"""A new face is believed at this score, or when it is seen for this many frames: of the detections
below that score that do not last, most are ears, hair and hands."""

LAPSE = 0.5
"""Seconds without a sight after which a face is away. Who comes back has to be believed anew."""

NEAR = 1.2
"""Distance from where a face left, in its widths, that counts as the same place."""

SPEED = 4.0
"""Widths a second at which people move at most while they are not seen."""

GROWTH = 1.8
"""Most that the width of a face that comes back has changed by, as a factor."""

MEMORY = 60.0
MOST_GONE = 32
"""Seconds for which faces that are gone are remembered, and how many of them."""


MOST_FOLLOWED = 200
"""Faces that are followed at once; of more, those that were found first are dropped."""


@dataclass(frozen=True)
class Expected:
    """A face that was seen a moment ago.

    Attributes:
        face: As it was seen last, where it is expected now.
        known: Whether it is believed to be one.
    """

    face: Face
    known: bool


@dataclass(eq=False)
class _Followed:
    motion: Motion
    face: Face
    began: float
    time: float
    sightings: int = 0
    number: int | None = None
    origin: int | None = None
    continued: bool = False


class FaceTracker:
    """Numbers faces by their place, size and motion.

    Each face is expected where its motion takes it, and the faces of a frame are paired with those
    that are followed so that all together fit best. As in ByteTrack (Zhang and others 2022), weak
    detections prolong what is followed, but strong ones come first.

    No feature of a person is kept, so somebody who leaves for longer than `PATIENCE`, or comes back
    elsewhere, gets a new number.

    Args:
        sightings: Frames after which a face with a low score is believed; 1 for still images,
            which give no second look.
    """

    def __init__(self, sightings: int = SIGHTINGS) -> None:
        self._sightings = sightings
        self._followed: list[_Followed] = []
        self._gone: deque[_Followed] = deque(maxlen=MOST_GONE)
        self._count = 0
        self._time = -math.inf

    def update(self, faces: Sequence[Face], time: float) -> list[int | None]:
        """Number the faces of the next frame.

        Args:
            faces: Faces of this frame.
            time: Its time in seconds, later than the last one's.

        Returns:
            The number of each face, from 1, in the order given; None for one that is not believed
            yet.
        """
        self._forget(time)
        whose = self._pair(faces, time)
        for index, face in enumerate(faces):
            if index not in whose:
                whose[index] = _Followed(motion_of(face), face, time, time)
                self._followed.append(whose[index])
            else:
                one = whose[index]
                one.motion = one.motion.ahead(time - one.time).corrected(face)
                one.time, one.face = time, face
            whose[index].sightings += 1
        for index in range(len(faces)):
            self._believe(whose[index])
        self._time = time
        del self._followed[:-MOST_FOLLOWED]
        return [whose[index].number for index in range(len(faces))]

    def expected(self, time: float) -> list[Expected]:
        """Return the faces that are to be expected, and where.

        Args:
            time: In seconds, later than the last frame's.

        Returns:
            One for each face that was seen within the last second, believed or not.
        """
        return [
            Expected(
                one.face.moved_to(one.motion.ahead(time - one.time).box), one.number is not None
            )
            for one in self._followed
            if time - one.time <= EXPECTED
        ]

    def origin(self, number: int) -> int | None:
        """Return which face, gone before this one came, may be the same person.

        It is the one whose place, size and time fit best; None where none fits.

        Args:
            number: Of a face that the last frame shows.
        """
        found = (one.origin for one in self._followed if one.number == number)
        return next(found, None)

    def _forget(self, time: float) -> None:
        """Follow nobody any longer who is gone for good, and remember a while those who left."""
        left = [one for one in self._followed if time - one.time > PATIENCE]
        self._followed = [one for one in self._followed if time - one.time <= PATIENCE]
        self._gone.extend(one for one in left if one.number is not None)
        while self._gone and time - self._gone[0].time > MEMORY:
            self._gone.popleft()

    def _pair(self, faces: Sequence[Face], time: float) -> dict[int, _Followed]:
        """Return whom each face of a frame shows, as far as it is somebody followed.

        Those who have a number come first, so that a false alarm takes nobody's face.
        """
        known = [one for one in self._followed if one.number is not None]
        doubtful = [one for one in self._followed if one.number is None]
        expected = {id(one): one.motion.ahead(time - one.time) for one in self._followed}

        def misfit(one: _Followed, face: Face) -> float:
            fit = expected[id(one)].misfit(face)
            if face.score >= SURE:
                return fit
            away = one.time < self._time and time - one.time >= LAPSE
            return math.inf if away else fit + DOUBT

        whose: dict[int, _Followed] = {}
        for people in (known, doubtful):
            _add_pairs(whose, faces, people, misfit)
        return whose

    def _believe(self, one: _Followed) -> None:
        """Give a new face its number as soon as it is believed."""
        if one.number is not None or (one.face.score < SURE and one.sightings < self._sightings):
            return
        numbered = [other for other in self._followed if other.number is not None]
        back = _least(numbered, lambda other: _displacement(other, one))
        if back is not None:
            self._followed.remove(back)
            one.number, one.origin, one.continued = back.number, back.origin, back.continued
            return
        self._count += 1
        one.number = self._count
        left = [other for other in chain(self._gone, numbered) if not other.continued]
        origin = _least(left, lambda other: _unlikeliness(other, one))
        if origin is not None:
            one.origin, origin.continued = origin.number, True


def _add_pairs(
    whose: dict[int, _Followed],
    faces: Sequence[Face],
    people: Sequence[_Followed],
    misfit: Callable[[_Followed, Face], float],
) -> None:
    """Pair the faces that are not paired yet with some of the people that are not, as fits best."""
    taken = {id(one) for one in whose.values()}
    free = [one for one in people if id(one) not in taken]
    rest = [index for index in range(len(faces)) if index not in whose]
    if free and rest:
        costs = np.array([[misfit(one, faces[index]) for one in free] for index in rest])
        for row, column in assign(np.where(costs < LIMIT, costs, np.inf), LIMIT):
            whose[rest[row]] = free[column]


def _least(people: Iterable[_Followed], measure: Callable[[_Followed], float]) -> _Followed | None:
    """Return the one of whom the measure is least; None where it is infinite for all."""
    least = min(people, key=measure, default=None)
    return least if least is not None and measure(least) < math.inf else None


def _displacement(left: _Followed, new: _Followed) -> float:
    """Return how far somebody new is from where one left or was going; inf where it is too far."""
    going = left.motion.ahead(new.time - left.time).box
    apart, growth = min(_difference(box, new.face.box) for box in (left.face.box, going))
    if new.began - left.time < LAPSE or apart > NEAR or growth > math.log(GROWTH):
        return math.inf
    return apart / NEAR + growth / math.log(GROWTH)


def _unlikeliness(left: _Followed, new: _Followed) -> float:
    """Return how little it looks as if somebody new were one who left, from 0 to 3, or inf."""
    wait = new.began - left.time
    apart, growth = _difference(left.face.box, new.face.box)
    reach = NEAR + SPEED * wait
    if wait < LAPSE or apart > reach or growth > math.log(GROWTH):
        return math.inf
    return apart / reach + growth / math.log(GROWTH) + wait / MEMORY


def _difference(before: Box, now: Box) -> tuple[float, float]:
    """Return the distance of two boxes in widths of the larger, and their change of size as a log."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = before, now
    apart = math.hypot(ax + aw / 2 - bx - bw / 2, ay + ah / 2 - by - bh / 2)
    small, large = sorted((max(aw, 1e-6), max(bw, 1e-6)))
    return apart / large, math.log(large / small)

"""Which face is whose."""

from __future__ import annotations

import numpy as np

from affectscope.video.detector import Face
from affectscope.video.tracker import FaceTracker


def face(x: float, y: float = 0, size: float = 100, score: float = 0.9) -> Face:
    return Face((x, y, size, size), np.zeros((6, 2)), score, False)


def test_faces_keep_their_numbers_when_the_order_changes() -> None:
    tracker = FaceTracker()

    assert tracker.update([face(0), face(300)], 0.0) == [1, 2]
    assert tracker.update([face(310), face(15)], 0.2) == [2, 1]


def test_a_fast_face_is_followed_by_nearness() -> None:
    tracker = FaceTracker()
    tracker.update([face(0, size=40)], 0.0)

    assert tracker.update([face(26, 5, size=40)], 0.2) == [1]
    assert tracker.update([face(200, 5, size=40)], 0.4) == [2]


def test_overlap_wins_over_nearness() -> None:
    tracker = FaceTracker()
    tracker.update([face(0), face(90)], 0.0)

    assert tracker.update([face(25), face(110)], 0.2) == [1, 2]


def test_a_face_of_another_size_is_another_face() -> None:
    tracker = FaceTracker()
    tracker.update([face(0)], 0.0)

    assert tracker.update([face(0, size=300)], 0.2) == [2]


def test_a_short_absence_is_forgiven_and_a_long_one_not() -> None:
    tracker = FaceTracker()
    tracker.update([face(0)], 0.0)
    tracker.update([], 0.5)

    assert tracker.update([face(10)], 1.5) == [1]
    assert tracker.update([face(10)], 4.0) == [2]


def test_a_doubtful_face_is_believed_when_it_lasts() -> None:
    tracker = FaceTracker()

    assert [tracker.update([face(0, score=0.6)], 0.1 * k) for k in range(4)] == [
        [None],
        [None],
        [1],
        [1],
    ]


def test_numbers_have_no_holes_from_doubtful_faces() -> None:
    tracker = FaceTracker()
    tracker.update([face(500, score=0.55)], 0.0)

    assert tracker.update([face(0)], 0.1) == [1]


def test_a_still_image_gives_no_second_look() -> None:
    assert FaceTracker(sightings=1).update([face(0, score=0.55)], 0.0) == [1]

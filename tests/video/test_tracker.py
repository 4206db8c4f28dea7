"""Which face is whose."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectscope.video.faces import Face
from affectscope.video.tracker import MOST_FOLLOWED, FaceTracker


def face(x: float, y: float = 0, size: float = 100, score: float = 0.9) -> Face:
    return Face((x, y, size, size), np.zeros((6, 2)), score)


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


class TestMotion:
    """Faces are expected where they go."""

    def test_a_face_that_moves_is_taken_for_itself_where_another_was(self) -> None:
        tracker = FaceTracker()
        for k in range(4):
            tracker.update([face(60 * k), face(480 - 60 * k, 90)], 0.2 * k)

        assert tracker.update([face(300), face(180, 90)], 1.0) == [1, 2]

    def test_all_together_fit_best(self) -> None:
        """The second face is nearer to where the first one was, which has no other choice."""
        tracker = FaceTracker()
        tracker.update([face(0), face(100)], 0.0)

        assert tracker.update([face(55), face(155)], 0.2) == [1, 2]

    def test_what_is_near_depends_on_the_time_between_frames(self) -> None:
        slow, quick = FaceTracker(), FaceTracker()
        for tracker, step in ((slow, 0.2), (quick, 1 / 60)):
            for k in range(6):
                tracker.update([face(0)], k * step)

        assert slow.update([face(70)], 6 * 0.2) == [1]
        assert quick.update([face(70)], 6 / 60) == [2]

    def test_a_weak_detection_prolongs_a_track(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.update([face(5, score=0.55)], 0.1) == [1]

    def test_a_strong_detection_comes_before_a_weak_one(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.update([face(-5, score=0.55), face(10)], 0.1) == [None, 1]

    def test_a_false_alarm_takes_nobodys_face(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0), face(70, 40, score=0.6)], 0.0)

        assert tracker.update([face(65, 38)], 0.2) == [1]


class TestExpected:
    """Where to look again."""

    def test_boxes_move_with_their_faces(self) -> None:
        tracker = FaceTracker()
        for k in range(10):
            tracker.update([face(10 * k), face(500, size=50)], 0.1 * k)

        moving, still = tracker.expected(1.0)
        assert moving.face.box == pytest.approx((100, 0, 100, 100), abs=3)
        assert still.face.box == pytest.approx((500, 0, 50, 50), abs=1)

    def test_who_is_believed_is_known(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0), face(500, score=0.6)], 0.0)

        assert [one.known for one in tracker.expected(0.1)] == [True, False]

    def test_nobody_is_expected_who_was_not_seen_for_long(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert len(tracker.expected(0.9)) == 1
        assert tracker.expected(1.1) == []
        assert FaceTracker().expected(0.0) == []


class TestOrigin:
    """Whom somebody new may be."""

    def test_the_first_face_is_nobody_else(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.origin(1) is None

    def test_one_who_comes_back_late_may_be_who_left(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.update([face(10)], 5.0) == [2]
        assert tracker.origin(2) == 1

    def test_one_who_comes_back_far_away_may_be_who_left(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)
        tracker.update([], 1.0)

        assert tracker.update([face(400)], 1.5) == [2]
        assert tracker.origin(2) == 1

    def test_the_one_of_the_same_size_and_place_is_most_plausible(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0), face(300, size=150), face(600)], 0.0)

        assert tracker.update([face(320, size=140), face(560)], 3.0) == [4, 5]
        assert (tracker.origin(4), tracker.origin(5)) == (2, 3)

    def test_nobody_is_continued_twice(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.update([face(20), face(250)], 3.0) == [2, 3]
        assert (tracker.origin(2), tracker.origin(3)) == (1, None)

    def test_one_who_is_still_there_is_nobody_else(self) -> None:
        tracker = FaceTracker()
        for k in range(6):
            tracker.update([face(0)], 0.1 * k)

        assert tracker.update([face(0), face(300)], 0.6) == [1, 2]
        assert tracker.update([face(600)], 0.7) == [3]
        assert tracker.origin(3) is None

    @pytest.mark.parametrize("other", [face(0, size=300), face(5000)])
    def test_another_size_or_too_far_is_somebody_else(self, other: Face) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.update([other], 3.0) == [2]
        assert tracker.origin(2) is None

    def test_a_minute_is_long_enough(self) -> None:
        tracker = FaceTracker()
        tracker.update([face(0)], 0.0)

        assert tracker.update([face(0)], 61.0) == [2]
        assert tracker.origin(2) is None


def test_memory_does_not_grow_with_the_length_of_a_video() -> None:
    def size(visitors: int) -> int:
        tracker = FaceTracker()
        for k in range(visitors):
            tracker.update([face(1000 * (k % 7)), face(400, 400, score=0.6)], 0.9 * k)
        return len(pickle.dumps(tracker))

    assert size(600) < 1.1 * size(150)


@given(
    st.lists(
        st.lists(
            st.builds(
                face,
                st.integers(0, 4).map(lambda k: 90.0 * k),
                st.integers(0, 1).map(lambda k: 80.0 * k),
                st.sampled_from([60.0, 100.0]),
                st.sampled_from([0.6, 0.9]),
            ),
            max_size=4,
        ),
        max_size=12,
    ),
    st.lists(st.sampled_from([0.04, 0.2, 0.7, 3.0]), min_size=12, max_size=12),
)
def test_nobody_has_two_faces_and_numbers_have_no_holes(
    frames: list[list[Face]], steps: list[float]
) -> None:
    tracker = FaceTracker()
    last: dict[int, float] = {}
    time = 0.0
    for faces, step in zip(frames, steps, strict=False):
        time += step
        seen = [number for number in tracker.update(faces, time) if number is not None]
        assert len(set(seen)) == len(seen)
        for number in sorted(set(seen) - set(last)):
            origin = tracker.origin(number)
            assert number == max(last, default=0) + 1
            assert origin is None or last[origin] < time
            last[number] = time
        assert all(time - last[number] <= 2.0 for number in seen)
        last.update(dict.fromkeys(seen, time))


def test_no_more_are_followed_than_memory_is_meant_for() -> None:
    """A live camera may send pictures a millionth of a second apart."""
    tracker = FaceTracker()
    for step in range(2 * MOST_FOLLOWED):
        tracker.update([face(1000 * step)], 1e-6 * step)

    assert len(tracker.expected(1e-3)) == MOST_FOLLOWED

"""Finding faces with both detectors."""

from __future__ import annotations

import os

import numpy as np
import pytest

from affectscope.video.detector import FaceDetector, borrowed_detector
from affectscope.video.faces import Face, merge, overlap
from affectscope.video.quiet import quiet


def face(x: float, y: float, size: float, score: float = 0.9) -> Face:
    points = np.array(
        [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.5, 0.8], [0.1, 0.4], [0.9, 0.4]], np.float64
    )
    return Face((x, y, size, size), points * size + [x, y], score)


class TestMerge:
    """One face that both detectors see counts once, with the better score."""

    def test_boxes_that_overlap(self) -> None:
        better, worse = face(0, 0, 100, 0.9), face(10, 5, 110, 0.7)

        assert merge([worse, better]) == [better]

    def test_a_small_box_within_a_coarse_one(self) -> None:
        fine, coarse = face(50, 50, 100, 0.9), face(20, 20, 200, 0.57)

        assert merge([coarse, fine]) == [fine]

    def test_neighbours_are_kept(self) -> None:
        assert len(merge([face(0, 0, 100), face(90, 0, 100, 0.8), face(300, 0, 50, 0.7)])) == 3

    def test_overlap(self) -> None:
        assert overlap(face(0, 0, 10), face(5, 0, 10)) == pytest.approx(1 / 3)
        assert overlap(face(0, 0, 10), face(20, 0, 10)) == 0
        assert overlap(face(0, 0, 0), face(0, 0, 0)) == 0


class TestRanges:
    """Each detector sees faces of its own range of sizes."""

    def test_a_face_with_its_points(self, portrait: np.ndarray) -> None:
        with borrowed_detector() as detector:
            [near] = detector.short_range(portrait)

        right_eye, left_eye, nose, mouth = near.points[:4]
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_eye[1] < nose[1] < mouth[1]
        assert 0.75 < near.score <= 1.0

    def test_a_distant_face_is_for_the_full_range(self, portrait: np.ndarray) -> None:
        scene = np.full((720, 960, 3), 120, np.uint8)
        scene[200:380, 300:540] = portrait[::2, ::2]
        with borrowed_detector() as detector:
            assert detector.short_range(scene) == []
            assert len(detector.full_range(scene)) == 1

    def test_a_face_moves_with_its_picture(self) -> None:
        moved = face(10, 20, 100).moved(5, -5, 2)

        assert moved.box == (25, 35, 200, 200)
        assert moved.points[0] == pytest.approx([25 + 60, 35 + 80])


class TestLending:
    """A detector is used by one thread at a time, and kept."""

    def test_is_used_again(self) -> None:
        with borrowed_detector() as first, borrowed_detector() as second:
            assert second is not first
        with borrowed_detector() as again:
            assert again in (first, second)

    def test_starts_without_a_word(self, capfd: pytest.CaptureFixture[str]) -> None:
        FaceDetector().close()

        assert capfd.readouterr().err == ""

    def test_other_lines_are_passed_on(self, capfd: pytest.CaptureFixture[str]) -> None:
        with quiet():
            os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate\na line of ours\n")

        assert capfd.readouterr().err == "a line of ours\n"

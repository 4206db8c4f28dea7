"""Finding faces with both detectors."""

from __future__ import annotations

import os

import numpy as np
import pytest

from affectscope.video.detector import Face, FaceDetector, _quiet, borrowed_detector, merge, overlap


def face(x: float, y: float, size: float, score: float = 0.9, full_range: bool = False) -> Face:
    points = np.array(
        [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.5, 0.8], [0.1, 0.4], [0.9, 0.4]], np.float64
    )
    return Face((x, y, size, size), points * size + [x, y], score, full_range)


class TestMerge:
    """One face that both detectors see counts once, with the better score."""

    def test_boxes_that_overlap(self) -> None:
        better, worse = face(0, 0, 100, 0.9), face(10, 5, 110, 0.7, True)

        assert merge([worse, better]) == [better]

    def test_a_small_box_within_a_coarse_one(self) -> None:
        fine, coarse = face(50, 50, 100, 0.9, True), face(20, 20, 200, 0.57)

        assert merge([coarse, fine]) == [fine]

    def test_neighbours_are_kept(self) -> None:
        assert len(merge([face(0, 0, 100), face(90, 0, 100, 0.8), face(300, 0, 50, 0.7)])) == 3

    def test_overlap(self) -> None:
        assert overlap(face(0, 0, 10), face(5, 0, 10)) == pytest.approx(1 / 3)
        assert overlap(face(0, 0, 10), face(20, 0, 10)) == 0
        assert overlap(face(0, 0, 0), face(0, 0, 0)) == 0


class TestFind:
    """Faces in real pictures."""

    def test_one_face_with_its_points(self, portrait: np.ndarray) -> None:
        with borrowed_detector() as detector:
            [found] = detector.find(portrait)

        right_eye, left_eye, nose, mouth = found.points[:4]
        assert right_eye[0] < nose[0] < left_eye[0]
        assert right_eye[1] < nose[1] < mouth[1]
        assert 0.75 < found.score <= 1.0

    def test_several_faces(self, crowd: np.ndarray) -> None:
        with borrowed_detector() as detector:
            found = detector.find(crowd)

        centres = {(int(f.box[0] + f.box[2] / 2) // 480, int(f.box[1] // 360)) for f in found}
        assert len(found) == 4
        assert centres == {(0, 0), (1, 0), (0, 1), (1, 1)}

    def test_boxes_are_in_pixels_of_a_large_picture(self, portrait: np.ndarray) -> None:
        large = np.repeat(np.repeat(portrait, 4, 0), 4, 1)
        with borrowed_detector() as detector:
            [small_box] = detector.find(portrait)
            [large_box] = detector.find(large)

        assert np.array(large_box.box) / 4 == pytest.approx(np.array(small_box.box), abs=12)

    @pytest.mark.parametrize("shape", [(480, 640), (1, 1), (2000, 3), (3, 2000)])
    def test_no_face(self, shape: tuple[int, int]) -> None:
        with borrowed_detector() as detector:
            assert detector.find(np.full((*shape, 3), 90, np.uint8)) == []


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
        with _quiet():
            os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate\na line of ours\n")

        assert capfd.readouterr().err == "a line of ours\n"

"""Known faces, from one frame to the next."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from affectscope.video.detector import FaceDetector, borrowed_detector
from affectscope.video.faces import Face, overlap
from affectscope.video.finder import search
from affectscope.video.following import LEAST_WIDTH, face_of, follow, measured, settled
from affectscope.video.tracker import Expected


def shifted(image: np.ndarray, x: int, y: int) -> np.ndarray:
    return np.roll(image, (y, x), (0, 1))


def refuse(monkeypatch: pytest.MonkeyPatch, detector: FaceDetector) -> None:
    """Let the detector itself find nothing, so that only the mesh can."""
    monkeypatch.setattr(detector, "short_range", lambda _: [])


class TestFaceOf:
    """The box and the points of a mesh."""

    @pytest.mark.parametrize("turn", [-25, 0, 25])
    def test_is_what_the_detector_says(self, portrait: np.ndarray, turn: int) -> None:
        height, width = portrait.shape[:2]
        turned = cv2.warpAffine(
            portrait, cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1), (width, height)
        )
        with borrowed_detector() as detector:
            [seen] = search(detector, turned)
            points = detector.mesh.fit(turned, seen)

        assert points is not None
        face = face_of(points, seen)
        assert overlap(face, seen) > 0.75
        assert np.hypot(*(face.points - seen.points).T).max() < 0.1 * seen.box[2]
        assert face.score == seen.score
        assert face.mesh is points


class TestMeasured:
    """Detected faces get their mesh."""

    def test_box_and_points_stay_the_detectors(self, portrait: np.ndarray) -> None:
        with borrowed_detector() as detector:
            [seen] = search(detector, portrait)
            face = measured(detector, portrait, seen)

        assert face.mesh is not None
        assert face.box == seen.box
        assert 0 < face.apart < 0.075

    def test_a_face_without_a_mesh(self) -> None:
        nothing = Face((100, 100, 80, 80), np.zeros((6, 2)), 0.9)
        with borrowed_detector() as detector:
            face = measured(detector, np.full((360, 480, 3), 90, np.uint8), nothing)

        assert face.mesh is None
        assert face.apart == math.inf

    def test_a_small_face_is_not_measured(self, portrait: np.ndarray) -> None:
        small = Face((100, 100, LEAST_WIDTH - 1, 40), np.zeros((6, 2)), 0.9)
        with borrowed_detector() as detector:
            assert measured(detector, portrait, small) is small
            assert settled(detector, portrait, [small]) == [small]


class TestFollow:
    """Where faces are expected."""

    def test_a_known_face_is_found_without_the_detector(
        self, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with borrowed_detector() as detector:
            [seen] = settled(detector, portrait, search(detector, portrait))
            step = round(0.15 * seen.box[2])
            refuse(monkeypatch, detector)
            [moved] = follow(detector, shifted(portrait, step, step), [Expected(seen, True)])

        assert np.array(moved.box[:2]) == pytest.approx(np.array(seen.box[:2]) + step, abs=6)
        assert moved.score == seen.score
        assert moved.apart == seen.apart

    def test_a_face_that_is_not_believed_takes_the_detector(
        self, portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with borrowed_detector() as detector:
            [seen] = settled(detector, portrait, search(detector, portrait))
            doubtful = Expected(replace(seen, score=0.6), False)
            [again] = follow(detector, portrait, [doubtful])
            refuse(monkeypatch, detector)

            assert again.score > 0.7
            assert follow(detector, portrait, [doubtful]) == []

    def test_a_face_that_is_gone(self, portrait: np.ndarray) -> None:
        with borrowed_detector() as detector:
            [seen] = settled(detector, portrait, search(detector, portrait))
            empty = np.full_like(portrait, 90)

            assert follow(detector, empty, [Expected(seen, True)]) == []

    def test_a_small_face(self, portrait: np.ndarray) -> None:
        scene = np.full((480, 640, 3), 110, np.uint8)
        scene[100:172, 200:296] = cv2.resize(portrait, (96, 72), interpolation=cv2.INTER_AREA)
        with borrowed_detector() as detector:
            [seen] = search(detector, scene, still=True)
            [again] = follow(detector, scene, [Expected(seen, True)])

        assert seen.box[2] < LEAST_WIDTH
        assert overlap(seen, again) > 0.6
        assert again.mesh is None

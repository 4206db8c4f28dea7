"""Points of a face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from affectscope.video.detector import borrowed_detector
from affectscope.video.faces import Face
from affectscope.video.finder import search
from affectscope.video.mesh import POINTS, FaceMesh


def test_points_lie_on_the_face(portrait: np.ndarray) -> None:
    with borrowed_detector() as detector:
        [face] = search(detector, portrait)
        points = detector.mesh.fit(portrait, face)

    assert points is not None
    assert points.shape == (POINTS, 3)
    x, _, width, _ = face.box
    inside = (points[:, 0] > x - width / 4) & (points[:, 0] < x + 5 * width / 4)
    assert inside.all()
    for iris, eye in ((468, 0), (473, 1)):
        assert np.linalg.norm(points[iris, :2] - face.points[eye]) < 0.1 * width


def test_a_face_gets_the_same_points_whatever_came_before(portrait: np.ndarray) -> None:
    other = np.ascontiguousarray(portrait[:, ::-1])
    with borrowed_detector() as detector:
        [face], [mirrored] = search(detector, portrait), search(detector, other)
        first = detector.mesh.fit(portrait, face)
        detector.mesh.fit(other, mirrored)
        again = detector.mesh.fit(portrait, face)

    assert first is not None
    assert again is not None
    assert (first == again).all()


def test_a_face_at_the_edge_of_the_picture(portrait: np.ndarray) -> None:
    with borrowed_detector() as detector:
        [face] = search(detector, portrait)
        left = int(face.box[0])
        points = detector.mesh.fit(np.ascontiguousarray(portrait[:, left:]), face.moved(-left, 0))
        whole = detector.mesh.fit(portrait, face)

    assert points is not None
    assert whole is not None
    assert points[:, :2] + (left, 0) == pytest.approx(whole[:, :2], abs=0.08 * face.box[2])


def test_fits_without_a_word(portrait: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    with borrowed_detector() as detector:
        [face] = search(detector, portrait)
    mesh = FaceMesh()
    mesh.fit(portrait, face)
    mesh.fit(portrait, face)
    mesh.close()

    assert capfd.readouterr().err == ""


def test_no_face() -> None:
    nothing = Face((100, 100, 80, 80), np.zeros((6, 2)), 0.9)
    with borrowed_detector() as detector:
        assert detector.mesh.fit(np.full((360, 480, 3), 90, np.uint8), nothing) is None


def test_another_face_is_not_this_one(portrait: np.ndarray) -> None:
    small = cv2.resize(portrait, (240, 180))
    scene = np.full((360, 640, 3), 120, np.uint8)
    scene[100:280, 380:620] = small
    nothing = Face((300, 150, 90, 90), np.zeros((6, 2)), 0.9)
    with borrowed_detector() as detector:
        assert detector.mesh.fit(scene, nothing) is None

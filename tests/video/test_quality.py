"""Flags of pictures and faces."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from affectscope.video.crop import crop_faces
from affectscope.video.detector import borrowed_detector
from affectscope.video.faces import Face
from affectscope.video.finder import search
from affectscope.video.quality import FaceQuality, disagreement, is_black, judge_face


@pytest.fixture
def judged(portrait: np.ndarray):
    """Judge the face of the portrait, altered but looked for in the unaltered one."""
    with borrowed_detector() as detector:
        [found] = search(detector, portrait)

    def judge(image: np.ndarray, face: Face = found) -> FaceQuality:
        [crop] = crop_faces(image, [face])
        return judge_face(face, crop, image.shape[1], image.shape[0])

    judge.found = found
    return judge


def moved(face: Face, shift: tuple[float, float], scale: float = 1.0) -> Face:
    x, y, w, h = face.box
    box = (x * scale + shift[0], y * scale + shift[1], w * scale, h * scale)
    return Face(box, face.points * scale + shift, face.score)


def test_a_good_face_has_no_flags(judged, portrait: np.ndarray) -> None:
    assert judged(portrait) == FaceQuality((), None)


def test_blur(judged, portrait: np.ndarray) -> None:
    a_little = judged(cv2.GaussianBlur(portrait, (0, 0), 9))
    a_lot = judged(cv2.GaussianBlur(portrait, (0, 0), 16))

    assert (a_little.flags, a_little.abstain) == (("blurred",), None)
    assert (a_lot.flags, a_lot.abstain) == (("blurred",), "too-blurred")


def test_darkness(judged, portrait: np.ndarray) -> None:
    assert judged((portrait * 0.12).astype(np.uint8)).flags == ("dark",)
    assert judged((portrait * 0.012).astype(np.uint8)).abstain is not None


def test_small_faces(judged, portrait: np.ndarray) -> None:
    small = cv2.resize(portrait, None, fx=0.13, fy=0.13, interpolation=cv2.INTER_AREA)
    tiny = cv2.resize(portrait, None, fx=0.04, fy=0.04, interpolation=cv2.INTER_AREA)

    assert "small-face" in judged(small, moved(judged.found, (0, 0), 0.13)).flags
    assert judged(tiny, moved(judged.found, (0, 0), 0.04)).abstain == "too-small"


def test_a_face_at_the_border(judged, portrait: np.ndarray) -> None:
    left = -judged.found.box[0] - judged.found.box[2] / 2
    rolled = np.roll(portrait, round(left), 1)

    assert "cut-off" in judged(rolled, moved(judged.found, (left, 0))).flags


def test_a_face_turned_away(judged, portrait: np.ndarray) -> None:
    face = moved(judged.found, (0, 0))
    face.points[2] = face.points[1]
    level = moved(judged.found, (0, 0))
    level.points[1] = level.points[0]

    assert "turned-away" not in judged(portrait, judged.found).flags
    face.points[2] = face.points[1] + (face.points[1] - face.points[0])
    assert "turned-away" in judged(portrait, face).flags
    assert "turned-away" in judged(portrait, level).flags


@pytest.mark.parametrize(("level", "black"), [(0, True), (16, True), (40, False), (200, False)])
def test_black_pictures(level: int, black: bool) -> None:
    assert is_black(np.full((120, 160, 3), level, np.uint8)) is black


def test_a_lit_corner_is_not_black() -> None:
    image = np.zeros((360, 480, 3), np.uint8)
    image[:80, :80] = 180

    assert not is_black(image)


def test_a_face_that_mesh_and_detector_see_differently(portrait: np.ndarray) -> None:
    with borrowed_detector() as detector:
        [found] = search(detector, portrait)
        points = detector.mesh.fit(portrait, found)
    assert points is not None
    [crop] = crop_faces(portrait, [found])
    shifted = points + np.array([0.1 * found.box[2], 0, 0], np.float32)

    as_it_is, off = disagreement(found, points), disagreement(found, shifted)
    assert judge_face(found, crop, 480, 360, 0.0, as_it_is).flags == ()
    assert judge_face(found, crop, 480, 360, 0.0, off).flags == ("occluded",)
    assert judge_face(found, crop, 480, 360, 0.0, math.inf).flags == ("occluded",)


def test_a_head_in_profile_is_not_judged(portrait: np.ndarray) -> None:
    with borrowed_detector() as detector:
        [found] = search(detector, portrait)
    [crop] = crop_faces(portrait, [found])

    assert judge_face(found, crop, 480, 360, -70).abstain == "turned-away"
    assert judge_face(found, crop, 480, 360, 40).abstain is None

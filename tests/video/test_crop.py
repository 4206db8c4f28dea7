"""Crops look as the training images do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from affectscope.video.crop import (
    BOX_WIDTH,
    EYES_APART,
    EYES_TO_MOUTH,
    SIDE,
    crop_faces,
    crop_side,
)
from affectscope.video.faces import Face, tilt


def face(x: float, y: float, side: float, angle: float = 0.0) -> Face:
    """A face whose crop has its centre at (x, y) and this side."""
    across = np.array([math.cos(angle), math.sin(angle)])
    down = np.array([-math.sin(angle), math.cos(angle)])
    eyes = np.array([x, y]) - 0.1 * side * down
    apart = EYES_APART * side * across
    nose, mouth = eyes + 0.2 * side * down, eyes + EYES_TO_MOUTH * side * down
    points = np.array([eyes - apart / 2, eyes + apart / 2, nose, mouth, eyes - apart, eyes + apart])
    wide = BOX_WIDTH * side
    return Face((x - wide / 2, y - wide / 2, wide, wide), points, 0.9)


def chart(angle: float = 0.0) -> np.ndarray:
    """A picture of 400x300 with a bright disc where the right eye of a face at (200, 150) is."""
    image = np.full((300, 400, 3), 40, np.uint8)
    eye = face(200, 150, 120, angle).points[0]
    rows, columns = np.mgrid[:300, :400]
    image[(columns - eye[0]) ** 2 + (rows - eye[1]) ** 2 < 64] = 250
    return image


def brightest(crop: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(crop > 150)
    return float(columns.mean()), float(rows.mean())


def test_the_eyes_lie_where_the_model_expects_them() -> None:
    [crop] = crop_faces(chart(), [face(200, 150, 120)])

    assert brightest(crop) == pytest.approx((SIDE * 0.32 - 0.5, SIDE * 0.40 - 0.5), abs=0.6)


@pytest.mark.parametrize("angle", [0.6, -0.6, 1.2])
def test_a_tilted_head_is_turned_until_it_is_nearly_upright(angle: float) -> None:
    [crop] = crop_faces(chart(angle), [face(200, 150, 120, angle)])
    x, y = brightest(crop)

    left = math.copysign(math.radians(12), angle)
    eye = face(0, 0, SIDE, left).points[0] + SIDE / 2 - 0.5
    assert (x, y) == pytest.approx(tuple(eye), abs=0.8)


def test_a_slight_tilt_stays() -> None:
    assert tilt(face(0, 0, 100, 0.1)) == pytest.approx(0.1)
    [crop] = crop_faces(chart(0.1), [face(200, 150, 120, 0.1)])

    eye = face(0, 0, SIDE, 0.1).points[0] + SIDE / 2 - 0.5
    assert brightest(crop) == pytest.approx(tuple(eye), abs=0.6)


def test_scale_is_the_median_of_three_measures() -> None:
    straight = face(0, 0, 120)
    turned = Face(straight.box, straight.points.copy(), 0.9)
    turned.points[:2] = turned.points[:2].mean(0) + np.array([[-5, 0], [5, 0]])

    assert crop_side(straight) == pytest.approx(120)
    assert crop_side(turned) == pytest.approx(120)


@pytest.mark.parametrize("side", [1.0, 20.0, 48.0, 700.0, 5000.0])
def test_any_size_and_place(side: float) -> None:
    image = np.full((90, 120, 3), 77, np.uint8)

    crops = crop_faces(image, [face(10, 5, side), face(-500, 900, side)])

    assert crops.shape == (2, SIDE, SIDE)
    assert (crops == 77).all()


def test_no_faces() -> None:
    assert crop_faces(np.zeros((9, 9, 3), np.uint8), []).shape == (0, SIDE, SIDE)

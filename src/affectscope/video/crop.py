"""Faces cut out as the training images of the expression model show them.

The constants say where FER+ images have the points that the detector finds. They were measured by
`training/face_crop.py`: images of FER+ dev, enlarged to 144, 192 and 288 pixels and set into a blurred
picture of 640x480; medians over the sizes, which differ by 2 %. Median absolute deviations are about
10 % for each of the three estimates of scale, and 3 % of the side for the height of the eyes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video.faces import Face, tilt
from affectscope.video.patch import cut_out, square

SIDE = 48
"""Pixels of a crop."""

EYES_APART = 0.365
EYES_TO_MOUTH = 0.383
BOX_WIDTH = 0.848
"""Distances as shares of a crop's side."""

EYES_ABOVE_CENTRE = 0.10
"""How far above the centre of a crop the middle between the eyes lies, as a share of its side."""

UPRIGHT = math.radians(12)
"""Tilt that is left alone: FER+ shows heads as they were held, and the model knows that."""

_MOST_SAMPLES = 6
"""Most samples a crop's pixel averages along each axis."""


def crop_side(face: Face) -> float:
    """Return the side in pixels of the square that a crop of this face covers.

    The median of three estimates: the eyes come together when a head turns, the mouth moves when it
    opens, and the box is the coarsest.
    """
    eyes, mouth = face.points[:2], face.points[3]
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    down = float(np.hypot(*(mouth - eyes.mean(0))))
    wide = face.box[2] / BOX_WIDTH
    return max(1.0, median((apart / EYES_APART, down / EYES_TO_MOUTH, wide)))


def crop_faces(image: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.uint8]:
    """Cut faces out of a picture, upright, grey and equally large.

    Args:
        image: uint8 [height, width, 3], red, green, blue.
        faces: Faces found in it.

    Returns:
        uint8 [n, 48, 48]; beyond the picture its border is continued.
    """
    crops = np.empty((len(faces), SIDE, SIDE), np.uint8)
    for index, face in enumerate(faces):
        side = crop_side(face)
        held = tilt(face)
        angle = held - max(-UPRIGHT, min(UPRIGHT, held))
        samples = SIDE * int(np.clip(round(side / SIDE), 1, _MOST_SAMPLES))
        x, y = face.points[:2].mean(0)
        x -= math.sin(held) * EYES_ABOVE_CENTRE * side
        y += math.cos(held) * EYES_ABOVE_CENTRE * side
        where = square((x, y), side, angle, samples)
        patch = cut_out(image, where, samples, cv2.BORDER_REPLICATE)
        grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)
        if samples > SIDE:
            grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        crops[index] = grey
    return crops

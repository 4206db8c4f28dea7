"""What is wrong with a picture or with a face, and whether it can still be judged.

The limits come from FER+ dev: 800 faces were blurred, shrunk and darkened by steps, and the accuracy
of the expression model (84 % on the faces as they are) was followed. A face is flagged from about
where it falls by 5 points, and not judged from about where it falls by 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video.crop import crop_side
from affectscope.video.faces import Face, tilt

SMALL = 36.0
TOO_SMALL = 12.0
"""Side of the crop in pixels of the picture."""

BLURRED = 0.005
TOO_BLURRED = 0.0012
"""Sharpness of the crop, as `sharpness` measures it; blurring by 1.5 and by 2.8 of its pixels."""

DARK = 25.0
"""Mean grey value of the crop, 0 to 255."""

TOO_FLAT = 3.0
"""Standard deviation of its grey values: less than this is the noise of a sensor."""

TURNED = 0.6
"""Distance of the nose from the middle between the eyes, along their line, over their distance."""

TOO_TURNED = 60.0
"""Degrees of yaw from which on more of the face is hidden than seen."""

DISAGREE = 0.075
"""Largest distance of eyes and nose in the mesh from where the detector sees them, in widths of the
face. Of 17 faces none as it is was above .07, but 13 with a bar over the forehead, 8 with one over
the eyes, 7 with half of it hidden, and 1 with one over the mouth (`training/face_finding.py`)."""

MATCHING = (468, 473, 1)
"""Points of the mesh that the detector finds too: right eye, left eye, tip of the nose."""

CUT_OFF = 0.2
"""Share of the crop that lies beyond the picture."""

LEAST_CONFIDENCE = 0.45
"""Highest probability below which the model is wrong more often than right on FER+ dev."""

BLACK_LEVEL = 24
BLACK_SHARE = 0.98
"""A picture is black where this share of its pixels is darker than this grey value."""


@dataclass(frozen=True)
class FaceQuality:
    """Flags of one face, and the reason not to judge it, if there is one."""

    flags: tuple[str, ...]
    abstain: str | None


def is_black(image: NDArray[np.uint8]) -> bool:
    """Tell whether a picture, uint8 [height, width, 3], shows nothing."""
    step = max(1, min(image.shape[:2]) // 45)
    red, green, blue = np.moveaxis(image[::step, ::step] < BLACK_LEVEL, 2, 0)
    return float((red & green & blue).mean()) >= BLACK_SHARE


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Return the share of a crop's variance that lies in its finest detail, 0 to 1.

    That is, what a Gaussian blur of one pixel takes away; the border, where the blur has to guess,
    is left out.
    """
    grey = crop.astype(np.float32)
    fine = (grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[4:-4, 4:-4]
    # A little is added below, so that the noise of an even surface does not look sharp.
    return float(fine.var() / (grey[4:-4, 4:-4].var() + 9.0))


def judge_face(
    face: Face,
    crop: NDArray[np.uint8],
    width: int,
    height: int,
    yaw: float = 0.0,
    apart: float = 0.0,
) -> FaceQuality:
    """Look at one face.

    Args:
        face: Where it is.
        crop: uint8 [48, 48], its crop.
        width: Pixels of the whole picture.
        height: Likewise.
        yaw: Degrees by which the head is turned to a side, where the mesh says it.
        apart: Its `disagreement`; 0 where no mesh was tried, inf where none could be fitted.
    """
    flags, abstain = [], None
    side = crop_side(face)
    if side < SMALL:
        flags.append("small-face")
        abstain = "too-small" if side < TOO_SMALL else None
    sharp = sharpness(crop)
    if sharp < BLURRED:
        flags.append("blurred")
        abstain = abstain or ("too-blurred" if sharp < TOO_BLURRED else None)
    if crop.mean() < DARK:
        flags.append("dark")
    if crop.std() < TOO_FLAT:
        abstain = abstain or "too-dark"
    if abs(_turn(face)) > TURNED or abs(yaw) > TOO_TURNED:
        flags.append("turned-away")
        abstain = abstain or ("turned-away" if abs(yaw) > TOO_TURNED else None)
    # Of a blurred face neither is sure enough to say what hides it.
    if sharp >= BLURRED and apart > DISAGREE:
        flags.append("occluded")
    if _outside(face, side, width, height) > CUT_OFF:
        flags.append("cut-off")
    return FaceQuality(tuple(flags), abstain)


def disagreement(face: Face, points: NDArray[np.float32]) -> float:
    """Return how far mesh and detector are apart in eyes and nose, in widths of the face.

    Args:
        face: As detected.
        points: Its mesh, float32 [478, 3].
    """
    apart = points[list(MATCHING), :2] - face.points[:3]
    return float(np.hypot(*apart.T).max() / face.box[2])


def _turn(face: Face) -> float:
    """Return how far the nose is from the middle between the eyes, in distances of the eyes."""
    right, left, nose = face.points[:3]
    across = left - right
    apart = float(across @ across)
    return float((nose - (right + left) / 2) @ across) / apart if apart > 0 else math.inf


def _outside(face: Face, side: float, width: int, height: int) -> float:
    """Return the share of the crop's square that lies beyond the picture, leaving tilt aside."""
    x, y = face.points[:2].mean(0)
    y += 0.1 * side * math.cos(tilt(face))
    across = min(width, x + side / 2) - max(0.0, x - side / 2)
    down = min(height, y + side / 2) - max(0.0, y - side / 2)
    return float(1.0 - max(0.0, across) * max(0.0, down) / (side * side))

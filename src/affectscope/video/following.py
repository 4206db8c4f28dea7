"""Known faces, followed from frame to frame by their mesh.

Fitting the mesh to where a face is expected tells where it is now, and is needed anyway: that saves the
detector's look at every frame. MediaPipe follows faces so, too. Between two searches of the picture
nobody but the mesh says that there is a face at all; a search asks the detector again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from affectscope.video.detector import FaceDetector
from affectscope.video.faces import Face, merge, tilt
from affectscope.video.finder import look_again
from affectscope.video.quality import disagreement
from affectscope.video.tracker import Expected

LEAST_WIDTH = 48.0
"""Pixels of the width of a face from which on its mesh says something."""

_POINTS = ((468,), (473,), (1,), (13, 14), (234,), (454,))
"""Points of the mesh, or pairs of them, whose middle is where the detector's six points are."""

_OUTLINE = 468
"""So many points are of the skin; the irises follow."""

SIDE = 1.02
LOWER = 0.045
"""The detector's box is a square with this side, in roots of the area of the upright box around the
mesh, and with its middle so many sides further down. Medians over faces of FER+ dev and those of films;
median absolute deviations are .03 and .02 (`training/face_geometry.py`)."""


def follow(
    detector: FaceDetector, image: NDArray[np.uint8], expected: Sequence[Expected]
) -> list[Face]:
    """Find the faces that are expected in a picture, and no others.

    Those that are known and large enough are found by their mesh, and keep the score of the last
    detection; the detector looks for the others, and for those whose mesh does not fit.

    Args:
        detector: Not in use by anybody else.
        image: uint8 [height, width, 3], red, green, blue.
        expected: Faces with the places to look at.

    Returns:
        The faces, best score first; fewer where some are not there.
    """
    found: list[Face] = []
    for one in expected:
        points = None
        if one.known and one.face.box[2] >= LEAST_WIDTH:
            points = detector.mesh.fit(image, one.face)
        if points is not None:
            found.append(face_of(points, one.face))
        else:
            found += settled(detector, image, look_again(detector, image, [one.face.box]))
    return merge(found)


def settled(detector: FaceDetector, image: NDArray[np.uint8], faces: Sequence[Face]) -> list[Face]:
    """Return detected faces as they will be followed: with the box and the points of their mesh."""
    seen = [measured(detector, image, face) for face in faces]
    return [face if face.mesh is None else face_of(face.mesh, face) for face in seen]


def measured(detector: FaceDetector, image: NDArray[np.uint8], face: Face) -> Face:
    """Return a detected face with its mesh, and how far the two are apart."""
    if face.box[2] < LEAST_WIDTH:
        return face
    points = detector.mesh.fit(image, face)
    apart = math.inf if points is None else disagreement(face, points)
    return replace(face, mesh=points, apart=apart)


def face_of(points: NDArray[np.float32], last: Face) -> Face:
    """Return the face that a mesh describes, with the box and points that a detector would give.

    Args:
        points: float32 [478, 3], as `FaceMesh.fit` gives them.
        last: The face as it was before; what the detector said of it is kept.
    """
    six = np.array([points[list(some), :2].mean(0) for some in _POINTS], np.float64)
    held = tilt(replace(last, points=six))
    cos, sin = math.cos(held), math.sin(held)
    upright = points[:_OUTLINE, :2] @ np.array([[cos, -sin], [sin, cos]])
    low, high = upright.min(0), upright.max(0)
    side = SIDE * math.sqrt(float(np.prod(high - low)))
    across, down = (low + high) / 2 + (0, LOWER * side)
    x, y = cos * across - sin * down, sin * across + cos * down
    box = (float(x - side / 2), float(y - side / 2), side, side)
    return replace(last, box=box, points=six, mesh=points)

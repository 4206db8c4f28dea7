"""What a face does, as geometry measured on its mesh: pose, gaze, eyes, mouth and brows.

These are distances and angles of fitted points, not certified action units. The mesh is turned
upright and to the front first, so that the figures of a turned head can be compared with those of one
that looks into the camera; how far that holds is in the documentation.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Vectors = NDArray[np.float64]

# Numbers of points in MediaPipe's mesh; the right eye is the person's own.
_FOREHEAD, _CHIN = 10, 152
_RIGHT_EYE = (33, 160, 158, 133, 153, 144)
_LEFT_EYE = (263, 387, 385, 362, 380, 373)
"""Outer corner, two points of the upper lid, inner corner, two of the lower lid."""
_RIGHT_IRIS, _LEFT_IRIS = 468, 473
_RIGHT_BROW, _LEFT_BROW = (70, 63, 105, 66, 107), (300, 293, 334, 296, 336)
"""Upper edge of a brow, from outside to inside."""
_UPPER_LIP, _LOWER_LIP = 13, 14
_INNER_CORNERS = (78, 308)
_OUTER_CORNERS = (61, 291)
_LIPS = (0, 17)
"""Middle of the upper lip's upper edge and of the lower lip's lower edge."""

EYEBALL = 0.42
"""Radius of an eyeball in widths of the eye: 12 mm, where the lids are 28.5 mm wide."""

LEANS = 7.5
"""Degrees by which the line from forehead to chin leans in a head that is held upright."""

LOOKS_UP = 8.5
"""Degrees by which an iris lies above the line of the eye's corners where somebody looks ahead.

Both are the medians over 490 faces of FER+ dev, as `training/face_geometry.py` finds them: most of
these people look into the camera."""

CLOSED = 0.12
"""Openness below which an eye counts as closed."""


def behaviour(points: Points) -> dict[str, float]:
    """Measure a face.

    Args:
        points: float32 [478, 3], as `FaceMesh.fit` gives them.

    Returns:
        Figures by name:

        - ``head_yaw_deg``: where the face points, positive to the right of the picture, 0 into the
          camera; ``head_pitch_deg``: positive upwards; ``head_roll_deg``: tilt of the head in the
          picture, clockwise positive. Degrees.
        - ``gaze_yaw_deg``, ``gaze_pitch_deg``: where the eyes look, in the same directions, head and
          eyes together; absent where both eyes are closed.
        - ``right_eye_openness``, ``left_eye_openness``: height over width of the opening between the
          lids (the eye aspect ratio of Soukupova and Cech, 2016); some 0.3 in an open eye.
        - ``blink``: 1 where both eyes are closed, else 0.
        - ``mouth_opening``: height over width of the opening between the lips.
        - ``smile``: how far the corners of the mouth lie above its middle, over its width.
        - ``brow_raise``: height of the brows above the eyes.
        - ``brow_lower``: how near the inner ends of the brows are to the inner corners of the eyes:
          their distance, negative, so that it grows as the brows come down.

        Heights of brows are in distances between the outer corners of the eyes.
    """
    turn = _rotation(points)
    face = (points - points.mean(0)) @ turn
    across = float(np.linalg.norm(face[_LEFT_EYE[0], :2] - face[_RIGHT_EYE[0], :2]))
    yaw, pitch, roll = _angles(turn)
    openness = (_openness(face[list(_RIGHT_EYE)]), _openness(face[list(_LEFT_EYE)]))
    found = {
        "head_yaw_deg": yaw,
        "head_pitch_deg": pitch,
        "head_roll_deg": roll,
        "right_eye_openness": openness[0],
        "left_eye_openness": openness[1],
        "blink": float(max(openness) < CLOSED),
        "mouth_opening": _mouth_opening(face),
        "smile": _smile(face),
        "brow_raise": _brow_height(face, slice(None)) / across,
        "brow_lower": -_brow_height(face, slice(3, None)) / across,
    }
    if max(openness) >= CLOSED:
        across_deg, up_deg = _eyes_in_head(face, openness)
        found["gaze_yaw_deg"] = yaw + across_deg
        found["gaze_pitch_deg"] = pitch + up_deg
    return found


def _rotation(points: Points) -> Vectors:
    """Return the axes of the head as columns [3, 3]: to its left, down, and backwards."""
    left = points[_LEFT_EYE[0]].astype(np.float64) - points[_RIGHT_EYE[0]]
    left /= np.linalg.norm(left)
    down = points[_CHIN].astype(np.float64) - points[_FOREHEAD]
    down -= left * (left @ down)
    down /= np.linalg.norm(down)
    return np.stack([left, down, np.cross(left, down)], 1)


def _angles(turn: Vectors) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees."""
    left, ahead = turn[:, 0], -turn[:, 2]
    yaw = math.atan2(ahead[0], -ahead[2])
    pitch = math.atan2(-ahead[1], math.hypot(ahead[0], ahead[2]))
    roll = math.atan2(left[1], left[0])
    return math.degrees(yaw), math.degrees(pitch) + LEANS, math.degrees(roll)


def _openness(eye: Vectors) -> float:
    outer, first, second, inner, below_second, below_first = eye[:, :2]
    height = np.linalg.norm(first - below_first) + np.linalg.norm(second - below_second)
    return float(height / (2 * np.linalg.norm(outer - inner)))


def _eyes_in_head(face: Vectors, openness: tuple[float, float]) -> tuple[float, float]:
    """Return how far the open eyes are turned in the head, in degrees, to the left and up."""
    turns = []
    for eye, iris, wide in zip(
        (_RIGHT_EYE, _LEFT_EYE), (_RIGHT_IRIS, _LEFT_IRIS), openness, strict=True
    ):
        if wide >= CLOSED:
            corners = face[[eye[0], eye[3]], :2]
            radius = EYEBALL * np.linalg.norm(corners[0] - corners[1])
            off = np.clip((face[iris, :2] - corners.mean(0)) / radius, -1, 1)
            turns.append(np.degrees(np.arcsin(off)))
    across, down = np.mean(turns, 0)
    return float(across), float(-down) - LOOKS_UP


def _mouth_opening(face: Vectors) -> float:
    right, left = face[list(_INNER_CORNERS), :2]
    height = np.linalg.norm(face[_UPPER_LIP, :2] - face[_LOWER_LIP, :2])
    return float(height / np.linalg.norm(right - left))


def _smile(face: Vectors) -> float:
    right, left = face[list(_OUTER_CORNERS), :2]
    middle = face[list(_LIPS), 1].mean()
    return float((middle - (right[1] + left[1]) / 2) / np.linalg.norm(right - left))


def _brow_height(face: Vectors, part: slice) -> float:
    """Return the mean height of a part of both brows above the line of the eyes' corners."""
    heights = []
    for brow, eye in ((_RIGHT_BROW, _RIGHT_EYE), (_LEFT_BROW, _LEFT_EYE)):
        heights.append(face[[eye[0], eye[3]], 1].mean() - face[list(brow)[part], 1].mean())
    return float(np.mean(heights))

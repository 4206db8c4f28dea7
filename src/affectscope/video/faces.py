"""A detected face, and whether two detections are of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels of the displayed picture; may reach beyond it."""

SAME_IOU = 0.3
SAME_COVER = 0.6
"""Two boxes are of one face where their intersection over union, or over the smaller box, exceeds
these: boxes of the two detectors differ in size by up to half."""


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face, in pixels of the displayed picture.

    Attributes:
        box: x, y, width, height; may reach beyond the picture.
        points: float [6, 2]: the person's right and left eye, tip of the nose, middle of the mouth,
            right and left ear.
        score: The detector's confidence, 0 to 1.
        mesh: float32 [478, 3], as `FaceMesh.fit` gives it; None where none was fitted.
        apart: How far mesh and detector are apart, as `disagreement` says; 0 where no mesh was
            tried, inf where none could be fitted.
    """

    box: Box
    points: NDArray[np.float64]
    score: float
    mesh: NDArray[np.float32] | None = None
    apart: float = 0.0

    def moved(self, x: float, y: float, scale: float = 1.0) -> Face:
        """Return this face in a picture that is enlarged first, and then begins at (-x, -y).

        It has no mesh there, as a mesh is of one picture.
        """
        left, top, width, height = (scale * value for value in self.box)
        box = (left + x, top + y, width, height)
        return replace(self, box=box, points=self.points * scale + (x, y), mesh=None)

    def moved_to(self, box: Box) -> Face:
        """Return this face where another box is, and as wide as that."""
        scale = box[2] / self.box[2] if self.box[2] > 0 else 1.0
        x, y = box[0] - scale * self.box[0], box[1] - scale * self.box[1]
        return replace(self.moved(x, y, scale), box=box)


def tilt(face: Face) -> float:
    """Return how far the line of the eyes is turned, in radians, clockwise positive."""
    across = face.points[1] - face.points[0]
    return math.atan2(across[1], across[0])


def intersection(a: Face, b: Face) -> float:
    """Return the area in pixels that two boxes share."""
    width = min(a.box[0] + a.box[2], b.box[0] + b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[1] + a.box[3], b.box[1] + b.box[3]) - max(a.box[1], b.box[1])
    return max(0.0, width) * max(0.0, height)


def overlap(a: Face, b: Face) -> float:
    """Return the intersection of two boxes over their union."""
    shared = intersection(a, b)
    whole = a.box[2] * a.box[3] + b.box[2] * b.box[3] - shared
    return shared / whole if whole > 0 else 0.0


def merge(faces: Sequence[Face]) -> list[Face]:
    """Keep the best-scored detection of each face, best first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda one: -one.score):
        area = face.box[2] * face.box[3]
        for other in kept:
            smaller = min(area, other.box[2] * other.box[3])
            if overlap(face, other) > SAME_IOU or intersection(face, other) > SAME_COVER * smaller:
                break
        else:
            kept.append(face)
    return kept

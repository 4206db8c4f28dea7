"""478 points of one face, by MediaPipe's attention mesh."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video.faces import Box, Face
from affectscope.video.quiet import quiet

AROUND = 2.0
"""How many times as wide as the face the region is that the mesh sees."""

SIDE = 224
"""Pixels of that region as the mesh sees it: the face is then about as large as its network's 192."""

POINTS = 478


class FaceMesh:
    """Fits a mesh to a detected face; one object serves one thread at a time.

    The graph keeps nothing from one picture to the next, so a face gets the same points whatever was
    looked at before it.
    """

    def __init__(self) -> None:
        with quiet():
            from mediapipe.python.solutions import face_mesh

            self._graph: Any = face_mesh.FaceMesh(
                static_image_mode=True, max_num_faces=1, refine_landmarks=True
            )
            # As with the detectors, the first answer ends what the start prints.
            self._graph.process(np.zeros((64, 64, 3), np.uint8))
        self._silent = False

    def fit(self, image: NDArray[np.uint8], face: Face) -> NDArray[np.float32] | None:
        """Return the points of a face, float32 [478, 3]; None where the mesh sees no face there.

        Args:
            image: uint8 [height, width, 3], red, green, blue.
            face: Where it is.

        Returns:
            x and y in pixels of the picture, z towards the scene in the same unit, from the middle of
            the head. The last ten points are the irises, right and left.
        """
        left, top, side = _region(face.box)
        matrix = np.array([[side / SIDE, 0, left], [0, side / SIDE, top]], np.float64)
        patch = cv2.warpAffine(
            image,
            matrix,
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        found = self._look(np.asarray(patch, np.uint8))
        if not found:
            return None
        points = np.array([(p.x, p.y, p.z) for p in found[0].landmark], np.float32) * side
        points[:, :2] += (left, top)
        middle = points[:, :2].mean(0)
        x, y, width, height = face.box
        inside = x < middle[0] < x + width and y < middle[1] < y + height
        return points if inside else None

    def _look(self, patch: NDArray[np.uint8]) -> Any:
        if self._silent:
            return self._graph.process(patch).multi_face_landmarks
        # The first face makes the graph print once more.
        with quiet():
            found = self._graph.process(patch).multi_face_landmarks
        self._silent = bool(found)
        return found

    def close(self) -> None:
        """Free the graph."""
        self._graph.close()


def _region(box: Box) -> tuple[float, float, float]:
    """Return left, top and side of the square around a box."""
    x, y, width, height = box
    side = AROUND * max(width, height)
    return x + width / 2 - side / 2, y + height / 2 - side / 2, side

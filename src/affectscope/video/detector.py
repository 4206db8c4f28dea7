"""The two face detectors, and what they find."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video.faces import Face
from affectscope.video.mesh import FaceMesh
from affectscope.video.quiet import quiet

SHORT_SIDE = 128
FULL_SIDE = 192
"""Pixels of a picture as the detectors see it."""

LEAST_SCORE = 0.5
"""Below this score a detection counts for nothing. Both graphs hold it fixed at this value."""


class FaceDetector:
    """MediaPipe's short-range and full-range detectors.

    The short-range one wants a face that takes a good part of the picture, and then finds 98 % of
    large tight faces; the full-range one finds 71 % of those, but small ones as well. One object
    serves one thread at a time.

    Attributes:
        mesh: Fits points to the faces that were found.
    """

    def __init__(self) -> None:
        with quiet():
            from mediapipe.python.solutions.face_detection import (
                FaceDetection,
            )

            self._short: Any = FaceDetection(
                model_selection=0, min_detection_confidence=LEAST_SCORE
            )
            self._full: Any = FaceDetection(model_selection=1, min_detection_confidence=LEAST_SCORE)

            # The graphs start, and print, in threads of their own: the first answer ends that.
            for graph in (self._short, self._full):
                graph.process(np.zeros((64, 64, 3), np.uint8))
        self.mesh = FaceMesh()

    def short_range(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find faces that are at least a fifth as wide as the picture.

        Args:
            image: uint8 [height, width, 3], red, green, blue; the network sees it at 128 pixels.
        """
        return _faces(self._short, shrunk(image, SHORT_SIDE), image.shape)

    def full_range(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find faces that are at least a sixteenth as wide as the picture.

        Args:
            image: uint8 [height, width, 3], red, green, blue; the network sees it at 192 pixels.
        """
        return _faces(self._full, shrunk(image, FULL_SIDE), image.shape)

    def close(self) -> None:
        """Free the graphs."""
        for graph in (self._short, self._full):
            graph.close()
        self.mesh.close()


def shrunk(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side has at most so many pixels, each the mean of many."""
    height, width = image.shape[:2]
    share = longest / max(height, width)
    if share >= 1:
        return np.ascontiguousarray(image)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _faces(graph: Any, image: NDArray[np.uint8], shape: tuple[int, ...]) -> list[Face]:
    """Run a graph; faces come in pixels of a picture of the given shape."""
    height, width = shape[:2]
    faces = []
    for found in graph.process(image).detections or ():
        place = found.location_data
        box = place.relative_bounding_box
        points = [(point.x * width, point.y * height) for point in place.relative_keypoints]
        faces.append(
            Face(
                box=(box.xmin * width, box.ymin * height, box.width * width, box.height * height),
                points=np.array(points, np.float64),
                score=min(1.0, float(found.score[0])),
            )
        )
    return faces


_idle: deque[FaceDetector] = deque()


@contextmanager
def borrowed_detector() -> Iterator[FaceDetector]:
    """Lend a detector that nobody else uses; it is kept for the next borrower.

    So there are as many as analyses ever ran at once, and none is started twice.
    """
    detector = _idle.pop() if _idle else FaceDetector()
    try:
        yield detector
    finally:
        _idle.append(detector)

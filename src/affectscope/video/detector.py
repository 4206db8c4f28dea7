"""The two face detectors, and what they find."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SHORT_SIDE = 128
FULL_SIDE = 192
"""Pixels of a picture as the detectors see it."""

LEAST_SCORE = 0.5
"""Below this score a detection counts for nothing. Both graphs hold it fixed at this value."""

SAME_IOU = 0.3
SAME_COVER = 0.6
"""Two boxes are of one face where their intersection over union, or over the smaller box, exceeds
these: boxes of the two detectors differ in size by up to half."""

_NOISE = (b"GetPrototype", b"XNNPACK", b"absl::InitializeLog", b"inference_feedback_manager")


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face, in pixels of the displayed picture.

    Attributes:
        box: x, y, width, height; may reach beyond the picture.
        points: float [6, 2]: the person's right and left eye, tip of the nose, middle of the mouth,
            right and left ear.
        score: The detector's confidence, 0 to 1.
        full_range: True where the full-range detector found it.
    """

    box: tuple[float, float, float, float]
    points: NDArray[np.float64]
    score: float
    full_range: bool

    def moved(self, x: float, y: float, scale: float = 1.0) -> Face:
        """Return this face in a picture that is enlarged first, and then begins at (-x, -y)."""
        left, top, width, height = (scale * value for value in self.box)
        return Face(
            (left + x, top + y, width, height),
            self.points * scale + (x, y),
            self.score,
            self.full_range,
        )


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


class FaceDetector:
    """MediaPipe's short-range and full-range detectors.

    The short-range one wants a face that takes a good part of the picture, and then finds 98 % of
    large tight faces; the full-range one finds 71 % of those, but small ones as well. One object
    serves one thread at a time.
    """

    def __init__(self) -> None:
        with _quiet():
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

    def short_range(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find faces that are at least a fifth as wide as the picture.

        Args:
            image: uint8 [height, width, 3], red, green, blue; the network sees it at 128 pixels.
        """
        return _faces(self._short, shrunk(image, SHORT_SIDE), image.shape, full_range=False)

    def full_range(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find faces that are at least a sixteenth as wide as the picture.

        Args:
            image: uint8 [height, width, 3], red, green, blue; the network sees it at 192 pixels.
        """
        return _faces(self._full, shrunk(image, FULL_SIDE), image.shape, full_range=True)

    def close(self) -> None:
        """Free the graphs."""
        for graph in (self._short, self._full):
            graph.close()


def shrunk(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side has at most so many pixels, each the mean of many."""
    height, width = image.shape[:2]
    share = longest / max(height, width)
    if share >= 1:
        return np.ascontiguousarray(image)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _faces(
    graph: Any, image: NDArray[np.uint8], shape: tuple[int, ...], *, full_range: bool
) -> list[Face]:
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
                full_range=full_range,
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


_quiet_lock = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what native code prints to stderr, and pass on what is no known noise.

    MediaPipe prints the same harmless lines at every start, through three logging libraries, not
    all of which have a switch. Lines of ours that fall into these milliseconds come a little late.
    """
    with _quiet_lock, tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            held.seek(0)
            for line in held:
                if not any(noise in line for noise in _NOISE):
                    os.write(stderr, line)
            os.close(stderr)

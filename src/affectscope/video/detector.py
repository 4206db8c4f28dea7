"""Faces in one picture, by two detectors that see different sizes."""

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

LONGEST_SIDE = 640
"""Pixels to which a picture is reduced for detection; the detectors themselves see 192 at most."""

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
    """MediaPipe's short-range and full-range detectors together.

    On 43 faces of 37 to 109 pixels in group photographs the short-range one found 11 and the
    full-range one 41; of large tight faces they found 98 % and 71 %. One object serves one thread at
    a time.
    """

    def __init__(self) -> None:
        with _quiet():
            from mediapipe.python.solutions.face_detection import (
                FaceDetection,
            )

            self._graphs: tuple[Any, Any] = (
                FaceDetection(model_selection=0, min_detection_confidence=LEAST_SCORE),
                FaceDetection(model_selection=1, min_detection_confidence=LEAST_SCORE),
            )
            # The graphs start, and print, in threads of their own: the first answer ends that.
            for graph in self._graphs:
                graph.process(np.zeros((64, 64, 3), np.uint8))

    def find(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find the faces of a picture.

        Args:
            image: uint8 [height, width, 3], red, green, blue.

        Returns:
            The faces, best score first.
        """
        return merge(self.candidates(image))

    def candidates(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return what each detector found, so that one face may be there twice."""
        height, width = image.shape[:2]
        share = LONGEST_SIDE / max(height, width)
        if share < 1:
            size = (max(1, round(width * share)), max(1, round(height * share)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        faces = []
        for index, graph in enumerate(self._graphs):
            for found in graph.process(image).detections or ():
                place = found.location_data
                box = place.relative_bounding_box
                points = [(point.x * width, point.y * height) for point in place.relative_keypoints]
                faces.append(
                    Face(
                        box=(
                            box.xmin * width,
                            box.ymin * height,
                            box.width * width,
                            box.height * height,
                        ),
                        points=np.array(points, np.float64),
                        score=min(1.0, float(found.score[0])),
                        full_range=index == 1,
                    )
                )
        return faces

    def close(self) -> None:
        """Free the graphs."""
        for graph in self._graphs:
            graph.close()


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

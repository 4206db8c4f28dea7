"""The faces before one camera: found, followed and judged, frame after frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import (
    Box,
    ModelRef,
    Record,
    Segment,
    SegmentFound,
    Track,
    TrackOpened,
    affect_from,
)
from affectscope.media import Frame
from affectscope.telemetry import stage
from affectscope.video.behaviour import behaviour
from affectscope.video.crop import crop_faces
from affectscope.video.detector import FaceDetector
from affectscope.video.expression import ExpressionModel
from affectscope.video.faces import Face
from affectscope.video.finder import look_again, search
from affectscope.video.quality import LEAST_CONFIDENCE, is_black, judge_face
from affectscope.video.tracker import FaceTracker

VOCABULARY = "ferplus-8"

SWEEP_SECONDS = 0.25
"""How often the whole picture is searched for new faces; in between, known ones are looked at where
they are expected."""


LEAST_MEASURED = 48.0
"""Pixels of the width of a face from which on its mesh says something."""


class FaceWatch:
    """Turns the frames of one file or camera into records.

    Args:
        detector: Used by this watch alone while it lasts.
        model: Judges expressions.
        reference: Name of the model; None where the licence policy excludes it, and then faces are
            followed but not judged.
        still: Whether there is one frame only.

    Attributes:
        frames: Frames so far.
        black: How many of them were black.
        faces: Tracks that were opened so far.
    """

    def __init__(
        self,
        detector: FaceDetector,
        model: ExpressionModel,
        reference: ModelRef | None,
        *,
        still: bool = False,
    ) -> None:
        self._detector = detector
        self._model = model
        self._reference = reference
        self._still = still
        self._tracker = FaceTracker(1) if still else FaceTracker()
        self._sweep_due = -math.inf
        self.frames = self.black = self.faces = 0

    def look(self, frame: Frame) -> Iterator[Record]:
        """Yield a track for each new face, then a segment for each face of a frame.

        Args:
            frame: Later than the one before.

        Raises:
            ModelUnavailable: The weights are missing or altered.
        """
        self.frames += 1
        dark = is_black(frame.image)
        self.black += dark
        found: list[Face] = []
        if not dark:
            with stage("detect"):
                found = self._find(frame)
        numbers = self._tracker.update(found, frame.time)
        known = {n: face for n, face in zip(numbers, found, strict=True) if n is not None}
        for number in sorted(known):
            if number > self.faces:
                self.faces = number
                yield TrackOpened(track=self._track(number))
        for number, segment in zip(known, self._judge(frame, list(known.values())), strict=True):
            yield SegmentFound(track=f"face-{number}", segment=segment)

    def _find(self, frame: Frame) -> list[Face]:
        """Find the faces of a frame, all of them now and then, else those that are expected."""
        if self._still:
            return search(self._detector, frame.image, still=True)
        expected = self._tracker.expected(frame.time)
        if frame.time < self._sweep_due:
            return look_again(self._detector, frame.image, expected)
        self._sweep_due = frame.time + SWEEP_SECONDS
        return search(self._detector, frame.image, expected)

    def _judge(self, frame: Frame, faces: Sequence[Face]) -> Iterator[Segment]:
        """Yield one segment for each face of a frame, in the order given."""
        if not faces:
            return
        with stage("infer"):
            crops = crop_faces(frame.image, faces)
            height, width = frame.image.shape[:2]
            found = [
                judge_face(face, crop, width, height)
                for face, crop in zip(faces, crops, strict=True)
            ]
            permitted = self._reference is not None
            reasons = [quality.abstain if permitted else "model-not-permitted" for quality in found]
            wanted = [index for index, reason in enumerate(reasons) if reason is None]
            judged = dict(zip(wanted, self._predict(crops[wanted]), strict=True))
            measured = [self._measure(frame.image, face) for face in faces]
        for index, face in enumerate(faces):
            probabilities, reason = judged.get(index), reasons[index]
            if probabilities is not None and probabilities.max() < LEAST_CONFIDENCE:
                probabilities, reason = None, "low-confidence"
            x, y, wide, high = face.box
            yield Segment(
                start=frame.time,
                end=frame.end,
                affect=(
                    None
                    if probabilities is None
                    else affect_from(VOCABULARY, [float(p) for p in probabilities])
                ),
                abstained=reason,
                quality=found[index].flags,
                box=Box(x=x, y=y, width=wide, height=high),
                frame=frame.index,
                measures={"detection_confidence": face.score, **measured[index]},
            )

    def _measure(self, image: NDArray[np.uint8], face: Face) -> dict[str, float]:
        """Measure what a face does; nothing where it is too small or too hidden for that."""
        if face.box[2] < LEAST_MEASURED:
            return {}
        points = self._detector.mesh.fit(image, face)
        return {} if points is None else behaviour(points)

    def _predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._model.predict(crops) if len(crops) else np.empty((0, 8), np.float32)

    def _track(self, number: int) -> Track:
        origin = self._tracker.origin(number)
        return Track(
            id=f"face-{number}",
            subject=f"face-{number}",
            modality="face",
            vocabulary=VOCABULARY,
            model=self._reference,
            possibly_same_as=None if origin is None else f"face-{origin}",
        )

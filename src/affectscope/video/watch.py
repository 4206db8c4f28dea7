"""The faces before one camera: found, followed and judged, frame after frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

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
from affectscope.video.detector import FaceDetector
from affectscope.video.expression import ExpressionModel
from affectscope.video.faces import Face
from affectscope.video.finder import search
from affectscope.video.following import follow, measured, settled
from affectscope.video.judgement import Judgement, judge
from affectscope.video.quality import LEAST_CONFIDENCE, is_black
from affectscope.video.smoothing import FORGET, Smoothing
from affectscope.video.tracker import FaceTracker

VOCABULARY = "ferplus-8"

SWEEP_SECONDS = 0.5
EMPTY_SECONDS = 0.25
"""How often the whole picture is searched for new faces: where some are there, which are followed in
between, and where none is."""

TILES_A_SECOND = 4.0
"""Tiles of the finest level that are searched for small faces while others are there: all of them
every three seconds at 1280 x 720 pixels."""


@dataclass(frozen=True)
class Sighting:
    """The faces of one frame, before they are judged.

    Attributes:
        frame: The frame.
        dark: Whether it is black.
        faces: Those that are believed, by number.
        new: Which of them were never seen before, in order; and who each may be who left before.
    """

    frame: Frame
    dark: bool
    faces: dict[int, Face]
    new: dict[int, int | None]


class FaceWatch:
    """Turns the frames of one file or camera into records.

    Args:
        detector: Used by this watch alone while it lasts.
        model: Judges expressions.
        reference: Name of the model; None where the licence policy excludes it, and then faces are
            followed but not judged.
        still: Whether there is one frame only.

    Attributes:
        frames: Frames that were judged so far.
        black: How many of them were black.
        faces: Faces that were numbered so far.
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
        self._model = model if reference is not None else None
        self._reference = reference
        self._still = still
        self._tracker = FaceTracker(1) if still else FaceTracker()
        self._smoothing: dict[int, Smoothing] = {}
        self._swept = -math.inf
        self._seen = False
        self._tiles = 0.0
        self.frames = self.black = self.faces = 0

    def look(self, frame: Frame) -> Iterator[Record]:
        """Yield a track for each new face, then a segment for each face of a frame.

        Args:
            frame: Later than the one before.

        Raises:
            ModelUnavailable: The weights are missing or altered.
        """
        return self.judge(self.find(frame))

    def find(self, frame: Frame) -> Sighting:
        """Find and number the faces of a frame.

        Args:
            frame: Later than the one before.
        """
        dark = is_black(frame.image)
        found: list[Face] = []
        if not dark:
            with stage("detect"):
                found = self._find(frame)
        self._seen = bool(found)
        numbers = self._tracker.update(found, frame.time)
        known = {n: face for n, face in zip(numbers, found, strict=True) if n is not None}
        new = sorted(number for number in known if number > self.faces)
        self.faces = max(new, default=self.faces)
        return Sighting(
            frame, dark, known, {number: self._tracker.origin(number) for number in new}
        )

    def judge(self, sighting: Sighting) -> Iterator[Record]:
        """Yield the records of a frame. One thread may judge a frame while another finds the next.

        Args:
            sighting: What `find` returned, in the same order.

        Raises:
            ModelUnavailable: The weights are missing or altered.
        """
        self.frames += 1
        self.black += sighting.dark
        for number, origin in sighting.new.items():
            yield TrackOpened(track=self._track(number, origin))
        frame, known = sighting.frame, sighting.faces
        with stage("infer"):
            judgements = judge(frame.image, list(known.values()), self._model)
        for (number, face), judgement in zip(known.items(), judgements, strict=True):
            segment = self._segment(number, face, judgement, frame)
            yield SegmentFound(track=f"face-{number}", segment=segment)
        self._forget(frame.time)

    def _find(self, frame: Frame) -> list[Face]:
        """Find the faces of a frame, all of them now and then, else those that are expected."""
        image = frame.image
        if self._still:
            found = search(self._detector, image, still=True)
            return [measured(self._detector, image, face) for face in found]
        expected = self._tracker.expected(frame.time)
        if frame.time - self._swept < (SWEEP_SECONDS if self._seen else EMPTY_SECONDS):
            return follow(self._detector, image, expected)
        tiles = None
        if expected:
            first = self._tiles
            self._tiles += (frame.time - self._swept) * TILES_A_SECOND
            tiles = range(math.floor(first), math.floor(self._tiles))
        self._swept = frame.time
        boxes = [one.face.box for one in expected]
        return settled(self._detector, image, search(self._detector, image, boxes, tiles=tiles))

    def _segment(self, number: int, face: Face, judgement: Judgement, frame: Frame) -> Segment:
        shares, reason = judgement.probabilities, judgement.abstained
        if shares is not None:
            smoothing = self._smoothing.setdefault(number, Smoothing())
            shares = smoothing.next(shares, frame.time)
            if shares.max() < LEAST_CONFIDENCE:
                shares, reason = None, "low-confidence"
        x, y, width, height = face.box
        return Segment(
            start=frame.time,
            end=frame.end,
            affect=None if shares is None else affect_from(VOCABULARY, shares.tolist()),
            abstained=reason,
            quality=judgement.flags,
            box=Box(x=x, y=y, width=width, height=height),
            frame=frame.index,
            measures=judgement.measures,
        )

    def _forget(self, time: float) -> None:
        """Drop what is known of faces that are gone."""
        gone = [n for n, one in self._smoothing.items() if time - one.time > FORGET]
        for number in gone:
            del self._smoothing[number]

    def _track(self, number: int, origin: int | None) -> Track:
        return Track(
            id=f"face-{number}",
            subject=f"face-{number}",
            modality="face",
            vocabulary=VOCABULARY,
            model=self._reference,
            possibly_same_as=None if origin is None else f"face-{origin}",
        )

"""Videos and images: faces found, followed and judged, frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import (
    Box,
    MediaNoted,
    ModelRef,
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    Track,
    TrackOpened,
    affect_from,
)
from affectscope.errors import ModelNotPermitted
from affectscope.media import Frame, FrameReader, read_frames, warm_up
from affectscope.telemetry import note_media, stage
from affectscope.video.crop import crop_faces
from affectscope.video.detector import Face, FaceDetector, borrowed_detector
from affectscope.video.expression import ExpressionModel
from affectscope.video.quality import LEAST_CONFIDENCE, is_black, judge_face
from affectscope.video.tracker import FaceTracker

VOCABULARY = "ferplus-8"

IDLE_FRAMES = 50
"""After so many frames without a face the length is noted again: only at a record can whoever has
gone away be noticed."""


class VideoAnalyzer:
    """Finds the faces of a video or an image and judges the expression of each.

    Constructing one is cheap; the detectors and the model are loaded on first use or by `load`. One
    analyzer may serve many threads at once.
    """

    def __init__(self) -> None:
        self._model = ExpressionModel()

    def load(self) -> None:
        """Load the detectors and the model, and start a decoder, instead of on first use."""
        warm_up()
        with borrowed_detector():
            self._reference()

    def _reference(self) -> ModelRef | None:
        """Name the model; None where the licence policy excludes it."""
        try:
            card = self._model.model.card
        except ModelNotPermitted:
            return None
        return ModelRef(name=card.name, version=card.version, license_class=card.license_class)

    def stream(self, path: str | os.PathLike[str], fps: float | None = 5.0) -> Iterator[Record]:
        """Yield a track per face and a segment per face and frame, as they are found.

        A segment lasts until the next frame that is looked at. Memory does not grow with the length
        of the video.

        Args:
            path: A video or an image.
            fps: Most frames a second that are looked at; None for every frame.

        Raises:
            InvalidValue: `fps` is not positive.
            NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: The file cannot be read.
            ModelUnavailable: The weights are missing or altered.
        """
        model = self._reference()
        with stage("decode"):
            reader = read_frames(path, fps)
        with reader, borrowed_detector() as detector:
            yield MediaNoted(modality="face", duration=reader.info.duration)
            tracker = FaceTracker(1) if reader.info.is_image else FaceTracker()
            opened = frames = black = idle = 0
            for frame in _timed(reader):
                frames += 1
                dark = is_black(frame.image)
                black += dark
                found = [] if dark else _detect(detector, frame)
                numbers = tracker.update(found, frame.time)
                known = {n: face for n, face in zip(numbers, found, strict=True) if n is not None}
                for number in sorted(known):
                    if number > opened:
                        opened = number
                        yield TrackOpened(track=_track(number, model))
                segments = self._judge(frame, list(known.values()), permitted=model is not None)
                for number, segment in zip(known, segments, strict=True):
                    yield SegmentFound(track=f"face-{number}", segment=segment)
                note_media(frame.end - frame.time, "video")
                idle = 0 if known else idle + 1
                if idle == IDLE_FRAMES:
                    idle = 0
                    yield MediaNoted(modality="face", duration=reader.info.duration)
            yield from _notes(reader, frames, black, opened)

    def _judge(self, frame: Frame, faces: Sequence[Face], *, permitted: bool) -> Iterator[Segment]:
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
            reasons = [quality.abstain if permitted else "model-not-permitted" for quality in found]
            wanted = [index for index, reason in enumerate(reasons) if reason is None]
            judged = dict(zip(wanted, self._predict(crops[wanted]), strict=True))
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
                measures={"detection_confidence": face.score},
            )

    def _predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._model.predict(crops) if len(crops) else np.empty((0, 8), np.float32)


def _timed(reader: FrameReader) -> Iterator[Frame]:
    """Yield the frames of a reader, waiting for each in the stage of decoding."""
    while True:
        with stage("decode"):
            frame = next(reader, None)
        if frame is None:
            return
        yield frame


def _detect(detector: FaceDetector, frame: Frame) -> list[Face]:
    with stage("detect"):
        return detector.find(frame.image)


def _track(number: int, model: ModelRef | None) -> Track:
    return Track(
        id=f"face-{number}",
        subject=f"face-{number}",
        modality="face",
        vocabulary=VOCABULARY,
        model=model,
    )


def _notes(reader: FrameReader, frames: int, black: int, faces: int) -> Iterator[Record]:
    """Say what limits the whole answer."""
    if 2 * black >= frames:
        yield QualityNoted(
            modality="face", flag="black", message=f"{black} of {frames} frames are black"
        )
    if not faces:
        yield QualityNoted(
            modality="face", flag="no-face", message=f"no face was found in {frames} frames"
        )
    if reader.truncated:
        yield QualityNoted(
            modality="face",
            flag="truncated",
            message="the file ends before it should; analysed as far as it goes",
        )
    if reader.damaged:
        yield QualityNoted(
            modality="face",
            flag="damaged",
            message=f"{reader.damaged} damaged packets were left out",
        )

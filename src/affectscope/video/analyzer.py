"""Videos and images: faces found, followed and judged, frame by frame."""

from __future__ import annotations

import math
import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from affectscope.affect import MediaNoted, ModelRef, ProgressMade, QualityNoted, Record
from affectscope.errors import ModelNotPermitted
from affectscope.media import SEQUENCE_RATE, FrameReader, read_frames, warm_up
from affectscope.telemetry import drawn, note_media, stage
from affectscope.video.detector import FaceDetector, borrowed_detector
from affectscope.video.expression import ExpressionModel
from affectscope.video.summary import FaceStatistics
from affectscope.video.watch import FaceWatch, Sighting

FRAMES_A_NOTE = 25
"""After so many frames it is told how far the video is. Where there is no face, only there can be
noticed that whoever asked has gone away."""

FRAMES_AHEAD = 2
"""Frames whose faces are looked for while one is judged: the next, and one that waits."""


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

    def watch(self, detector: FaceDetector, *, still: bool = False) -> FaceWatch:
        """Return what looks at the frames of one camera or file.

        Args:
            detector: Used by the watch alone while it lasts.
            still: Whether there is one frame only.

        Raises:
            ModelUnavailable: The weights are missing or altered.
        """
        return FaceWatch(detector, self._model, self._reference(), still=still)

    def stream(
        self,
        path: str | os.PathLike[str],
        fps: float | None = 5.0,
        sequence_rate: float = SEQUENCE_RATE,
    ) -> Iterator[Record]:
        """Yield a track per face and a segment per face and frame, as they are found.

        A segment lasts until the next frame that is looked at, or until a gap in the video. In
        between, the progress is told in seconds of the video; at the end there is a summary of each
        face. Memory does not grow with the length of the video.

        Args:
            path: A video, an image, or a folder or ZIP archive of numbered images.
            fps: Most frames a second that are looked at; None for every frame.
            sequence_rate: Images a second of numbered images.

        Raises:
            InvalidValue: `fps` or `sequence_rate` is out of range.
            NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: The file cannot be read.
            ModelUnavailable: The weights are missing or altered.
        """
        with stage("decode"):
            reader = read_frames(path, fps, sequence_rate=sequence_rate)
        with reader, borrowed_detector() as detector:
            yield MediaNoted(modality="face", duration=reader.info.duration)
            watch = self.watch(detector, still=reader.info.is_image)
            statistics = FaceStatistics()
            for sighting in _sightings(watch, reader):
                for record in watch.judge(sighting):
                    statistics.add(record)
                    yield record
                frame = sighting.frame
                note_media(frame.end - frame.time, "video")
                if watch.frames % FRAMES_A_NOTE == 0:
                    yield _progress(frame.end, reader.info.duration)
            yield from statistics.records()
            yield from _notes(reader, watch)


def _sightings(watch: FaceWatch, reader: FrameReader) -> Iterator[Sighting]:
    """Yield what is found in each frame, while a thread looks for the faces of the next ones.

    A profiler sees one thread only: under one, everything is done in it.
    """
    if reader.info.is_image or sys.getprofile() is not None:
        yield from map(watch.find, drawn("decode", reader))
        return
    with ThreadPoolExecutor(1, thread_name_prefix="video-find") as finder:
        ahead: deque[Future[Sighting]] = deque()
        for frame in drawn("decode", reader):
            ahead.append(finder.submit(copy_context().run, watch.find, frame))
            if len(ahead) > FRAMES_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _progress(done: float, total: float | None) -> ProgressMade:
    """Tell how far a video is, in whole seconds."""
    whole = None if total is None else math.ceil(total)
    seconds = int(done if whole is None else min(done, whole))
    return ProgressMade(done=seconds, total=whole, unit="seconds", modality="face")


def _notes(reader: FrameReader, watch: FaceWatch) -> Iterator[Record]:
    """Say what limits the whole answer."""
    if 2 * watch.black >= watch.frames:
        yield QualityNoted(
            modality="face",
            flag="black",
            message=f"{watch.black} of {watch.frames} frames are black",
        )
    if not watch.faces:
        yield QualityNoted(
            modality="face",
            flag="no-face",
            message=f"no face was found in {watch.frames} frames",
        )
    if reader.truncated:
        yield QualityNoted(
            modality="face",
            flag="truncated",
            message="the file ends before it should; analysed as far as it goes",
        )
    if reader.damaged:
        pieces = "images" if reader.info.format in ("folder", "zip") else "packets"
        yield QualityNoted(
            modality="face",
            flag="damaged",
            message=f"{reader.damaged} damaged {pieces} were left out",
        )
    if reader.gaps:
        yield QualityNoted(
            modality="face",
            flag="gaps",
            message=f"gaps without pictures: {reader.gaps}, {reader.missing:.1f} s together",
        )

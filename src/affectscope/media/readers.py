"""Readers of pictures and sound, and `probe`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import InvalidValue
from affectscope.media import process
from affectscope.media.limits import DEFAULT_LIMITS, Limits
from affectscope.media.orientation import MIRROR, TRANSPOSE, UPSIDE_DOWN
from affectscope.media.pictures import FRAME_HEADER
from affectscope.media.signature import identify
from affectscope.media.sound import AUDIO_HEADER
from affectscope.media.streams import AudioChunk, AudioStream, Frame, MediaInfo, VideoStream

Source = str | os.PathLike[str]


def probe(path: Source, *, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """Say what a file holds.

    Raises:
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: It cannot be read.
    """
    with _Reader("probe", path, limits) as reader:
        return reader.info


class _Reader:
    """An open decoding job: what the file holds, its pieces, and how it ended.

    Attributes:
        info: What the file holds.
        truncated: After the end: True where the file ends before it should.
        damaged: After the end: packets that could not be decoded and were left out.
    """

    def __init__(self, task: str, path: Source, limits: Limits, **options: object) -> None:
        signature = identify(path)
        self.truncated = False
        self.damaged = 0
        self._decoder = process.nursery.take()
        try:
            self._decoder.begin(task, path, signature, limits, **options)
            _, payload = self._decoder.receive()
            self.info = _info(json.loads(bytes(payload)))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the decoding process; may be called again."""
        self._decoder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _pieces(self) -> Iterator[memoryview]:
        """Yield payloads until the end; the process ends with it, whatever happens."""
        try:
            while True:
                kind, payload = self._decoder.receive()
                if kind == b"E":
                    ending = json.loads(bytes(payload))
                    self.truncated = ending["truncated"]
                    self.damaged = ending["damaged"]
                    return
                yield payload
        finally:
            self.close()


class FrameReader(_Reader):
    """The pictures of a file; an iterator of `Frame` and a context manager."""

    def __init__(self, path: Source, fps: float | None, limits: Limits) -> None:
        super().__init__("frames", path, limits, fps=fps)
        self._frames = self._iterate()

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __next__(self) -> Frame:
        return next(self._frames)

    def _iterate(self) -> Iterator[Frame]:
        for index, payload in enumerate(self._pieces()):
            time, end, width, height, row, turn = FRAME_HEADER.unpack_from(payload)
            rows = np.frombuffer(payload, np.uint8, offset=FRAME_HEADER.size).reshape(height, row)
            image = rows[:, : width * 3].reshape(height, width, 3)
            yield Frame(time, end, _turned(image, turn), index)


class AudioReader(_Reader):
    """The sound of a file; an iterator of `AudioChunk` and a context manager."""

    def __init__(self, path: Source, rate: int, chunk_seconds: float, limits: Limits) -> None:
        super().__init__("audio", path, limits, rate=rate, chunk_seconds=chunk_seconds)
        self._chunks = self._iterate()

    def __iter__(self) -> Iterator[AudioChunk]:
        return self._chunks

    def __next__(self) -> AudioChunk:
        return next(self._chunks)

    def _iterate(self) -> Iterator[AudioChunk]:
        for payload in self._pieces():
            (start,) = AUDIO_HEADER.unpack_from(payload)
            yield AudioChunk(start, np.frombuffer(payload, np.float32, offset=AUDIO_HEADER.size))


def read_frames(
    path: Source, fps: float | None = 5.0, *, limits: Limits = DEFAULT_LIMITS
) -> FrameReader:
    """Open the pictures of a video or an image.

    Times are presentation time stamps, counted from the start of the file's first stream, so they
    agree with those of `read_audio`. Rotation and the shape of pixels are applied.

    Args:
        path: A local file of one of `FORMATS`.
        fps: Most frames a second: of every interval of 1/fps seconds the first frame is taken. None
            for every frame.
        limits: What decoding may cost.

    Raises:
        InvalidValue: `fps` is not positive.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: It cannot be read.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InvalidValue(f"fps is {fps}; valid: a positive number, or None for every frame")
    return FrameReader(path, fps, limits)


def read_audio(
    path: Source,
    rate: int = 16_000,
    *,
    chunk_seconds: float = 10.0,
    limits: Limits = DEFAULT_LIMITS,
) -> AudioReader:
    """Open the sound of an audio or video file as one unbroken mono signal.

    Each chunk starts where the one before ended; gaps between time stamps are filled with silence.
    The first one starts later than 0 where the sound starts after the pictures.

    Args:
        path: A local file of one of `FORMATS`.
        rate: Samples a second that are wanted.
        chunk_seconds: Length of each chunk but the last.
        limits: What decoding may cost.

    Raises:
        InvalidValue: `rate` or `chunk_seconds` is out of range.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: It cannot be read.
    """
    if not 1000 <= rate <= 192_000:
        raise InvalidValue(f"rate is {rate}; valid: 1000 to 192000 samples a second")
    if not 0 < chunk_seconds <= 600:
        raise InvalidValue(f"chunk_seconds is {chunk_seconds}; valid: above 0 up to 600")
    return AudioReader(path, rate, chunk_seconds, limits)


def _info(fields: dict[str, Any]) -> MediaInfo:
    video, audio = fields["video"], fields["audio"]
    return MediaInfo(
        format=fields["format"],
        duration=fields["duration"],
        video=VideoStream(**video) if video else None,
        audio=AudioStream(**audio) if audio else None,
        is_image=fields["is_image"],
    )


def _turned(image: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Turn a picture for display."""
    if turn & TRANSPOSE:
        image = image.transpose(1, 0, 2)
    if turn & MIRROR:
        image = image[:, ::-1]
    if turn & UPSIDE_DOWN:
        image = image[::-1]
    return np.ascontiguousarray(image)

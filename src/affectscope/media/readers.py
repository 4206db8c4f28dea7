"""Readers of pictures and sound, and `probe`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import InvalidValue
from affectscope.media import process
from affectscope.media.demux import Refusal
from affectscope.media.limits import DEFAULT_LIMITS, Limits
from affectscope.media.orientation import MIRROR, TRANSPOSE, UPSIDE_DOWN
from affectscope.media.pictures import FRAME_HEADER
from affectscope.media.process import REFUSALS
from affectscope.media.sequences import open_images
from affectscope.media.signature import identify
from affectscope.media.sound import AUDIO_HEADER
from affectscope.media.streams import (
    AudioChunk,
    AudioStream,
    ChannelChunk,
    Frame,
    MediaInfo,
    VideoStream,
)

Source = str | os.PathLike[str]


SEQUENCE_RATE = 25.0
"""Images a second of a sequence, where nobody says otherwise."""

MOST_SEQUENCE_RATE = 1000.0


def probe(
    path: Source, *, sequence_rate: float = SEQUENCE_RATE, limits: Limits = DEFAULT_LIMITS
) -> MediaInfo:
    """Say what a file, or a folder of images, holds.

    Args:
        path: A local file of one of `FORMATS`, or a folder of images.
        sequence_rate: Images a second of an image sequence or of bare motion JPEG, in (0, 1000].
        limits: What decoding may cost.

    Raises:
        InvalidValue: `sequence_rate` is out of range.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: It cannot be read.
    """
    _check_sequence_rate(sequence_rate)
    with _Reader("probe", path, limits, sequence_rate=sequence_rate) as reader:
        return reader.info


class _Reader:
    """An open decoding job: what the file holds, its pieces, and how it ended.

    Attributes:
        info: What the file holds.
        truncated: After the end: True where the file ends before it should.
        damaged: After the end: packets, or images of a sequence, that could not be decoded and were
            left out.
        gaps: After the end: how often the next picture came much later than is usual.
        missing: After the end: seconds without pictures in those gaps, together.
    """

    def __init__(self, task: str, path: Source, limits: Limits, **options: object) -> None:
        signature = identify(path)
        self.truncated = False
        self.damaged = self.gaps = 0
        self.missing = 0.0
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
                    self.gaps = ending.get("gaps", 0)
                    self.missing = ending.get("missing", 0.0)
                    return
                yield payload
        finally:
            self.close()


class FrameReader(_Reader):
    """The pictures of a file; an iterator of `Frame` and a context manager."""

    def __init__(
        self, path: Source, fps: float | None, sequence_rate: float, limits: Limits
    ) -> None:
        super().__init__("frames", path, limits, fps=fps, sequence_rate=sequence_rate)
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
        _check_sound(rate, chunk_seconds)
        super().__init__(
            "audio", path, limits, rate=rate, chunk_seconds=chunk_seconds, most_channels=1
        )
        self._chunks = self._iterate()

    def __iter__(self) -> Iterator[AudioChunk]:
        return self._chunks

    def __next__(self) -> AudioChunk:
        return next(self._chunks)

    def _iterate(self) -> Iterator[AudioChunk]:
        for payload in self._pieces():
            start, _ = AUDIO_HEADER.unpack_from(payload)
            yield AudioChunk(start, np.frombuffer(payload, np.float32, offset=AUDIO_HEADER.size))


class ChannelReader(_Reader):
    """The channels of a file's sound; an iterator of `ChannelChunk` and a context manager."""

    def __init__(
        self, path: Source, most: int, rate: int, chunk_seconds: float, limits: Limits
    ) -> None:
        _check_sound(rate, chunk_seconds)
        super().__init__(
            "audio", path, limits, rate=rate, chunk_seconds=chunk_seconds, most_channels=most
        )
        self._chunks = self._iterate()

    def __iter__(self) -> Iterator[ChannelChunk]:
        return self._chunks

    def __next__(self) -> ChannelChunk:
        return next(self._chunks)

    def _iterate(self) -> Iterator[ChannelChunk]:
        for payload in self._pieces():
            start, channels = AUDIO_HEADER.unpack_from(payload)
            samples = np.frombuffer(payload, np.float32, offset=AUDIO_HEADER.size)
            yield ChannelChunk(start, samples.reshape(-1, channels))


def read_frames(
    path: Source,
    fps: float | None = 5.0,
    *,
    sequence_rate: float = SEQUENCE_RATE,
    limits: Limits = DEFAULT_LIMITS,
) -> FrameReader:
    """Open the pictures of a video, an image or an image sequence.

    Times are presentation time stamps, counted from the start of the file's first stream, so they
    agree with those of `read_audio`. Rotation and the shape of pixels are applied.

    A picture lasts until the next one that is taken. Where a recording was paused or packets were
    lost, it ends before the gap, and the reader counts `gaps` and the seconds `missing` in them. A
    gap is an interval of more than three times what is usual (the median of the last fifteen
    intervals) and more than half a second, so a slide show has none.

    The images of a sequence (a folder or a ZIP archive) are taken in the order of the numbers in
    their names and shown at `sequence_rate`; their sizes may differ, and what is no image is left
    out. One that is damaged keeps its place in time, and the one before it stands meanwhile.

    Args:
        path: A local file of one of `FORMATS`, or a folder of images.
        fps: Most frames a second: of every interval of 1/fps seconds the first frame is taken, and
            the first after each gap. None for every frame; so does any rate above the file's own.
        sequence_rate: Images a second of an image sequence or of bare motion JPEG, in (0, 1000].
        limits: What decoding may cost.

    Raises:
        InvalidValue: `fps` is not positive, or `sequence_rate` is out of range.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: It cannot be read.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InvalidValue(f"fps is {fps}; valid: a positive number, or None for every frame")
    _check_sequence_rate(sequence_rate)
    return FrameReader(path, fps, sequence_rate, limits)


def list_sequence(path: Source, *, limits: Limits = DEFAULT_LIMITS) -> tuple[list[str], list[str]]:
    """List what lies in a folder or a ZIP archive, without looking into it.

    Returns:
        Names of the images in natural order, and names of everything else; hidden files are left out.

    Raises:
        UnsupportedMedia, UndecodableMedia: It cannot be read as a sequence of images.
    """
    try:
        images = open_images(os.fspath(path), asdict(limits))
    except Refusal as refusal:
        raise REFUSALS[refusal.kind](f"{os.fspath(path)!r}: {refusal.detail}") from refusal
    images.close()
    return images.names, images.others


def _check_sequence_rate(rate: float) -> None:
    if not 0 < rate <= MOST_SEQUENCE_RATE:
        raise InvalidValue(
            f"sequence_rate is {rate}; valid: above 0 up to {MOST_SEQUENCE_RATE:g} images a second"
        )


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
    return AudioReader(path, rate, chunk_seconds, limits)


MOST_CHANNELS = 8
"""Most channels that are kept apart."""


def read_channels(
    path: Source,
    most: int = 2,
    rate: int = 16_000,
    *,
    chunk_seconds: float = 10.0,
    limits: Limits = DEFAULT_LIMITS,
) -> ChannelReader:
    """Open the sound of a file like `read_audio`, with its channels apart.

    Args:
        path: A local file of one of `FORMATS`.
        most: A file of more channels is mixed into one, 1 to `MOST_CHANNELS`. Where the number
            changes on the way, what comes later is brought to the channels of the beginning.
        rate: Samples a second that are wanted.
        chunk_seconds: Length of each chunk but the last.
        limits: What decoding may cost.

    Raises:
        InvalidValue: `most`, `rate` or `chunk_seconds` is out of range.
        NotFound, EmptyInput, UnsupportedMedia, UndecodableMedia: It cannot be read.
    """
    if not 1 <= most <= MOST_CHANNELS:
        raise InvalidValue(f"most is {most}; valid: 1 to {MOST_CHANNELS} channels")
    return ChannelReader(path, most, rate, chunk_seconds, limits)


def _check_sound(rate: int, chunk_seconds: float) -> None:
    if not 1000 <= rate <= 192_000:
        raise InvalidValue(f"rate is {rate}; valid: 1000 to 192000 samples a second")
    if not 0 < chunk_seconds <= 600:
        raise InvalidValue(f"chunk_seconds is {chunk_seconds}; valid: above 0 up to 600")


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

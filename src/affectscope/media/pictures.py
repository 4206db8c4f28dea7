"""The pictures of a file, chosen by presentation time; runs inside the decoding process."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from av.video.reformatter import Interpolation, VideoReformatter

from affectscope.media.demux import Media, Refusal, seconds, time_of
from affectscope.media.orientation import CLOCKWISE, TRANSPOSE, turn_of
from affectscope.media.timing import NUDGE, Clock, Pace, Sampler, gif_length

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

FRAME_HEADER = struct.Struct("<ddIIIB")
"""time, end, width, height and bytes a row as decoded, and the `turn` for display."""


def pixel_aspect(video: VideoStream) -> float:
    """Return the width of a pixel over its height; 1 where it is not stated sensibly."""
    ratio = video.sample_aspect_ratio
    aspect = float(ratio) if ratio else 1.0
    return aspect if 0.25 <= aspect <= 4.0 else 1.0


class Picture:
    """One chosen picture as packed red, green, blue with square pixels.

    Args:
        frame: As decoded.
        aspect: Width of a pixel over its height.
        turn: How it is turned for display.
        before: The picture before it, whose scaler is used again.
    """

    def __init__(
        self, frame: VideoFrame, aspect: float, turn: int, before: Picture | None = None
    ) -> None:
        self._turn = turn
        self._scaler: VideoReformatter = before._scaler if before else VideoReformatter()
        self._packed = self._scaler.reformat(
            frame,
            max(1, round(frame.width * aspect)),
            frame.height,
            "rgb24",
            interpolation=Interpolation.BILINEAR,
        )

    def describe(self, rate: float | None) -> dict[str, Any]:
        """Describe the stream that starts with this picture, as displayed.

        Args:
            rate: Frames a second that the file claims.
        """
        width, height = self._packed.width, self._packed.height
        if self._turn & TRANSPOSE:
            width, height = height, width
        return {
            "width": width,
            "height": height,
            "rotation": CLOCKWISE.get(self._turn, 0),
            "nominal_rate": rate,
        }

    def send(self, time: float, end: float, send: Callable[[bytes, Any], None]) -> None:
        """Send it as a message."""
        plane = self._packed.planes[0]
        header = FRAME_HEADER.pack(
            time, end, self._packed.width, self._packed.height, plane.line_size, self._turn
        )
        send(header, memoryview(plane))


class PictureStream:
    """The pictures of a video or a still image, from the first on.

    Args:
        media: The open file; its job has `fps`, None for every frame.

    Attributes:
        pace: How quickly frames follow each other, and where some are missing.

    Raises:
        Refusal: There are no pictures, or none that can be decoded.
    """

    def __init__(self, media: Media) -> None:
        video = media.video
        if video is None:
            found = "only sound" if media.audio is not None else "no video stream"
            raise Refusal("unsupported", f"it holds {found}; a video or an image is needed")
        if video.codec_context is not None:
            video.thread_type = "AUTO"
            video.thread_count = 2
        self._media = media
        self._video = video
        self._frames: Iterator[VideoFrame] = media.decode(video)
        first = next(self._frames, None)
        if first is None:
            raise Refusal("empty", "its video has no frames")
        self._still: bool = media.job["is_image"]
        self._turn = _turn(first, media)
        self._first = first
        rate = video.average_rate or video.guessed_rate
        self._rate = float(rate) if rate else None
        self.pace = Pace(1.0 / self._rate if self._rate else 0.04)

    def describe(self) -> dict[str, Any]:
        """Describe the pictures as displayed."""
        return self._picture(self._first).describe(None if self._still else self._rate)

    def stream(self, send: Callable[[bytes, Any], None]) -> None:
        """Send the chosen pictures, each once it is known until when it is shown.

        Args:
            send: Takes a header and a buffer of pixels.

        Raises:
            Refusal: The video lasts longer than the limit.
        """
        if self._still:
            self._picture(self._first).send(0.0, 0.0, send)
            return
        sampler = Sampler(self._media.job["fps"])
        held: Picture | None = None
        started = last = length = 0.0
        end: float | None = None
        for time, stated, frame in self._timed():
            after_gap = False
            if held is not None:
                shown = self.pace.add(time - last)
                after_gap = last + shown < time
                if after_gap and end is None:
                    end = last + shown
            if held is None or after_gap or sampler.wants(time):
                if held is not None:
                    held.send(started, time if end is None else end, send)
                held, started, end = self._picture(frame, held), time, None
                sampler.take(time)
            last, length = time, stated
        if held is not None:
            held.send(started, last + max(self.pace.last(length), NUDGE), send)

    def _timed(self) -> Iterator[tuple[float, float, VideoFrame]]:
        """Yield time, stated length (0 where none is) and picture of each frame."""
        clock = Clock(self.pace.usual, self._media.latest)
        is_gif = self._media.job["format"] == "gif"
        most = self._media.job["limits"]["seconds"]
        drawn = 0.0
        for frame in itertools.chain((self._first,), self._frames):
            length = seconds(frame, frame.duration, self._video) if frame.duration else 0.0
            stamp = time_of(frame, self._media, self._video)
            if is_gif:
                length = gif_length(length)
                stamp, drawn = drawn, drawn + length
            time = clock.next(stamp)
            if time > most:
                raise Refusal("undecodable", f"it lasts more than {most} s")
            yield time, length, frame

    def _picture(self, frame: VideoFrame, before: Picture | None = None) -> Picture:
        return Picture(frame, pixel_aspect(self._video), self._turn, before)


def _turn(first: VideoFrame, media: Media) -> int:
    """Return the turn of a file by its first picture."""
    if not media.job["is_image"]:
        return turn_of(first)
    with open(media.job["path"], "rb") as file:
        return turn_of(first, file)

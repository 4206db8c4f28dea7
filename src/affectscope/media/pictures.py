"""The pictures of a file, chosen by presentation time; runs inside the decoding process."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from av.video.reformatter import Interpolation, VideoReformatter

from affectscope.media.demux import Media, Refusal, is_wrong, seconds, time_of
from affectscope.media.orientation import CLOCKWISE, TRANSPOSE, turn_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

FRAME_HEADER = struct.Struct("<ddIIIB")
"""time, end, width, height and bytes a row as decoded, and the `turn` for display."""

NUDGE = 0.001
"""Seconds by which a repeated time stamp is moved on, so that times always grow."""


class Clock:
    """Makes the times of frames grow, whatever the file says.

    Args:
        period: Seconds between frames where a file gives no times at all.
        latest: Time after which no time stamp is believed.
    """

    def __init__(self, period: float, latest: float = math.inf) -> None:
        self._period = period
        self._latest = latest
        self._last: float | None = None
        self._shift = 0.0

    def next(self, time: float | None) -> float:
        """Return the time of the next frame, later than the one before it."""
        if self._last is None:
            self._last = max(0.0, time or 0.0)
            return self._last
        if time is None:
            time = self._last + self._period
        elif is_wrong(time + self._shift, self._last, self._latest):
            self._shift = self._last + self._period - time
            time += self._shift
        else:
            time = max(time + self._shift, self._last + NUDGE)
        self._last = time
        return time


def displayed_size(frame: VideoFrame, aspect: float) -> tuple[int, int]:
    """Return (width, height) of a decoded picture with square pixels, not yet turned."""
    return max(1, round(frame.width * aspect)), frame.height


def _aspect(media: Media) -> float:
    """Return the width of a pixel over its height; 1 where it is not stated sensibly."""
    video = media.video
    ratio = video.sample_aspect_ratio if video is not None else None
    aspect = float(ratio) if ratio else 1.0
    return aspect if 0.25 <= aspect <= 4.0 else 1.0


def describe(media: Media, first: VideoFrame | None) -> dict[str, Any] | None:
    """Describe the pictures as displayed; None where there are none."""
    video = media.video
    if video is None or first is None:
        return None
    width, height = displayed_size(first, _aspect(media))
    turn = media.turn
    if turn & TRANSPOSE:
        width, height = height, width
    rate = video.average_rate or video.guessed_rate
    return {
        "width": width,
        "height": height,
        "rotation": CLOCKWISE.get(turn, 0),
        "nominal_rate": float(rate) if rate and not media.job["is_image"] else None,
    }


def first_frame(media: Media) -> tuple[VideoFrame, Iterator[VideoFrame]]:
    """Decode up to the first picture; returns it and the iterator over those that follow.

    Raises:
        Refusal: There are no pictures.
    """
    video = media.video
    if video is None:
        found = "only sound" if media.audio is not None else "no video stream"
        raise Refusal("unsupported", f"it holds {found}; a video or an image is needed")
    if video.codec_context is not None:
        video.thread_type = "AUTO"
        video.thread_count = 2
    frames: Iterator[VideoFrame] = media.decode(video)
    first = next(frames, None)
    if first is None:
        raise Refusal("empty", "its video has no frames")
    media.turn = turn_of(first, media.job["path"] if media.job["is_image"] else None)
    return first, frames


def stream_frames(
    media: Media,
    first: VideoFrame,
    rest: Iterator[VideoFrame],
    send: Callable[[bytes, Any], None],
) -> None:
    """Send the chosen pictures, each once the time of the next one is known.

    Args:
        media: The open file; its job has `fps`, None for every frame.
        first: The first decoded picture.
        rest: Those that follow.
        send: Takes a header and a buffer of pixels.

    Raises:
        Refusal: The video lasts longer than the limit.
    """
    if media.job["is_image"]:
        picture = Picture(first, media)
        picture.send(0.0, 0.0, media.turn, send)
        return
    video = media.video
    assert video is not None
    rate = video.average_rate or video.guessed_rate
    period = 1.0 / float(rate) if rate else 0.04
    clock = Clock(period, media.latest)
    fps: float | None = media.job["fps"]
    due = end = started = 0.0
    held: Picture | None = None
    frame: VideoFrame | None = first
    while frame is not None:
        time = clock.next(time_of(frame, media, video))
        if time > media.job["limits"]["seconds"]:
            raise Refusal("undecodable", f"it lasts more than {media.job['limits']['seconds']} s")
        length = seconds(frame, frame.duration, video) if frame.duration else period
        end = time + length
        # Half a nudge of slack: sums of floats must not lose a frame that lies on the grid.
        if held is None or fps is None or time >= due - NUDGE / 2:
            if held is not None:
                held.send(started, time, media.turn, send)
            held, started = Picture(frame, media, held), time
            if fps is not None:
                due = (math.floor((time + NUDGE / 2) * fps) + 1) / fps
        frame = next(rest, None)
    if held is not None:
        held.send(started, max(end, started + NUDGE), media.turn, send)


class Picture:
    """One chosen picture as packed red, green, blue.

    Args:
        frame: As decoded.
        media: The open file.
        before: The picture before it, whose scaler is used again.
    """

    def __init__(self, frame: VideoFrame, media: Media, before: Picture | None = None) -> None:
        self._scaler: VideoReformatter = before._scaler if before else VideoReformatter()
        width, height = displayed_size(frame, _aspect(media))
        self._packed = self._scaler.reformat(
            frame, width, height, "rgb24", interpolation=Interpolation.BILINEAR
        )

    def send(self, time: float, end: float, turn: int, send: Callable[[bytes, Any], None]) -> None:
        """Send it as a message."""
        plane = self._packed.planes[0]
        header = FRAME_HEADER.pack(
            time, end, self._packed.width, self._packed.height, plane.line_size, turn
        )
        send(header, memoryview(plane))

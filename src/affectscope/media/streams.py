"""What a file holds, and the pieces in which it is handed out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class VideoStream:
    """The pictures of a file.

    Attributes:
        width: Pixels of the displayed picture, after rotation and with square pixels.
        height: Likewise.
        rotation: Degrees clockwise that were applied for display: 0, 90, 180 or 270.
        nominal_rate: Frames a second that the file claims, if it does; never used for times.
    """

    width: int
    height: int
    rotation: int
    nominal_rate: float | None


@dataclass(frozen=True)
class AudioStream:
    """The sound of a file: samples a second and channels, as stored."""

    rate: int
    channels: int


@dataclass(frozen=True)
class MediaInfo:
    """What a file holds.

    Attributes:
        format: Short name such as `mp4`, `webm`, `wav`, `png`; `folder` or `zip` for a sequence of
            images.
        duration: Seconds that the file claims to last; None where it claims nothing, and for still
            images and GIF.
        video: Its pictures, None where there are none.
        audio: Its sound, None where there is none.
        is_image: True for a still image.
    """

    format: str
    duration: float | None
    video: VideoStream | None
    audio: AudioStream | None
    is_image: bool


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        time: Presentation time in seconds on the clock of the file.
        end: Time of the next frame that is handed out, or of the gap before it; for the last one,
            when the video ends. Equal to `time` for a still image.
        image: uint8 [height, width, 3], red, green, blue, as displayed.
        index: Number of this frame among those handed out, from 0.
    """

    time: float
    end: float
    image: NDArray[np.uint8]
    index: int


@dataclass(frozen=True, eq=False)
class AudioChunk:
    """A piece of sound.

    Attributes:
        start: Time of its first sample in seconds on the clock of the file. Each chunk starts
            where the one before ended.
        samples: float32 [n], mono, nominally in [-1, 1].
    """

    start: float
    samples: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ChannelChunk:
    """A piece of sound whose channels are kept apart.

    Attributes:
        start: As of `AudioChunk`.
        samples: float32 [n, channels], nominally in [-1, 1]; every chunk of a file has the same
            number of channels.
    """

    start: float
    samples: NDArray[np.float32]

"""Pictures and sound of a file with their true times, decoded in a process that can be killed.

`probe` says what a file holds, `read_frames` yields its pictures, `read_audio` its sound and
`read_channels` the channels of it apart, all on the one clock of the file; a folder or a ZIP archive
of images is read like a video. Nothing here knows of emotion. Names are imported on first use,
because the decoding process is a module of this package and must start quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from affectscope.media.limits import Limits
    from affectscope.media.process import warm_up
    from affectscope.media.readers import (
        MOST_CHANNELS,
        MOST_SEQUENCE_RATE,
        SEQUENCE_RATE,
        AudioReader,
        ChannelReader,
        FrameReader,
        list_sequence,
        probe,
        read_audio,
        read_channels,
        read_frames,
    )
    from affectscope.media.signature import FORMATS
    from affectscope.media.streams import (
        AudioChunk,
        AudioStream,
        ChannelChunk,
        Frame,
        MediaInfo,
        VideoStream,
    )

__all__ = [
    "FORMATS",
    "MOST_CHANNELS",
    "MOST_SEQUENCE_RATE",
    "SEQUENCE_RATE",
    "AudioChunk",
    "AudioReader",
    "AudioStream",
    "ChannelChunk",
    "ChannelReader",
    "Frame",
    "FrameReader",
    "Limits",
    "MediaInfo",
    "VideoStream",
    "list_sequence",
    "probe",
    "read_audio",
    "read_channels",
    "read_frames",
    "warm_up",
]

_HOMES = {
    "FORMATS": "signature",
    "MOST_CHANNELS": "readers",
    "MOST_SEQUENCE_RATE": "readers",
    "SEQUENCE_RATE": "readers",
    "AudioChunk": "streams",
    "AudioReader": "readers",
    "AudioStream": "streams",
    "ChannelChunk": "streams",
    "ChannelReader": "readers",
    "Frame": "streams",
    "FrameReader": "readers",
    "Limits": "limits",
    "MediaInfo": "streams",
    "VideoStream": "streams",
    "list_sequence": "readers",
    "probe": "readers",
    "read_audio": "readers",
    "read_channels": "readers",
    "read_frames": "readers",
    "warm_up": "process",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"affectscope.media.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'affectscope.media' has no attribute {name!r}")

"""One JPEG or WebP picture in memory, as a live camera sends it.

Its header is read first, by a few lines of our own that accept nothing unusual, so that no decoder
ever sees a picture that would unpack to too much.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from affectscope.errors import EmptyInput, UndecodableMedia, UnsupportedMedia

MOST_PIXELS: Final = 4_000_000
"""Twice what a camera of 1920 x 1080 gives."""

MOST_SCANS: Final = 64
"""Scans of a progressive JPEG; usual are 10. Each goes over the whole picture, however short it is, so
that a small file with many of them takes very long."""

_SIZES: Final = (0xC0, 0xC1, 0xC2)
"""Markers of frame headers: baseline, extended sequential and progressive (ITU T.81, B.1.1.3)."""

_OTHER_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {*_SIZES, 0xC4, 0xC8, 0xCC}
_SCAN: Final = 0xDA
_MOST_MARKERS: Final = 1000


def picture_size(data: bytes) -> tuple[str, int, int]:
    """Return the kind of a picture (``mjpeg`` or ``webp``, as decoders are named), width and height.

    Args:
        data: The whole picture.

    Raises:
        EmptyInput: It has no bytes.
        UnsupportedMedia: It is neither JPEG nor WebP, or of a rare or an animated kind.
        UndecodableMedia: Its header is damaged, or it has too many pixels or scans.
    """
    if not data:
        raise EmptyInput("the picture has no bytes; valid: a JPEG or WebP picture")
    if data.startswith(b"\xff\xd8\xff"):
        kind, (width, height) = "mjpeg", _jpeg_size(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind, (width, height) = "webp", _webp_size(data)
    else:
        raise UnsupportedMedia(
            f"the picture begins with {data[:8].hex(' ')}; valid: a JPEG or WebP picture",
            valid=["jpeg", "webp"],
        )
    if width * height > MOST_PIXELS or not width * height:
        raise UndecodableMedia(
            f"the picture has {width} x {height} pixels; valid: 1 to {MOST_PIXELS} in all",
            limit=MOST_PIXELS,
        )
    return kind, width, height


def decode_still(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture.

    Args:
        data: The whole picture.

    Returns:
        uint8 [height, width, 3], red, green, blue. EXIF's orientation is not heeded: cameras that
        send live pictures turn them themselves.

    Raises:
        EmptyInput, UnsupportedMedia, UndecodableMedia: As `picture_size`, or its data are damaged.
    """
    # Not OpenCV: of damaged pictures it writes lines to standard error, past our log.
    from av.codec.context import CodecContext
    from av.error import FFmpegError
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext

    kind, width, height = picture_size(data)
    context = CodecContext.create(kind, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    context.options = {"err_detect": "explode", "max_pixels": str(MOST_PIXELS)}
    try:
        frames = context.decode(Packet(data)) or context.decode(None)
    except FFmpegError as error:
        raise UndecodableMedia(f"the picture is damaged: {error.strerror}") from error
    if not frames or (frames[0].width, frames[0].height) != (width, height):
        raise UndecodableMedia("the picture is damaged: it does not hold what its header says")
    return np.asarray(frames[0].to_ndarray(format="rgb24"), np.uint8)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG (ITU T.81, annex B)."""
    at = 2
    for _ in range(_MOST_MARKERS):
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if len(data) < at + 9 or data[at] != 0xFF:
            break
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _OTHER_SIZES or (marker in _SIZES and data[at + 4] != 8):
            raise UnsupportedMedia(
                "the JPEG is of a rare kind; valid: baseline or progressive with 8 bits"
            )
        if marker in _SIZES:
            scans = data.count(bytes((0xFF, _SCAN)))
            if scans > MOST_SCANS:
                raise UndecodableMedia(f"the JPEG has {scans} scans; valid: at most {MOST_SCANS}")
            high, wide = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(wide, "big"), int.from_bytes(high, "big")
        if marker == _SCAN or length < 2:
            break
        at += 2 + length
    raise UndecodableMedia("the JPEG is damaged: no size stands in its header")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP (RFC 9649, 2)."""
    chunk, head = data[12:16], data[20:30]
    if len(head) < 10:
        raise UndecodableMedia("the WebP is damaged: it ends within its header")
    if chunk == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        return (
            int.from_bytes(head[6:8], "little") & 0x3FFF,
            int.from_bytes(head[8:10], "little") & 0x3FFF,
        )
    if chunk == b"VP8L" and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X":
        if head[0] & 0x02:
            raise UnsupportedMedia("the WebP is animated; valid: one picture a message")
        return (
            int.from_bytes(head[4:7], "little") + 1,
            int.from_bytes(head[7:10], "little") + 1,
        )
    raise UndecodableMedia("the WebP is damaged: no size stands in its header")

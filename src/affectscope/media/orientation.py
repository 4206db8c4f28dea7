"""How a decoded picture must be turned for display."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from av.sidedata.sidedata import Type as SideDataType

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

TRANSPOSE, MIRROR, UPSIDE_DOWN = 1, 2, 4
"""Bits of a turn, applied in this order: swap axes, reverse columns, reverse rows."""

CLOCKWISE: dict[int, int] = {
    0: 0,
    TRANSPOSE | MIRROR: 90,
    MIRROR | UPSIDE_DOWN: 180,
    TRANSPOSE | UPSIDE_DOWN: 270,
}
"""The turns that only rotate, in degrees clockwise."""

# TIFF 6.0, tag 274: where row 0 and column 0 of the stored picture lie when it is displayed.
_EXIF_TURNS = {
    2: MIRROR,
    3: MIRROR | UPSIDE_DOWN,
    4: UPSIDE_DOWN,
    5: TRANSPOSE,
    6: TRANSPOSE | MIRROR,
    7: TRANSPOSE | MIRROR | UPSIDE_DOWN,
    8: TRANSPOSE | UPSIDE_DOWN,
}
_ORIENTATION = 0x0112
_MARK = b"Exif\0\0"
_MOST_CHUNKS = 10_000


def turn_of(frame: VideoFrame, still: BinaryIO | None = None) -> int:
    """Return the turn of a decoded picture.

    The display matrix maps x' = a x + c y, y' = b x + d y (ISO 14496-12, 8.5.2); it is taken to the
    nearest right angle.

    Args:
        frame: As decoded.
        still: The file of a still image; its EXIF data come first.
    """
    if still is not None and (turn := exif_turn(still)):
        return turn
    try:
        data = cast(Any, frame.side_data)[SideDataType.DISPLAYMATRIX]
    except KeyError:
        return 0
    except ValueError:
        # PyAV 18 knows no name for EXIF side data, and then shows none of a frame's side data.
        turns = {degrees: turn for turn, degrees in CLOCKWISE.items()}
        return turns[round(-frame.rotation / 90) * 90 % 360]
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (MIRROR if a < 0 else 0) | (UPSIDE_DOWN if d < 0 else 0)
    return TRANSPOSE | (MIRROR if c < 0 else 0) | (UPSIDE_DOWN if b < 0 else 0)


def exif_turn(file: BinaryIO) -> int:
    """Return the turn that the EXIF data of a JPEG, PNG, WebP or TIFF ask for; 0 without any."""
    file.seek(0)
    head = file.read(65536)
    try:
        at = _exif_offset(head, file)
        return 0 if at is None else _EXIF_TURNS.get(_orientation(file, at), 0)
    except (struct.error, OSError):
        return 0  # a damaged directory says nothing


def _exif_offset(head: bytes, file: BinaryIO) -> int | None:
    """Return where the EXIF data, which have the form of a TIFF file, begin."""
    if head.startswith(b"\xff\xd8"):
        at = head.find(_MARK)
        return at + len(_MARK) if at >= 0 else None
    if head[:4] in (b"II*\0", b"MM\0*"):
        return 0
    if head.startswith(b"\x89PNG"):
        return _find_chunk(file, b"eXIf", at=8, form=">I4s", trailer=4)
    if head[8:12] == b"WEBP":
        return _find_chunk(file, b"EXIF", at=12, form="<4sI", trailer=0)
    return None


def _find_chunk(file: BinaryIO, name: bytes, at: int, form: str, trailer: int) -> int | None:
    """Return where the content of the first chunk of a name begins.

    Args:
        file: What is looked into.
        name: Of the chunk.
        at: Where the first chunk begins.
        form: Of the name and length before each content.
        trailer: Bytes behind each content.
    """
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return None
        one, other = struct.unpack(form, head)
        found, length = (one, other) if isinstance(one, bytes) else (other, one)
        if found == name:
            # Some writers of WebP put in front what belongs to JPEG.
            return at + 8 + (len(_MARK) if file.read(len(_MARK)) == _MARK else 0)
        at += 8 + length + trailer
        if not trailer:
            at += length % 2
    return None


def _orientation(file: BinaryIO, at: int) -> int:
    """Return the value of the orientation tag in the first directory of TIFF data; 0 without."""
    file.seek(at)
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", head, 4)
    file.seek(at + directory)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    entries = file.read(12 * count)
    for index in range(count):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", entries, 12 * index)
        if tag == _ORIENTATION:
            return int(value)
    return 0

"""How a decoded picture must be turned for display."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

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


def turn_of(frame: VideoFrame, path: str | None = None) -> int:
    """Return the turn of a decoded picture.

    The display matrix maps x' = a x + c y, y' = b x + d y (ISO 14496-12, 8.5.2); it is taken to the
    nearest right angle.

    Args:
        frame: As decoded.
        path: File of a still image, whose EXIF data are read where PyAV does not show the matrix.
    """
    try:
        data = cast(Any, frame.side_data)[SideDataType.DISPLAYMATRIX]
    except KeyError:
        return 0
    except ValueError:
        # PyAV 18 knows no name for EXIF side data, and then shows none of a frame's side data.
        turns = {degrees: turn for turn, degrees in CLOCKWISE.items()}
        rotated = turns[round(-frame.rotation / 90) * 90 % 360]
        return exif_turn(path) or rotated if path is not None else rotated
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (MIRROR if a < 0 else 0) | (UPSIDE_DOWN if d < 0 else 0)
    return TRANSPOSE | (MIRROR if c < 0 else 0) | (UPSIDE_DOWN if b < 0 else 0)


def exif_turn(path: str) -> int:
    """Return the turn that a JPEG's EXIF data ask for; 0 where there are none."""
    with Path(path).open("rb") as file:
        head = file.read(65536)
    at = head.find(b"Exif\0\0")
    if not head.startswith(b"\xff\xd8") or at < 0:
        return 0
    tiff = head[at + 6 :]
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for index in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * index)
            if tag == _ORIENTATION:
                return _EXIF_TURNS.get(value, 0)
    except struct.error:
        pass  # a damaged directory says nothing
    return 0

"""Faces of any size in one picture.

The whole picture is searched in overlapping tiles, coarse and fine. What is found there, or is
expected because it was there a moment ago, is looked at once more from near: that rejects hands and
hair, which look like faces from afar, and gives points of the same quality for faces of all sizes.
The two detectors look at the same time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from affectscope.video.detector import FULL_SIDE, SHORT_SIDE, FaceDetector, shrunk
from affectscope.video.faces import Box, Face, intersection, merge, overlap

Image = NDArray[np.uint8]
First = TypeVar("First")
Second = TypeVar("Second")

FINEST_TILE = 384
"""Pixels of a picture that a tile of the finest level covers, reduced to half for the detector. Of the
faces of 36 pixels and more in pictures made of shrunk photographs 99 % were found so, 88 % with tiles
of 512 pixels and 68 % with 640 (`training/face_finding.py`)."""

COARSER = 3
"""By how much the tiles of a level are larger than those of the next finer one."""

SHARED = 40
"""Pixels, as the detector sees them, that neighbouring tiles share."""

MOST_TILES = 12
"""Tiles of the finest level in a video, which has to be searched again and again: as many as 1280 x
720 pixels need. They get larger where a picture is larger."""

MOST_TILES_STILL = 200
"""Likewise in a still image; as many as 12 megapixels need."""

AROUND = (2.2, 1.6, 3.0)
"""How many times as wide as a face the region is that is looked at from near; the first of these
does for most."""

SEEN_WELL = 0.8
"""Score from near with which there is no need to look again."""

SURE_UNSEEN = 0.85
"""A face that is not seen from near counts all the same where its score from afar is this high."""

LEAST_FROM_NEAR = 0.65
"""Least score from near of a face that nobody expected. Nearly all faces of those pictures have .73
and more, many of the tight, poor images of FER+ less; heads whose face was erased up to .75."""

_SAME = 0.25
_WITHIN = 0.6
"""Least overlap of a face from near with the one from afar, or least share of it that lies within."""


def search(
    detector: FaceDetector,
    image: Image,
    expected: Sequence[Box] = (),
    *,
    still: bool = False,
    tiles: range | None = None,
) -> list[Face]:
    """Find all faces of a picture, of 36 pixels up to the whole picture.

    Args:
        detector: Not in use by anybody else; its two detectors look at the same time.
        image: uint8 [height, width, 3], red, green, blue.
        expected: Boxes of faces that are known: less evidence is asked of these than of new ones.
        still: Whether this is the only look at them, which may take its time.
        tiles: Which tiles of the finest level are searched, counted round and round; None for all.

    Returns:
        The faces, best score first.
    """
    longest = max(image.shape[:2])

    def from_afar() -> list[Face]:
        found = detector.full_range(image)
        tile = _finest(image.shape, MOST_TILES_STILL if still else MOST_TILES)
        if tile < longest:
            found += _in_tiles(detector.full_range, image, tile, FULL_SIDE, SHARED, tiles)
        while still and (tile := tile * COARSER) < longest:
            found += _in_tiles(detector.full_range, image, tile, FULL_SIDE, SHARED)
        return found

    def from_near() -> tuple[list[Face], list[Face]]:
        found, tile = detector.short_range(image), FINEST_TILE
        while still and tile < longest:
            found += _in_tiles(detector.short_range, image, tile, SHORT_SIDE, SHORT_SIDE // 2)
            tile *= 2
        return found, look_again(detector, image, expected)

    afar, (found, seen) = _at_once(from_afar, from_near)
    found += afar
    for face in merge(found):
        if any(_are_one(face, one) for one in seen):
            continue
        near = _from_near(detector, image, face)
        if near is not None:
            seen.append(near)
        elif face.score >= SURE_UNSEEN:
            seen.append(face)
    return merge(seen)


def _at_once(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Return what two functions return, the first of which runs in a thread of its own.

    A profiler sees one thread only: under one, they run one after the other.
    """
    if sys.getprofile() is not None:
        return first(), second()
    with ThreadPoolExecutor(1, thread_name_prefix="video-search") as beside:
        running = beside.submit(copy_context().run, first)
        other = second()
        return running.result(), other


def look_again(detector: FaceDetector, image: Image, boxes: Sequence[Box]) -> list[Face]:
    """Find the faces that are expected in a picture, and no others.

    Args:
        detector: Not in use by anybody else.
        image: uint8 [height, width, 3], red, green, blue.
        boxes: x, y, width, height in pixels of where each is expected.

    Returns:
        The faces, best score first; fewer where some are not there.
    """
    found = []
    for box in boxes:
        middle = _middle(box)
        # Whatever else is in the region is found where it is expected itself, or by the next search.
        nearest = min(
            _in_region(detector, image, box),
            key=lambda face: math.dist(_middle(face.box), middle),
            default=None,
        )
        if nearest is not None:
            found.append(nearest)
    return merge(found)


def _finest(shape: tuple[int, ...], most: int) -> int:
    """Return the pixels that a tile of the finest level covers."""
    tile = FINEST_TILE
    while (
        count := math.prod(
            len(_starts(side, tile, tile * SHARED // FULL_SIDE)) for side in shape[:2]
        )
    ) > most:
        tile = math.ceil(tile * max(1.02, math.sqrt(count / most)))
    return tile


def _starts(side: int, tile: int, shared: int) -> list[int]:
    """Return where the tiles along one side begin, evenly."""
    count = max(1, math.ceil((side - shared) / (tile - shared)))
    return (
        [round(index * (side - tile) / (count - 1)) for index in range(count)] if count > 1 else [0]
    )


def _in_tiles(
    look: Callable[[Image], list[Face]],
    image: Image,
    tile: int,
    side: int,
    shared: int,
    some: range | None = None,
) -> Iterator[Face]:
    """Search one level.

    Args:
        look: A detector.
        image: The whole picture.
        tile: Its pixels that a tile covers.
        side: Pixels of a tile as the detector sees it.
        shared: How many of these neighbours share.
        some: Which tiles, counted round and round; None for all.
    """
    longest = max(image.shape[:2])
    small = shrunk(image, round(longest * side / tile))
    height, width = small.shape[:2]
    back = longest / max(height, width)
    corners = list(product(_starts(height, side, shared), _starts(width, side, shared)))
    if some is not None and len(some) < len(corners):
        corners = [corners[index % len(corners)] for index in some]
    for top, left in corners:
        for face in look(small[top : top + side, left : left + side]):
            yield face.moved(left, top).moved(0, 0, back)


def _from_near(detector: FaceDetector, image: Image, face: Face) -> Face | None:
    """Look at one face from near, until it is seen well; None where it is none."""
    best = None
    for around in AROUND:
        for near in _in_region(detector, image, face.box, around):
            if _are_one(face, near) and (best is None or near.score > best.score):
                best = near
        if best is not None and best.score >= SEEN_WELL:
            break
    return best if best is not None and best.score >= LEAST_FROM_NEAR else None


def _are_one(afar: Face, near: Face) -> bool:
    """Tell whether two detections are of one face."""
    within = intersection(near, afar) > _WITHIN * near.box[2] * near.box[3]
    return within or overlap(near, afar) > _SAME


def _middle(box: Box) -> tuple[float, float]:
    x, y, width, height = box
    return x + width / 2, y + height / 2


def _in_region(
    detector: FaceDetector, image: Image, box: Box, around: float = AROUND[0]
) -> Iterator[Face]:
    """Find faces in the region around a box."""
    reach = around * max(box[2:]) / 2
    left, top = (max(0, math.floor(c - reach)) for c in _middle(box))
    right, bottom = (math.ceil(c + reach) for c in _middle(box))
    region = image[top : max(0, bottom), left : max(0, right)]
    if min(region.shape[:2]) > 1:
        for face in detector.short_range(region):
            yield face.moved(left, top)

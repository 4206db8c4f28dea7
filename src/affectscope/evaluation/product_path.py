"""Faces as the product meets them: somewhere in a picture, to be found and cut out first."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video import Face, crop_faces
from affectscope.video.detector import borrowed_detector
from affectscope.video.finder import search

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 640, 480
SIDE = 192
"""Pixels of the picture, and of the face image that is set into its middle."""


def picture_of(image: Image, side: int = SIDE) -> Image:
    """Set a small grey image of a face, enlarged, into the middle of a picture.

    Around it is the same image, stretched over the picture and blurred, so that nothing of it looks
    like a face.

    Args:
        image: uint8 [height, width].
        side: Pixels that it takes.

    Returns:
        uint8 [480, 640, 3].
    """
    picture = cv2.GaussianBlur(cv2.resize(image, (WIDTH, HEIGHT)), (0, 0), 40)
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    picture[top : top + side, left : left + side] = cv2.resize(
        image, (side, side), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB), np.uint8)


def is_in_the_middle(face: Face, side: int = SIDE) -> bool:
    """Tell whether a detection is of the image that was set in, and not of what is around it."""
    x, y, width, height = face.box
    near = abs(x + width / 2 - WIDTH / 2) < 0.3 * side
    return near and abs(y + height / 2 - HEIGHT / 2) < 0.35 * side and 0.4 < width / side < 1.5


def crops_of(images: NDArray[np.uint8]) -> Iterator[Image | None]:
    """Yield what detection and alignment make of each image; None where no face is found.

    Args:
        images: uint8 [n, height, width].
    """
    with borrowed_detector() as detector:
        for image in images:
            picture = picture_of(image)
            found = [
                face for face in search(detector, picture, still=True) if is_in_the_middle(face)
            ]
            yield crop_faces(picture, found[:1])[0] if found else None

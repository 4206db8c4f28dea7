"""A square cut out of a picture, turned upright."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray


def square(
    middle: tuple[float, float], side: float, angle: float, pixels: int
) -> NDArray[np.float64]:
    """Return the map [2, 3] from the pixels of a square patch to those of the picture.

    Args:
        middle: x and y of the square's centre in the picture.
        side: Its side in pixels of the picture.
        angle: By how much it is turned, in radians, clockwise positive.
        pixels: Its side as cut out.
    """
    step = side / pixels
    cos, sin = step * math.cos(angle), step * math.sin(angle)
    half = (pixels - 1) / 2
    x, y = middle
    return np.array(
        [[cos, -sin, x - (cos - sin) * half], [sin, cos, y - (sin + cos) * half]], np.float64
    )


def cut_out(
    image: NDArray[np.uint8], square: NDArray[np.float64], pixels: int, border: int
) -> NDArray[np.uint8]:
    """Cut a square out of a picture.

    Args:
        image: uint8 [height, width, 3].
        square: As the function of that name gives it.
        pixels: Side of what is returned.
        border: OpenCV's name for what lies beyond the picture.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(image, square, (pixels, pixels), flags=flags, borderMode=border)
    return np.asarray(patch, np.uint8)

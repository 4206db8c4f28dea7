"""What a lens, a sensor and a codec do to the picture of a face: conditions to score a model under."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A grey face, uint8 [height, width]."""


def smaller(image: Image, side: int) -> Image:
    """Show a face as a camera does to which it is `side` pixels wide."""
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[::-1]), np.uint8)


def blurred(image: Image, sigma: float) -> Image:
    """Blur by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def compressed(image: Image, quality: int) -> Image:
    """Compress by itself as a JPEG of `quality`, 0 to 100."""
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def dark(image: Image, light: float, rng: np.random.Generator) -> Image:
    """Expose a share of the light: the sensor's noise stays, of 2 grey levels, and steps coarsen."""
    seen = image * light + rng.normal(0, 2, image.shape)
    return np.asarray(seen.round().clip(0, 255), np.uint8)


CONDITIONS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "blur": lambda image, rng: blurred(image, 1.5),
    "jpeg_30": lambda image, rng: compressed(image, 30),
    "24_pixels": lambda image, rng: smaller(image, 24),
    "dark": lambda image, rng: dark(image, 0.1, rng),
}
"""Of faces of 48 x 48 pixels: a Gaussian of 1.5 pixels, JPEG at quality 30, a face 24 pixels wide,
and a tenth of the light."""


def damaged(images: Image, condition: str) -> Image:
    """Return faces uint8 [n, height, width] under one of `CONDITIONS`, the same at every call."""
    rng = np.random.default_rng(0)
    return np.stack([CONDITIONS[condition](image, rng) for image in images])

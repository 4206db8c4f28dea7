"""FER+ as arrays: images, soft targets over eight expressions, and the scoring protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 8
"""The first eight columns of the votes are expressions; `unknown` and `not a face` follow."""


@dataclass
class Faces:
    """Images uint8 [n, 48, 48] with vote shares float32 [n, 8] and, where scored, labels [n]."""

    images: NDArray[np.uint8]
    shares: NDArray[np.float32]
    labels: NDArray[np.int64]


def _votes(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Drop votes of one, which the authors of FER+ take for noise."""
    return np.where(votes > 1, votes, 0).astype(np.float32)


def for_training(path: Path, *, without: NDArray[np.uint8] | None = None) -> Faces:
    """Load images whose votes are mostly for an expression, less the twins of `without`."""
    data = np.load(path)
    images, votes = data["images"], _votes(data["votes"])
    keep = votes[:, :CLASSES].sum(1) > votes[:, CLASSES:].sum(1)
    if without is not None:
        scored = {image.tobytes() for image in without}
        keep &= np.array([image.tobytes() not in scored for image in images])
    shares = votes[keep, :CLASSES]
    shares /= shares.sum(1, keepdims=True)
    return Faces(images[keep], shares, shares.argmax(1))


def for_scoring(path: Path) -> Faces:
    """Load the images that the FER+ protocol scores: one expression has most of the votes."""
    data = np.load(path)
    votes = _votes(data["votes"])
    top = votes.argmax(1)
    keep = (top < CLASSES) & (votes.max(1) > votes.sum(1) / 2)
    shares = votes[keep, :CLASSES]
    return Faces(data["images"][keep], shares / shares.sum(1, keepdims=True), top[keep])

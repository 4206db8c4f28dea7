"""Measure where FER+ images have a face.

``python -m training.face_crop ../shared/data/faces/ferplus_dev.npz``

FER+ images are enlarged and set into a picture of 640x480, and found there. First come the relations
that `affectscope.video.crop` holds as constants: medians, and median absolute deviations, in shares
of the image's side. What the way through the product costs in accuracy, `affectscope evaluate face
--product-path` tells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from affectscope.evaluation.product_path import HEIGHT, is_in_the_middle, picture_of
from affectscope.video import Face
from affectscope.video.detector import borrowed_detector
from affectscope.video.finder import search
from training.face.prepare import for_scoring


def relations(face: Face, side: int) -> list[float]:
    """Return distance of the eyes, eyes to mouth, width of the box, and how high the eyes are."""
    eyes = face.points[:2].mean(0)
    apart = np.hypot(*(face.points[1] - face.points[0]))
    down = np.hypot(*(face.points[3] - eyes))
    return [apart / side, down / side, face.box[2] / side, (HEIGHT / 2 - eyes[1]) / side]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=500)
    arguments = parser.parse_args()
    faces = for_scoring(arguments.data)
    chosen = np.random.default_rng(1).choice(len(faces.images), arguments.images, replace=False)
    with borrowed_detector() as detector:
        for side in (144, 192, 288):
            rows = []
            for image in faces.images[chosen]:
                found = search(detector, picture_of(image, side), still=True)
                rows += [relations(f, side) for f in found[:1] if is_in_the_middle(f, side)]
            middle = np.median(rows, 0)
            spread = np.median(np.abs(rows - middle), 0)
            print(f"{side} pixels, {len(rows)} of {len(chosen)} found:")
            print("  eyes apart, eyes to mouth, box, eyes above centre")
            print(f"  {middle.round(3)} +- {spread.round(3)}")


if __name__ == "__main__":
    main()

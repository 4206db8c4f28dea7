"""Measure where FER+ images have a face, and what the way through the product costs in accuracy.

``python -m training.face_crop ../shared/data/faces/ferplus_dev.npz``

FER+ images are enlarged and set into a blurred canvas of 640x480; both detectors look at it. First
come the relations that `affectscope.video.crop` holds as constants: medians, and median absolute
deviations, in shares of the image's side. Then the accuracy of the model on the images as they are,
and on what detector and crop make of the canvas; a face that is not found counts as wrong in the
last column.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video import ExpressionModel, Face, crop_faces
from affectscope.video.detector import borrowed_detector
from affectscope.video.faces import merge
from training.face.prepare import for_scoring

WIDTH, HEIGHT = 640, 480


def scene(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Set an image, enlarged to `side` pixels, into the middle of a canvas."""
    canvas = cv2.GaussianBlur(cv2.resize(image, (WIDTH, HEIGHT)), (0, 0), 40)
    left, top = (WIDTH - side) // 2, (HEIGHT - side) // 2
    canvas[top : top + side, left : left + side] = cv2.resize(
        image, (side, side), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(cv2.cvtColor(canvas, cv2.COLOR_GRAY2RGB), np.uint8)


def is_the_face(face: Face, side: int) -> bool:
    """Tell whether a detection is of the image and not of the canvas around it."""
    x, y, width, height = face.box
    near = abs(x + width / 2 - WIDTH / 2) < 0.3 * side
    return near and abs(y + height / 2 - HEIGHT / 2) < 0.35 * side and 0.4 < width / side < 1.5


def relations(face: Face, side: int) -> list[float]:
    """Return distance of the eyes, eyes to mouth, width of the box, and how high the eyes are."""
    eyes = face.points[:2].mean(0)
    apart = np.hypot(*(face.points[1] - face.points[0]))
    down = np.hypot(*(face.points[3] - eyes))
    return [apart / side, down / side, face.box[2] / side, (HEIGHT / 2 - eyes[1]) / side]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=500)
    arguments = parser.parse_args()
    faces = for_scoring(arguments.data)
    chosen = np.random.default_rng(1).choice(len(faces.images), arguments.images, replace=False)
    images, labels = faces.images[chosen], faces.labels[chosen]
    model = ExpressionModel()
    right = model.predict(images).argmax(1) == labels
    print(f"model on the images: {right.mean():.3f} of {len(images)}")
    with borrowed_detector() as detector:
        for side in (144, 192, 288):
            measured: tuple[list[list[float]], list[list[float]]] = ([], [])
            crops, kept = [], []
            for index, image in enumerate(images):
                canvas = scene(image, side)
                found = [f for f in detector.candidates(canvas) if is_the_face(f, side)]
                for face in found:
                    measured[face.full_range].append(relations(face, side))
                for face in merge(found)[:1]:
                    crops.append(crop_faces(canvas, [face])[0])
                    kept.append(index)
            through = model.predict(np.array(crops)).argmax(1) == labels[kept]
            print(
                f"{side} pixels: found {len(kept)}; of these right {right[kept].mean():.3f} as they "
                f"are, {through.mean():.3f} through the product; "
                f"of all {through.sum() / len(images):.3f}"
            )
            for name, rows in zip(("short range", "full range"), measured, strict=True):
                middle = np.median(rows, 0)
                spread = np.median(np.abs(rows - middle), 0)
                print(f"  {name} ({len(rows)}): eyes apart, eyes to mouth, box, eyes above centre")
                print(f"    {middle.round(3)} +- {spread.round(3)}")


if __name__ == "__main__":
    main()

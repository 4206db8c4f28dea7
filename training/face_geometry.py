"""Measure how the mesh sees faces that mostly look into the camera.

``python -m training.face_geometry ../shared/data/faces/ferplus_dev.npz``

FER+ images are enlarged and set into a picture of 640x480, found, and fitted by the mesh. Printed
are percentiles of every figure of `affectscope.video.behaviour`, and its median by expression: what
it says of a smile should be highest where people saw happiness. Then, what
`affectscope.video.following` has to know: how the detector's box lies to the box around the mesh.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import vocabulary
from affectscope.evaluation.product_path import picture_of
from affectscope.video import Face
from affectscope.video.behaviour import behaviour
from affectscope.video.detector import borrowed_detector
from affectscope.video.faces import tilt
from affectscope.video.finder import search
from training.face.prepare import for_scoring


def box_around(points: NDArray[np.float32], face: Face) -> tuple[float, float]:
    """Return how the detector's box lies to the upright box around the mesh.

    That is its side in roots of that box's area, and how far its middle is below, in its own sides.
    """
    held = tilt(face)
    cos, sin = math.cos(held), math.sin(held)
    turn = np.array([[cos, -sin], [sin, cos]])
    upright = points[:468, :2] @ turn
    low, high = upright.min(0), upright.max(0)
    x, y, side, height = face.box
    middle = np.array([x + side / 2, y + height / 2]) @ turn
    return side / math.sqrt(float(np.prod(high - low))), (middle - (low + high) / 2)[1] / side


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--images", type=int, default=500)
    arguments = parser.parse_args()
    faces = for_scoring(arguments.data)
    rows: list[dict[str, float]] = []
    labels = []
    boxes = []
    with borrowed_detector() as detector:
        chosen = np.random.default_rng(2).choice(len(faces.images), arguments.images, replace=False)
        for index in chosen:
            picture = picture_of(faces.images[index])
            found = search(detector, picture)
            points = detector.mesh.fit(picture, found[0]) if found else None
            if points is not None:
                rows.append(behaviour(points))
                boxes.append(box_around(points, found[0]))
                labels.append(faces.labels[index])
    print(f"{len(rows)} of {arguments.images} images fitted")
    labels = [kind for kind, row in zip(labels, rows, strict=True) if "gaze_pitch_deg" in row]
    rows = [
        row | {"eyes_pitch_deg": row["gaze_pitch_deg"] - row["head_pitch_deg"]}
        for row in rows
        if "gaze_pitch_deg" in row
    ]
    names = vocabulary("ferplus-8").labels
    for name in rows[0]:
        values = np.array([row.get(name, np.nan) for row in rows])
        spread = np.nanpercentile(values, (5, 25, 50, 75, 95)).round(3).tolist()
        print(f"{name}: percentiles 5, 25, 50, 75, 95: {spread}")
        kinds = np.array(labels)
        medians = {
            names[kind]: round(float(np.nanmedian(values[kinds == kind])), 3)
            for kind in range(5)
            if (kinds == kind).any()
        }
        print(f"  median by expression: {medians}")
    middle = np.median(boxes, 0)
    spread = np.median(np.abs(boxes - middle), 0)
    print(f"side and height of the detector's box: {middle.round(3)} +- {spread.round(3)}")


if __name__ == "__main__":
    main()

"""Measure which faces are found in pictures made of shrunk photographs, and what is taken for one.

``python -m training.face_finding PHOTO.jpg ... VIDEO.mp4 ...``

The truth are the faces that are found in the photographs as they are: look at the numbers printed
first before you believe the rest. The photographs are shrunk until their smallest face has a width,
set side by side, and searched as a still image; ``--tile 512`` tries larger tiles. Then each face is
erased, and whatever is found is a false alarm, what was left of a head included. Last, bars are laid
over each face, and the distance of eyes and nose between mesh and detector is compared with that of
the face as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.media import read_frames
from affectscope.video import finder
from affectscope.video.detector import FaceDetector, borrowed_detector
from affectscope.video.faces import Box, Face
from affectscope.video.finder import look_again, search
from affectscope.video.quality import DISAGREE, disagreement

Image = NDArray[np.uint8]

SHAPES = ((480, 640), (667, 1000), (1280, 1920))
WIDTHS = (36, 50, 80, 150)
PICTURES = 6

BARS = {
    "forehead": (-0.1, -0.2, 1.1, 0.45),
    "eyes": (-0.1, 0.15, 1.1, 0.45),
    "one side": (-0.2, -0.2, 0.5, 1.3),
    "mouth": (-0.1, 0.55, 1.1, 1.2),
}
"""Left, top, right and bottom in shares of the box of a face."""


def photographs(paths: list[Path]) -> list[Image]:
    """Read images, and three frames of each video."""
    images: list[Image] = []
    for path in paths:
        with read_frames(path, 0.4) as reader:
            images += [frame.image for frame, _ in zip(reader, range(3), strict=False)]
    return images


def erased(image: Image, faces: list[Face]) -> Image:
    """Replace each face and what is around it by a few colours."""
    image = image.copy()
    for face in faces:
        x, y, width, height = face.box
        top, left = max(0, int(y - 0.5 * height)), max(0, int(x - 0.4 * width))
        part = image[top : int(y + 1.4 * height), left : int(x + 1.4 * width)]
        few = cv2.resize(part, (3, 3), interpolation=cv2.INTER_AREA)
        part[:] = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return image


def mosaic(
    images: list[Image], truth: list[list[Face]], shape: tuple[int, int], width: int, seed: int
) -> tuple[Image, list[Box]]:
    """Set shrunk photographs side by side; the smallest face of each is 1 to 1.5 widths wide."""
    random = np.random.default_rng(seed)
    picture, boxes = np.full((*shape, 3), 120, np.uint8), []
    top = 0
    while top < shape[0] - 60:
        left = tallest = 0
        while left < shape[1] - 60:
            chosen = int(random.integers(len(images)))
            least = min(face.box[2] for face in truth[chosen])
            scale = min(1.0, width * random.uniform(1, 1.5) / least)
            small = cv2.resize(
                images[chosen], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
            )
            part = picture[top : top + small.shape[0], left : left + small.shape[1]]
            part[:] = small[: part.shape[0], : part.shape[1]]
            for face in truth[chosen]:
                x, y, wide, high = (scale * value for value in face.box)
                if x > 2 and x + wide < part.shape[1] - 2 and y + high < part.shape[0] - 2:
                    boxes.append((left + x, top + y, wide, high))
            left += small.shape[1]
            tallest = max(tallest, small.shape[0])
        top += tallest
    return picture, boxes


def matches(face: Face, box: Box) -> bool:
    """Tell whether the middle of a face lies in the inner half of a box of about its size."""
    x, y, width, height = face.box
    dx, dy = x + width / 2 - box[0] - box[2] / 2, y + height / 2 - box[1] - box[3] / 2
    return abs(dx) < box[2] / 4 and abs(dy) < box[3] / 4 and 0.5 < width / box[2] < 2


def hidden(detector: FaceDetector, image: Image, face: Face) -> dict[str, float]:
    """Return the disagreement of mesh and detector by what hides the face; inf without a mesh."""
    x, y, width, height = face.box
    found = {}
    for name, (left, top, right, bottom) in {"nothing": (0.0, 0.0, 0.0, 0.0), **BARS}.items():
        covered = image.copy()
        if name != "nothing":
            corner = (int(x + left * width), int(y + top * height))
            other = (int(x + right * width), int(y + bottom * height))
            cv2.rectangle(covered, corner, other, (100, 100, 100), -1)
        for seen in look_again(detector, covered, [face.box])[:1]:
            points = detector.mesh.fit(covered, seen)
            found[name] = np.inf if points is None else disagreement(seen, points)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--tile", type=int, default=finder.FINEST_TILE)
    arguments = parser.parse_args()
    finder.FINEST_TILE = arguments.tile
    images = photographs(arguments.files)
    with borrowed_detector() as detector:
        truth = [search(detector, image, still=True) for image in images]
        print("faces in the photographs:", *(len(faces) for faces in truth))
        pairs = [(image, faces) for image, faces in zip(images, truth, strict=True) if faces]
        images, truth = [one for one, _ in pairs], [faces for _, faces in pairs]
        for shape in SHAPES:
            for width in WIDTHS:
                wanted = hits = 0
                scores: list[float] = []
                for seed in range(PICTURES):
                    picture, boxes = mosaic(images, truth, shape, width, seed)
                    found = search(detector, picture, still=True)
                    scores += [face.score for face in found]
                    wanted += len(boxes)
                    hits += sum(any(matches(face, box) for face in found) for box in boxes)
                if wanted:
                    low = np.percentile(scores, 1)
                    print(
                        f"{shape[1]}x{shape[0]}, faces from {width} px: {hits} of {wanted} found "
                        f"({hits / wanted:.1%}); 99 % have a score of {low:.2f} and more"
                    )
        for scale in (0.6, 1.0, 1.6):
            alarms = []
            for image, faces in pairs:
                blank = cv2.resize(erased(image, faces), None, fx=scale, fy=scale)
                found = search(detector, np.asarray(blank, np.uint8), still=True)
                alarms += [round(face.score, 2) for face in found]
            print(f"faces erased, scale {scale}: {len(alarms)} in {len(pairs)} pictures {alarms}")
        rows = [hidden(detector, image, face) for image, faces in pairs for face in faces]
    for name in ("nothing", *BARS):
        values = np.array([row[name] for row in rows if name in row])
        print(
            f"{name} hides the face: found {len(values)} of {len(rows)}, disagreement at most "
            f"{values.max():.3f}, above {DISAGREE} in {(values > DISAGREE).mean():.0%}"
        )


if __name__ == "__main__":
    main()

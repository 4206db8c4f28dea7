"""Scenes composed from the one portrait that the package ships."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.media import read_frames
from affectscope.samples import sample

Image = NDArray[np.uint8]


@pytest.fixture(scope="session")
def portrait() -> Image:
    """A frame of 480x360 with one face whose box is about 200 pixels wide."""
    with read_frames(sample("video"), 1.0) as reader:
        return list(reader)[4].image


@pytest.fixture
def write_film(tmp_path: Path) -> Callable[..., Path]:
    """Write pictures, all of one size, as an MP4."""

    def write(
        images: Iterable[Image], fps: int = 10, name: str = "scene.mp4", **options: str
    ) -> Path:
        path = tmp_path / name
        with av.open(path, "w", options=options) as target:
            stream = target.add_stream("libx264", rate=fps, options={"crf": "18"})
            stream.pix_fmt = "yuv420p"
            images = list(images)
            stream.height, stream.width = images[0].shape[:2]
            for index, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, fps)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def write_image(tmp_path: Path) -> Callable[..., Path]:
    """Write one picture as a PNG."""

    def write(image: Image, name: str = "scene.png") -> Path:
        path = tmp_path / name
        cv2.imwrite(str(path), image[:, :, ::-1])
        return path

    return write


@pytest.fixture(scope="session")
def crowd(portrait: Image) -> Image:
    """Four portraits of different sizes in one picture of 960x720."""
    scene = np.full((720, 960, 3), 128, np.uint8)
    scene[:360, :480] = portrait
    scene[:360, 480:] = portrait[:, ::-1]
    scene[360:, :480] = np.clip(portrait.astype(int) + 25, 0, 255)
    small = cv2.resize(portrait, (320, 240), interpolation=cv2.INTER_AREA)
    scene[420:660, 560:880] = small
    return scene

"""Frames a second of the video analyzer, beside the parts that DeepFace judges emotions with.

The face of the shipped sample, as a talking head of 640x480 and of 1280x720, every frame. DeepFace's
default detector is OpenCV's Haar cascade, with one for the eyes to align by; its emotion network has
five convolutions and two wide dense layers on 48x48 grey pixels, and random weights here, which are as
fast as trained ones. Both sides read the file, find the face in every frame and judge it; ours follows
it and measures its mesh besides. They take turns, so that a busy machine slows both, and the ratio is
the median over the rounds.

    pip install -r benchmarks/video_speed_requirements.txt    beside the project's own requirements
    python -m benchmarks.video_speed                          a table
    python -m benchmarks.video_speed --check                  and exit 1 where a bar is missed
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from affectscope.media import read_frames
from affectscope.samples import sample
from affectscope.video import VideoAnalyzer
from benchmarks.machine import facts, write_result

SIZES: Final = {(640, 480): 100.0, (1280, 720): 60.0}
"""Bar: frames a second of each size of picture."""

RATIO: Final = 10.0
"""Bar: times as many frames a second as the peer."""

_FRAMES = 250
_PEER_FRAMES = 40


def write_head(path: Path, width: int, height: int) -> None:
    """Write the sample's pictures, enlarged to cover a size, at 25 frames a second."""
    with read_frames(sample("video"), None) as reader:
        images = [frame.image for frame in reader]
    images += images[::-1]
    with av.open(path, "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"crf": "23", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(_FRAMES):
            image = images[index % len(images)]
            scale = max(width / image.shape[1], height / image.shape[0])
            large = cv2.resize(image, None, fx=scale, fy=scale)[:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(large), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def ours(path: Path, analyzer: VideoAnalyzer) -> float:
    """Return frames a second from the file to records; every frame has to have its face."""
    began = time.perf_counter()
    segments = sum(record.type == "segment" for record in analyzer.stream(path, None))
    seconds = time.perf_counter() - began
    if segments < 0.95 * _FRAMES:
        raise SystemExit(f"a face in {segments} of {_FRAMES} frames only")
    return _FRAMES / seconds


class Peer:
    """Haar cascades and an emotion network of DeepFace's shape."""

    def __init__(self) -> None:
        import torch
        from torch import nn

        torch.set_num_threads(2)
        self._torch = torch
        folder = Path(cv2.data.haarcascades)
        self._faces = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))
        self._eyes = cv2.CascadeClassifier(str(folder / "haarcascade_eye.xml"))
        self._network: Any = nn.Sequential(
            *(nn.Conv2d(1, 64, 5), nn.ReLU(), nn.MaxPool2d(5, 2)),
            *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.AvgPool2d(3, 2)),
            *(nn.Conv2d(64, 128, 3), nn.ReLU(), nn.Conv2d(128, 128, 3), nn.ReLU()),
            *(nn.AvgPool2d(3, 2, ceil_mode=True), nn.Flatten()),
            *(nn.Linear(128, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU()),
            *(nn.Linear(1024, 7), nn.Softmax(1)),
        ).eval()

    def frames_a_second(self, path: Path) -> float:
        """Return frames a second from the file to probabilities, over its first frames."""
        video = cv2.VideoCapture(str(path))
        began = time.perf_counter()
        for _ in range(_PEER_FRAMES):
            read, image = video.read()
            assert read
            grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            for x, y, width, height in self._faces.detectMultiScale(grey, 1.1, 10):
                face = grey[y : y + height, x : x + width]
                self._eyes.detectMultiScale(face, 1.1, 10)
                small = cv2.resize(face, (48, 48)).astype(np.float32) / 255
                with self._torch.no_grad():
                    self._network(self._torch.from_numpy(small)[None, None])
        return _PEER_FRAMES / (time.perf_counter() - began)


def measure(rounds: int) -> dict[str, Any]:
    """Measure both sides in turns."""
    analyzer, peer = VideoAnalyzer(), Peer()
    analyzer.load()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for (width, height), bar in SIZES.items():
            path = Path(folder, f"{width}.mp4")
            write_head(path, width, height)
            ours(path, analyzer)
            pairs = [(ours(path, analyzer), peer.frames_a_second(path)) for _ in range(rounds)]
            speed = statistics.median(one for one, _ in pairs)
            ratio = statistics.median(one / other for one, other in pairs)
            found[f"{width}x{height}"] = {
                "frames_a_second": speed,
                "peer_frames_a_second": statistics.median(other for _, other in pairs),
                "ratio": ratio,
                "within": speed >= bar and ratio >= RATIO,
            }
    return found


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    machine = facts()
    found = measure(options.rounds)
    for name, one in found.items():
        print(
            f"{name}: {one['frames_a_second']:.0f} frames a second, peer "
            f"{one['peer_frames_a_second']:.1f}: {one['ratio']:.1f} times as many"
        )
    print(f"stored in {write_result('video-speed', {'machine': machine, 'sizes': found})}")
    return 1 if options.check and not all(one["within"] for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

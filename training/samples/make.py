"""Make the speech and video samples: ``python -m training.samples.make --portrait astronaut.png``.

Needs the program ``espeak-ng`` and the file ``skimage/data/astronaut.png`` from the wheel of
scikit-image; `SOURCES.md` beside the samples has its hash and licence.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from affectscope.samples import SPOKEN, sample

PORTRAIT_SHA256 = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
WIDTH, HEIGHT, RATE = 480, 360, 25
VOICE = "en-us+f2"


def speak(path: Path) -> None:
    """Write the spoken sentence as mono 16 kHz WAV."""
    raw = path.with_suffix(".raw.wav")
    subprocess.run(["espeak-ng", "-v", VOICE, "-s", "140", "-w", raw, SPOKEN], check=True)
    with av.open(raw) as source, av.open(path, "w", options={"fflags": "+bitexact"}) as target:
        stream = target.add_stream("pcm_s16le", rate=16_000, layout="mono")
        resampler = AudioResampler(format="s16", layout="mono", rate=16_000)
        for frame in [*source.decode(audio=0), None]:
            for converted in resampler.resample(frame):
                target.mux(stream.encode(converted))
        target.mux(stream.encode(None))
    raw.unlink()


def view(portrait: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """Cut out the view at `share` of the way: from head and shoulders into the face.

    Args:
        portrait: uint8 [512, 512, 3].
        share: 0 to 1.
    """
    ease = 0.5 - 0.5 * np.cos(np.pi * share)
    width = 400 - 150 * ease
    left, top = 30 + 72 * ease, 0 + 28 * ease + 8 * np.sin(2 * np.pi * share)
    scale = WIDTH / width
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -max(0.0, top) * scale]])
    return np.asarray(
        cv2.warpAffine(portrait, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC), np.uint8
    )


def film(path: Path, portrait: NDArray[np.uint8], speech: Path) -> None:
    """Write the video sample with the speech as its sound."""
    with (
        av.open(speech) as source,
        av.open(path, "w", options={"movflags": "+faststart"}) as target,
    ):
        seconds = float(source.streams.audio[0].duration * source.streams.audio[0].time_base)
        video = target.add_stream("libx264", rate=RATE, options={"crf": "24", "threads": "1"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.time_base = Fraction(1, RATE)
        audio = target.add_stream("aac", rate=16_000, layout="mono")
        audio.bit_rate = 48_000
        count = int(seconds * RATE)
        for index in range(count):
            image = view(portrait, index / (count - 1))
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            target.mux(video.encode(frame))
        target.mux(video.encode(None))
        for sound in source.decode(audio=0):
            target.mux(audio.encode(sound))
        target.mux(audio.encode(None))


def main() -> None:
    """Make all samples again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portrait", type=Path, required=True)
    portrait = parser.parse_args().portrait
    if hashlib.sha256(portrait.read_bytes()).hexdigest() != PORTRAIT_SHA256:
        raise SystemExit(f"{portrait} is not the portrait that SOURCES.md names")
    speak(sample("speech"))
    image = cv2.cvtColor(cv2.imread(str(portrait)), cv2.COLOR_BGR2RGB)
    film(sample("video"), np.asarray(image, np.uint8), sample("speech"))


if __name__ == "__main__":
    main()

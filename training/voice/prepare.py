"""RAVDESS and nEMO as log-mel arrays, and which speakers are held out together."""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectscope.affect import vocabulary
from affectscope.speech.figures import figures
from affectscope.speech.logmel import RATE
from affectscope.speech.prosody import prosody_of
from affectscope.speech.sound import Sound

LABELS = vocabulary("ravdess-8").labels
_NEMO = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprised",
    "neutral": "neutral",
}
FOLDS = 6
"""Three actors and one Polish speaker are held out in each."""

CORES, CHUNK = 2, 32
"""Processes that read clips, and how many each takes at a time."""

Damage = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]
"""What is done to samples, by chance."""

_POLISH = ("EB0", "IC0", "KS0", "MP0", "SM0", "WR0")


@dataclass
class Clip:
    """One utterance: file, label number, speaker, corpus, log-mel [frames, 64], figures."""

    path: Path
    label: int
    speaker: str
    corpus: str
    mel: NDArray[np.float16]
    figures: dict[str, float]

    @property
    def fold(self) -> int:
        """In which fold its speaker is held out."""
        if self.corpus == "ravdess":
            return (int(self.speaker.removeprefix("Actor_")) - 1) // 3
        return _POLISH.index(self.speaker)


def listed(data: Path) -> list[tuple[Path, int, str, str]]:
    """Return (file, label number, speaker, corpus) of both corpora."""
    clips = []
    for path in sorted((data / "ravdess").glob("Actor_*/*")):
        clips.append((path, int(path.stem.split("-")[2]) - 1, path.parent.name, "ravdess"))
    with (data / "nemo" / "data.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            label = LABELS.index(_NEMO[row["emotion"]])
            clips.append((data / "nemo" / row["file"], label, row["speaker_id"], "nemo"))
    return clips


def samples_of(path: Path) -> NDArray[np.float32]:
    """Read a file as mono float32 at 16 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE)


def features_of(samples: NDArray[np.float32]) -> tuple[NDArray[np.float16], dict[str, float]]:
    """Return log-mel [frames, 64] of the spoken part, and figures, as the product computes them."""
    sound = Sound(samples)
    return sound.spoken.astype(np.float16), figures(sound, prosody_of(sound))


def load(data: Path) -> list[Clip]:
    """Read every clip and compute its features, on two cores."""
    clips = listed(data)
    with ProcessPoolExecutor(CORES, get_context("fork")) as pool:
        found = list(pool.map(_read, [path for path, *_ in clips], chunksize=CHUNK))
    return [Clip(*clip, *features) for clip, features in zip(clips, found, strict=True)]


def damaged(clips: list[Clip], damage: Damage) -> list[Clip]:
    """Return clips with their sound damaged before the front end."""
    paths, numbers = [clip.path for clip in clips], range(len(clips))
    with ProcessPoolExecutor(CORES, get_context("fork")) as pool:
        found = list(pool.map(partial(_spoil, damage), paths, numbers, chunksize=CHUNK))
    return [
        replace(clip, mel=mel, figures=figures)
        for clip, (mel, figures) in zip(clips, found, strict=True)
    ]


def _read(path: Path) -> tuple[NDArray[np.float16], dict[str, float]]:
    return features_of(samples_of(path))


def _spoil(damage: Damage, path: Path, seed: int) -> tuple[NDArray[np.float16], dict[str, float]]:
    return features_of(damage(samples_of(path), np.random.default_rng(seed)))

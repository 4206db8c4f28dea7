"""RAVDESS and nEMO as log-mel arrays, and which speakers are held out together."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectscope.affect import vocabulary
from affectscope.speech.logmel import RATE, log_mel, spoken
from affectscope.speech.prosody import prosody
from affectscope.speech.timbre import timbre

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

_POLISH = ("EB0", "IC0", "KS0", "MP0", "SM0", "WR0")


@dataclass
class Clip:
    """One utterance: file, label number, speaker, corpus, log-mel [frames, 64], manner."""

    path: Path
    label: int
    speaker: str
    corpus: str
    mel: NDArray[np.float16]
    manner: dict[str, float]

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
    """Return log-mel [frames, 64], and prosody and timbre, as the product computes them."""
    mel = spoken(log_mel(samples)).astype(np.float16)
    return mel, {**prosody(samples), **timbre(samples)}


def load(data: Path) -> list[Clip]:
    """Read every clip and compute its features."""
    return [
        Clip(path, label, speaker, corpus, *features_of(samples_of(path)))
        for path, label, speaker, corpus in listed(data)
    ]

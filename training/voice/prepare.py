"""RAVDESS and nEMO as log-mel arrays, with the speakers kept apart."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectscope.affect import vocabulary
from affectscope.speech.logmel import RATE, log_mel

LABELS = vocabulary("ravdess-8").labels
_NEMO = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprised",
    "neutral": "neutral",
}
SPEEDS = (0.9, 1.0, 1.1)

CALIBRATION = ("Actor_14", "Actor_15", "SM0")
SCORED = ("Actor_16", "Actor_17", "Actor_18", "WR0")
"""Speakers that no weight is fitted to: the first calibrate, the second are only scored."""


@dataclass
class Clip:
    """One utterance: its file, label number, speaker, and log-mel [frames, 64] at each speed."""

    path: Path
    label: int
    speaker: str
    mels: list[NDArray[np.float16]]


def listed(data: Path) -> list[tuple[Path, int, str]]:
    """Return (file, label number, speaker) of both corpora."""
    clips = []
    for path in sorted((data / "ravdess").glob("Actor_*/*")):
        clips.append((path, int(path.stem.split("-")[2]) - 1, path.parent.name))
    with (data / "nemo" / "data.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            label = LABELS.index(_NEMO[row["emotion"]])
            clips.append((data / "nemo" / row["file"], label, row["speaker_id"]))
    return clips


def load(data: Path) -> list[Clip]:
    """Read every clip and compute its features, at all `SPEEDS` where it is trained on."""
    clips = []
    for path, label, speaker in listed(data):
        samples, rate = soundfile.read(path, dtype="float32")
        if samples.ndim > 1:
            samples = samples.mean(1)
        trained = speaker not in CALIBRATION + SCORED
        mels = [
            log_mel(soxr.resample(samples, rate, RATE / speed).astype(np.float32)).astype(
                np.float16
            )
            for speed in (SPEEDS if trained else (1.0,))
        ]
        clips.append(Clip(path, label, speaker, mels))
    return clips

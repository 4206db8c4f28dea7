"""Count syllables of recorded sentences against those written down, and take the time of prosody.

``python -m training.speech_rate ../shared/data/speech``

Acted English sentences of RAVDESS, which all have seven syllables, and acted Polish sentences of nEMO,
where each letter of a vowel is a syllable but for an i before another vowel.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.speech.loudness import levels
from affectscope.speech.phrases import Phrases
from affectscope.speech.pitch import pitch
from affectscope.speech.prosody import prosody
from affectscope.speech.rate import QUIET_DB, speech_rate
from affectscope.speech.spectra import HOP_SECONDS, spectra

_RAVDESS = 7
_VOWEL = re.compile("i(?=[aeouyąęó])|[aeiouyąęó]")


def ravdess(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield each recording with its syllables."""
    for path in sorted((folder / "ravdess").glob("Actor_*/*")):
        yield path, _RAVDESS


def nemo(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield each recording with its syllables."""
    with (folder / "nemo/data.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            found = _VOWEL.findall(row["normalized_text"].lower())
            softening = len(re.findall("i(?=[aeouyąęó])", row["normalized_text"].lower()))
            yield folder / "nemo" / row["file"], len(found) - softening


def counted(path: Path) -> tuple[float, float, float]:
    """Return syllables of a file, its seconds of speech, and processor seconds of prosody."""
    syllables = seconds = spent = 0.0
    with Phrases(path) as phrases:
        for phrase in phrases:
            began = time.process_time()
            prosody(phrase.samples)
            spent += time.process_time() - began
            seconds += phrase.end - phrase.start
            syllables += syllables_of(phrase.samples)
    return syllables, seconds, spent


def syllables_of(samples: NDArray[np.float32]) -> float:
    """Return how many syllables the rate of a phrase stands for."""
    frames = spectra(samples)
    level = levels(frames)
    found = speech_rate(frames, level, pitch(frames).voiced)
    # The rate is that from the first sound to the last.
    sounding = np.flatnonzero(level >= np.percentile(level, 99) - QUIET_DB)
    return found.get("speech_rate_sps", 0.0) * (sounding[-1] + 1 - sounding[0]) * HOP_SECONDS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", type=int, default=200, help="of each collection, by chance")
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    for name, collection in (("RAVDESS", ravdess), ("nEMO", nemo)):
        files = list(collection(arguments.data))
        chosen = random.choice(len(files), min(arguments.files, len(files)), replace=False)
        rows = np.array([(*counted(files[i][0]), files[i][1]) for i in chosen])
        error = rows[:, 0] / rows[:, 3] - 1
        print(
            f"{name}: {len(rows)} files, mean error {error.mean():+.0%}, mean absolute error "
            f"{np.abs(error).mean():.0%}; prosody took {rows[:, 2].sum() / rows[:, 1].sum():.4f} "
            "processor seconds a second"
        )


if __name__ == "__main__":
    main()

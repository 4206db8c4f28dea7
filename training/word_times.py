"""Measure how far the times of the embedded transcript are from those of words that were joined.

``python -m training.word_times`` (needs the program ``espeak-ng``)

Every word is spoken alone, cut to what sounds, and joined with the next by a gap of nothing to
150 ms; so it is known when each begins and ends. Of the words that were recognised where they are,
the median distance counts. A synthetic voice: it says how well times fit, and not how well words are
recognised.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Word
from affectscope.media import read_audio
from affectscope.speech import PocketSphinx
from affectscope.speech.activity import SpeechFinder
from affectscope.speech.logmel import RATE

SENTENCES = (
    "the weather was very good this morning",
    "we want to go home before the night",
    "she said that the money came from the company",
    "people should read more books about science",
    "he never told me what happened after the meeting",
    "our school is between the church and the river",
    "they will build another house next year",
    "please open the window and close the door",
    "my brother works in a small office downtown",
    "the president will speak again on monday evening",
)
GAPS = (0.0, 0.05, 0.1, 0.15)
SILENCE = 0.6
"""Seconds before and after a sentence."""

SOUNDING = 0.02
"""Of the peak of a word: what is fainter before and behind is cut off."""


@dataclass(frozen=True)
class Spoken:
    """A word that was joined, with its times in seconds."""

    text: str
    start: float
    end: float


@cache
def said(word: str, voice: str) -> NDArray[np.float32]:
    """Return one word, cut to what sounds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "word.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", path, word], check=True)
        with read_audio(path) as reader:
            samples = np.concatenate([chunk.samples for chunk in reader])
    sounding = np.flatnonzero(np.abs(samples) > SOUNDING * np.abs(samples).max())
    return samples[sounding[0] : sounding[-1] + 1]


def joined(sentence: str, voice: str, gap: float) -> tuple[NDArray[np.float32], list[Spoken]]:
    """Return a sentence of words that were spoken alone, and when each of them is."""
    parts = [np.zeros(round(SILENCE * RATE), np.float32)]
    words = []
    for word in sentence.split():
        start = sum(map(len, parts)) / RATE
        parts.append(said(word, voice))
        words.append(Spoken(word, start, start + len(parts[-1]) / RATE))
        parts.append(np.zeros(round(gap * RATE), np.float32))
    parts.append(np.zeros(round(SILENCE * RATE), np.float32))
    return np.concatenate(parts), words


def heard(samples: NDArray[np.float32], engine: PocketSphinx) -> list[Word]:
    """Return the words of a signal with their times in it."""
    finder = SpeechFinder()
    phrases = [*finder.feed(samples, 0.0), *finder.finish()]
    return [word for phrase in phrases for word in engine.transcribe(phrase).words]


def distances(truth: list[Spoken], found: list[Word]) -> list[tuple[float, float]]:
    """Return seconds that start and end of each recognised word are late."""
    matcher = SequenceMatcher(
        None, [word.text for word in truth], [word.text for word in found], autojunk=False
    )
    return [
        (
            found[block.b + i].start - truth[block.a + i].start,
            found[block.b + i].end - truth[block.a + i].end,
        )
        for block in matcher.get_matching_blocks()
        for i in range(block.size)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--voices", nargs="+", default=["en-us", "en-us+f2"])
    arguments = parser.parse_args()
    engine = PocketSphinx()
    every = []
    for gap in GAPS:
        rows, spoken = [], 0
        for voice in arguments.voices:
            for sentence in SENTENCES:
                samples, words = joined(sentence, voice, gap)
                spoken += len(words)
                rows += distances(words, heard(samples, engine))
        every += rows
        print(f"gaps of {1000 * gap:3.0f} ms: {len(rows)} of {spoken} words, {_line(rows)}")
    print(f"all: {_line(every)}")


def _line(rows: list[tuple[float, float]]) -> str:
    late = 1000 * np.array(rows).reshape(-1, 2)
    off, middle = np.abs(late), np.median(late, axis=0)
    return "; ".join(
        f"{name} off by {np.median(off[:, i]):.0f} ms in the median, 90 of 100 within "
        f"{np.percentile(off[:, i], 90):.0f} ms, late by {middle[i]:+.0f} ms"
        for i, name in enumerate(("starts", "ends"))
    )


if __name__ == "__main__":
    main()

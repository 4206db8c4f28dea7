"""Spoil clear speech in known ways; tell how well that is seen, and what the voice model makes of it.

``python -m training.signal_quality ../shared/data/speech``

Phrases of RAVDESS and nEMO get noise, a narrower band, clipping or music. What was done is held against
what `affectscope.speech.signal_quality` measures; the accuracy of the voice model on the same phrases
says which flags should keep it from judging. That is one of its six pairs of networks, which
`training.voice` leaves in its folder: the pair that never heard these speakers. The phrases are those
that are found in the clear recordings.

The music is made here: chords of four bars, held or plucked, with or without drums.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from affectscope import models
from affectscope.affect import vocabulary
from affectscope.speech.logmel import RATE, log_mel
from affectscope.speech.phrases import Phrases
from affectscope.speech.prosody import prosody
from affectscope.speech.signal_quality import LOWEST_HZ, SignalQuality, signal_quality
from affectscope.speech.voice import SHORTEST_SECONDS, VoiceModel

Reals = NDArray[np.float32]
Spoil = Callable[[Reals], Reals]

ACTORS, SPEAKER = ("Actor_16", "Actor_17", "Actor_18"), "WR0"
_RAVDESS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_NEMO = {"anger": "angry", "fear": "fearful", "happiness": "happy", "sadness": "sad"}
_PROGRESSION = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))


class OnePair:
    """One pair of networks of the voice model, with the temperature of all.

    Args:
        path: An ONNX file.
    """

    def __init__(self, path: Path) -> None:
        self._session = onnxruntime.InferenceSession(path)
        self.card = models.card("voice-emotion")

    def run(self, logmel: Reals) -> dict[str, Reals]:
        """Return the logits, as `models.Model.run` does."""
        return {"logits": self._session.run(["logits"], {"logmel": logmel})[0]}


@dataclass(frozen=True)
class Spoken:
    """A phrase, and the emotion that was acted."""

    samples: Reals
    label: str


def recordings(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the recordings of the speakers with their labels."""
    for actor in ACTORS:
        for path in sorted((folder / "ravdess" / actor).iterdir()):
            yield path, _RAVDESS[int(path.name.split("-")[2]) - 1]
    with (folder / "nemo/data.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["speaker_id"] == SPEAKER:
                yield folder / "nemo" / row["file"], _NEMO.get(row["emotion"], row["emotion"])


def spoken(folder: Path, count: int) -> list[Spoken]:
    """Return the longest phrase of each of so many recordings, drawn by chance."""
    files = list(recordings(folder))
    chosen = np.random.default_rng(0).choice(len(files), min(count, len(files)), replace=False)
    found = []
    for path, label in (files[i] for i in chosen):
        with Phrases(path) as phrases:
            samples = max((one.samples for one in phrases), key=len, default=None)
        if samples is not None and len(samples) >= SHORTEST_SECONDS * RATE:
            found.append(Spoken(samples, label))
    return found


def scaled_to(noise: Reals, samples: Reals, decibels: float) -> Reals:
    """Return a noise that lies so many decibels below a signal, both counted above 60 Hz."""
    ratio = np.sqrt(_power(samples) / _power(noise)) * 10.0 ** (-decibels / 20.0)
    return (noise * ratio).astype(np.float32)


def _power(samples: Reals) -> float:
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    return float(spectrum[int(len(samples) * LOWEST_HZ / RATE) :].sum())


def coloured(rng: np.random.Generator, size: int, slope: float) -> Reals:
    """Return noise whose spectrum falls by `slope` times 3 dB an octave: 0 is white, 1 pink."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 20.0)
    return np.fft.irfft(spectrum / hertz ** (slope / 2), size).astype(np.float32)


def babble(rng: np.random.Generator, size: int, voices: list[Spoken]) -> Reals:
    """Return eight voices at once."""
    total = np.zeros(size, np.float32)
    for index in rng.choice(len(voices), 8):
        one = np.roll(np.resize(voices[index].samples, size), int(rng.integers(size)))
        total += one / np.sqrt(np.mean(one**2))
    return total


def music(rng: np.random.Generator, size: int) -> Reals:
    """Return chords with nine harmonics, held or plucked, with or without drums."""
    total = np.zeros(size)
    times = np.arange(size) / RATE
    beat, key, held = 60 / rng.uniform(80, 140), int(rng.integers(12)), rng.random() < 0.5
    offset = rng.uniform(0, 4 * beat)
    for bar in range(-1, int(times[-1] / beat / 4) + 2):
        chord = _PROGRESSION[bar % 4]
        for note in (*chord, chord[0] - 12):
            pitch = 440.0 * 2.0 ** ((note + key - 21) / 12)
            for start in (0.0,) if held else np.cumsum(beat * rng.choice([0.5, 1.0], 4)):
                began = 4 * bar * beat - offset + start
                length = 4 * beat if held else beat * rng.choice([1.0, 2.0])
                place = slice(
                    *np.clip([began * RATE, (began + length) * RATE], 0, size).astype(int)
                )
                after = times[place] - began
                swell = np.clip(after / 0.02, 0, 1) * np.clip((length - after) / 0.03, 0, 1)
                if not held:
                    swell = swell * np.exp(-2.5 * after)
                for harmonic in range(1, 10):
                    tone = np.sin(2 * np.pi * harmonic * pitch * after + harmonic)
                    total[place] += swell * tone / harmonic**1.2
    if rng.random() < 0.5:
        length = int(0.12 * RATE)
        fade = np.exp(-np.arange(length) / 800) * total.std()
        kick = 3 * np.sin(2 * np.pi * 60 * times[:length])
        for number, start in enumerate(np.arange(0, size - length, beat / 2 * RATE).astype(int)):
            stroke = kick if number % 2 == 0 else rng.standard_normal(length)
            total[start : start + length] += fade * stroke
    return total.astype(np.float32)


def low_pass(samples: Reals, hertz: float) -> Reals:
    """Return what lies below a frequency; the edge is some 100 Hz wide."""
    spectrum = np.fft.rfft(samples)
    away = np.clip((np.fft.rfftfreq(len(samples), 1 / RATE) - hertz) / 20.0, -50, 50)
    return np.fft.irfft(spectrum / (1.0 + np.exp(away)), len(samples)).astype(np.float32)


def telephone(samples: Reals) -> Reals:
    """Return what a telephone leaves: 300 to 3400 Hz."""
    low = low_pass(samples, 3400.0)
    return low - low_pass(low, 300.0)


def clipped(samples: Reals, decibels: float, *, soft: bool = False) -> Reals:
    """Return the signal clipped so far below its peak, then halved, so that it is below full scale."""
    most = float(np.abs(samples).max()) * 10.0 ** (-decibels / 20.0)
    tops = most * np.tanh(samples / most) if soft else np.clip(samples, -most, most)
    return (0.5 * tops).astype(np.float32)


def conditions(voices: list[Spoken]) -> dict[str, Spoil]:
    """Return what is done to the phrases, by name; a ratio in decibels stands at the end."""
    rng = np.random.default_rng(1)
    found: dict[str, Spoil] = {"nothing": lambda samples: samples}

    def added(make: Callable[[int], Reals], decibels: float) -> Spoil:
        return lambda samples: samples + scaled_to(make(len(samples)), samples, decibels)

    kinds: dict[str, Callable[[int], Reals]] = {
        "white noise": lambda size: coloured(rng, size, 0.0),
        "pink noise": lambda size: coloured(rng, size, 1.0),
        "babble": lambda size: babble(rng, size, voices),
        "music": lambda size: music(rng, size),
    }
    for name, make in kinds.items():
        for decibels in (20, 15, 10, 5, 0):
            found[f"{name} {decibels}"] = added(make, decibels)
    for hertz in (7000, 5500, 4000):
        found[f"up to Hz {hertz}"] = lambda samples, hertz=hertz: low_pass(samples, hertz)  # type: ignore[misc]
    found["telephone Hz 3400"] = telephone
    for decibels in (3, 6, 12):
        found[f"clipped {decibels}"] = lambda samples, d=decibels: clipped(samples, d)  # type: ignore[misc]
        found[f"softly clipped {decibels}"] = lambda samples, d=decibels: clipped(  # type: ignore[misc]
            samples, d, soft=True
        )
        found[f"clipped, telephone {decibels}"] = lambda samples, d=decibels: telephone(  # type: ignore[misc]
            clipped(samples, d)
        )
    found["music alone"] = lambda samples: scaled_to(music(rng, len(samples)), samples, 0.0)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--files", type=int, default=300, help="recordings, drawn by chance")
    parser.add_argument("--network", type=Path, default=Path("training/runs/voice/fold-5.onnx"))
    arguments = parser.parse_args()
    voices = spoken(arguments.data, arguments.files)
    model, labels = VoiceModel(), vocabulary("ravdess-8").labels
    model.__dict__["model"] = OnePair(arguments.network)
    seconds = sum(len(one.samples) for one in voices) / RATE
    print(
        f"{len(voices)} phrases, {seconds:.0f} s; columns: mean and standard deviation of snr_db,"
    )
    print("medians of the other measures, share of phrases with each flag, accuracy of the voice")
    for name, spoil in conditions(voices).items():
        right, found = 0, []
        for one in voices:
            samples = spoil(one.samples)
            found.append(signal_quality(samples))
            right += labels[int(model.predict(log_mel(samples)).argmax())] == one.label
        print(f"{name:22} {_row(found)}  accuracy {right / len(voices):.2f}", flush=True)
    spent = {}
    for call in (signal_quality, prosody):
        began = time.process_time()
        for one in voices:
            call(one.samples)
        spent[call] = time.process_time() - began
    print(
        f"processor time: {1000 * spent[signal_quality] / seconds:.2f} ms a second of sound, "
        f"{spent[signal_quality] / spent[prosody]:.2f} of that of prosody"
    )


def _row(found: list[SignalQuality]) -> str:
    values = {
        name: np.array([one.measures.get(name, np.nan) for one in found])
        for name in ("snr_db", "bandwidth_hz", "clipped_share", "steady_peaks")
    }
    shares = {
        flag: np.mean([flag in one.flags for one in found])
        for flag in ("noisy", "narrow-band", "clipped", "music")
    }
    return (
        f"snr {np.nanmean(values['snr_db']):5.1f} ({np.nanstd(values['snr_db']):3.1f})  "
        f"band {np.nanmedian(values['bandwidth_hz']):4.0f}  "
        f"tops {np.nanmedian(values['clipped_share']):.4f}  "
        f"peaks {np.nanmedian(values['steady_peaks']):4.1f}  "
        + " ".join(f"{flag} {share:.2f}" for flag, share in shares.items())
        + f" abstains {np.mean([one.abstain is not None for one in found]):.2f}"
    )


if __name__ == "__main__":
    main()

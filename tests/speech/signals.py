"""Signals and files for the tests of speech."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.media import read_audio
from affectscope.samples import sample

RATE = 16_000


def spoken() -> NDArray[np.float32]:
    """Return the sample sentence."""
    with read_audio(sample("speech")) as reader:
        return np.concatenate([chunk.samples for chunk in reader])


def tone(seconds: float, hertz: float = 440.0, level: float = 0.3) -> NDArray[np.float32]:
    """Return a pure tone."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def silence(seconds: float) -> NDArray[np.float32]:
    """Return digital silence."""
    return np.zeros(round(seconds * RATE), np.float32)


def write_wav(path: Path, samples: NDArray[np.float32]) -> Path:
    """Write 16-bit mono WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def write_channels(path: Path, *channels: NDArray[np.float32], rate: int = RATE) -> Path:
    """Write 16-bit WAV with as many channels; shorter ones end in silence."""
    samples = np.zeros((max(map(len, channels)), len(channels)), np.float32)
    for number, channel in enumerate(channels):
        samples[: len(channel), number] = channel
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def at(second: float, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return samples that start at a second, with silence before."""
    return np.concatenate([silence(second), samples])


def together(*signals: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of signals that start at the same moment."""
    whole = np.zeros(max(map(len, signals)), np.float32)
    for signal in signals:
        whole[: len(signal)] += signal
    return whole

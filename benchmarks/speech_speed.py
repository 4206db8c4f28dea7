"""Processor time of the speech analyzer, without words and with, beside a wav2vec2-base encoder.

The shipped sentence, again and again. The peer is what a user would take for the emotion of a voice:
the encoder of wav2vec2-base, 94 million parameters with random weights, which are as fast as trained
ones, on windows of five seconds; it reads the file as we do, and it finds no phrases and measures
nothing. Sides take turns; what counts is the time of processors, all threads and processes of a side
together, for each second of sound, and ratios are medians over the rounds.

    pip install -r benchmarks/speech_speed_requirements.txt    beside the project's own requirements
    python -m benchmarks.speech_speed                          a table
    python -m benchmarks.speech_speed --check                  and exit 1 where a bar is missed
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from affectscope.media import read_audio
from affectscope.samples import sample
from affectscope.speech import SpeechAnalyzer
from benchmarks.machine import facts, write_result

BARS: Final = {"without words": 0.02, "with words": 0.25}
"""Bar: processor seconds for each second of sound."""

RATIO: Final = 10.0
"""Bar: the peer's processor seconds over ours without words."""

_RATE = 16_000
_WINDOW_SECONDS = 5


def write_speech(path: Path, minutes: float) -> None:
    """Write the sample again and again, half a second apart, until it lasts so many minutes."""
    with read_audio(sample("speech")) as reader:
        sentence = np.concatenate([chunk.samples for chunk in reader])
    sentence = np.concatenate([sentence, np.zeros(_RATE // 2, np.float32)])
    data = (sentence * 32767).astype("<i2").tobytes()
    wanted = 2 * round(60 * minutes * _RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.setnframes(wanted // 2)
        while wanted > 0:
            file.writeframesraw(data[:wanted])
            wanted -= len(data)


def processor_seconds() -> float:
    """Return the time that this process and those that it started have taken of processors."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + ended.ru_utime + ended.ru_stime
    for child in psutil.Process().children(recursive=True):
        try:
            used = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system
    return total


def ours(path: Path, analyzer: SpeechAnalyzer, *, words: bool) -> None:
    """Analyse a file; its phrases have to be found."""
    found = sum(record.type == "segment" for record in analyzer.stream(path, transcribe=words))
    if not found:
        raise SystemExit("no phrase was found")


class Peer:
    """The encoder of wav2vec2-base."""

    def __init__(self) -> None:
        import torch
        from transformers import Wav2Vec2Config, Wav2Vec2Model

        torch.set_num_threads(2)
        self._torch = torch
        self._network: Any = Wav2Vec2Model(Wav2Vec2Config()).eval()

    def run(self, path: Path) -> None:
        """Encode a file, window by window."""
        with read_audio(path, chunk_seconds=_WINDOW_SECONDS) as reader, self._torch.no_grad():
            for chunk in reader:
                if len(chunk.samples) >= _RATE:
                    self._network(self._torch.from_numpy(chunk.samples.copy())[None])


def measure(minutes: float, rounds: int) -> dict[str, Any]:
    """Measure all sides in turns."""
    analyzer, peer = SpeechAnalyzer(), Peer()
    analyzer.load()
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder, "long.wav"), Path(folder, "short.wav")
        write_speech(long, minutes)
        write_speech(short, minutes / 10)
        sides: dict[str, tuple[Callable[[], None], float]] = {
            "without words": (lambda: ours(long, analyzer, words=False), 60 * minutes),
            "with words": (lambda: ours(short, analyzer, words=True), 6 * minutes),
            "wav2vec2-base": (lambda: peer.run(short), 6 * minutes),
        }
        found: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(rounds + 1):
            for name, (work, lasts) in sides.items():
                began = processor_seconds()
                work()
                if turn:  # the first one warms up
                    found[name].append((processor_seconds() - began) / lasts)
    return result(found)


def result(found: dict[str, list[float]]) -> dict[str, Any]:
    """Return medians, ratios to the peer, and whether they are within the bars."""
    peer = found["wav2vec2-base"]
    factors = {name: statistics.median(values) for name, values in found.items()}
    ratios = {
        name: statistics.median(b / a for a, b in zip(found[name], peer, strict=True))
        for name in BARS
    }
    within = all(factors[name] <= bar for name, bar in BARS.items())
    return {
        "realtime_factors": factors,
        "ratios": ratios,
        "within": within and ratios["without words"] >= RATIO,
    }


def table(result: dict[str, Any]) -> str:
    """Return the result as text."""
    lines = [
        f"{name}: {factor:.4f} processor seconds a second"
        + (f", {1 / result['ratios'][name]:.3f} of the peer's" if name in BARS else "")
        for name, factor in result["realtime_factors"].items()
    ]
    ratio = result["ratios"]["without words"]
    return "\n".join([*lines, f"without words {ratio:.1f} times as fast as the peer"])


def main() -> int:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of sound; a tenth for words")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="exit 1 where a bar is missed")
    options = parser.parse_args()
    machine = facts()
    found = measure(options.minutes, options.rounds)
    print(table(found))
    print(f"stored in {write_result('speech-speed', {'machine': machine, **found})}")
    return 1 if options.check and not found["within"] else 0


if __name__ == "__main__":
    sys.exit(main())

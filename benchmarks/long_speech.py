"""Whether the speech analyzer's memory stays as it is, however long a recording is.

    python -m benchmarks.long_speech                   three hours, without words
    python -m benchmarks.long_speech --words           and with the embedded transcript
    python -m benchmarks.long_speech --minutes 10      a shorter one, to see that it works
    python -m benchmarks.long_speech --check           and exit 1 when over the budget

The shipped sentence again and again. A process analyses it; its memory and that of the processes it
started is sampled, without what they share with others. Growth is that of the last tenth of the
recording over the tenth that follows its first two minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from affectscope.speech import SpeechAnalyzer
from benchmarks.machine import facts, write_result
from benchmarks.speech_speed import write_speech
from benchmarks.watched import MEGABYTE, watch

BUDGETMEGABYTES = 100.0
_SAMPLE_SECONDS = 0.25
_SETTLED = 120.0
"""Seconds of the recording after which caches and pools are taken to be filled."""

_NOTE_SECONDS = 5.0
"""Seconds of the recording from one note of progress to the next, or more."""


def analyse(path: str, *, words: bool) -> None:
    """Analyse a file and print a line of JSON for each note of progress: what `watched` reads."""
    told = 0.0
    for record in SpeechAnalyzer().stream(path, transcribe=words):
        if record.type == "segment" and record.segment.end - told >= _NOTE_SECONDS:
            told = record.segment.end
            print(json.dumps({"done": told}), flush=True)


@dataclass
class Course:
    """How an analysis went.

    Attributes:
        memory: (seconds of the recording, bytes of the process and those that it started).
        done: Seconds of the recording so far.
        spent: Seconds by the clock.
    """

    memory: list[tuple[float, float]] = field(default_factory=list)
    done: float = 0.0
    spent: float = 0.0

    def result(self) -> dict[str, Any]:
        """Return growth and peak in megabytes."""
        tenth = self.done / 10
        early = [used for at, used in self.memory if _SETTLED <= at < _SETTLED + tenth]
        late = [used for at, used in self.memory if at >= self.done - tenth]
        growth = (statistics.median(late) - statistics.median(early)) / MEGABYTE
        return {
            "seconds": self.done,
            "realtime_factor": self.spent / self.done,
            "settled_megabytes": statistics.median(early) / MEGABYTE,
            "growth_megabytes": growth,
            "peak_megabytes": max(used for _, used in self.memory) / MEGABYTE,
            "within": growth < BUDGETMEGABYTES,
        }


def watched(path: Path, *, words: bool) -> Course:
    """Analyse a file in a process of its own and look at its memory meanwhile."""
    course, began = Course(), time.perf_counter()

    def take(note: dict[str, Any]) -> None:
        course.done = note["done"]

    watch(
        ["benchmarks.long_speech", "--analyse", str(path), *(["--words"] if words else [])],
        take,
        lambda used: course.memory.append((course.done, used)),
        _SAMPLE_SECONDS,
    )
    course.spent = time.perf_counter() - began
    return course


def table(result: dict[str, Any]) -> str:
    """Return the result as text."""
    return (
        f"{result['seconds'] / 60:.1f} minutes at {result['realtime_factor']:.4f} of real time\n"
        f"memory after two minutes {result['settled_megabytes']:.1f} MB, "
        f"growth {result['growth_megabytes']:+.1f} MB (budget {BUDGETMEGABYTES:g}), "
        f"peak {result['peak_megabytes']:.1f} MB"
    )


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description="Long recordings: memory.")
    parser.add_argument("--minutes", type=float, default=180.0, help="of the recording, above 5")
    parser.add_argument("--words", action="store_true", help="with the embedded transcript")
    parser.add_argument("--check", action="store_true", help="exit 1 when over the budget")
    parser.add_argument("--analyse", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.analyse is not None:
        analyse(options.analyse, words=options.words)
        return 0
    if options.minutes <= 5:
        parser.error("--minutes: above 5, so that there is something after the first two")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write_speech(path, options.minutes)
        result = watched(path, words=options.words).result()
    print(table(result))
    write_result("long-speech", {"machine": facts(), "words": options.words, **result})
    return 1 if options.check and not result["within"] else 0


if __name__ == "__main__":
    sys.exit(main())

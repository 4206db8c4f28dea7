"""What is measured of speech, and what is made of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from affectscope.speech import SpeechAnalyzer
from benchmarks.speech_speed import ours, processor_seconds, result, table, write_speech


def test_the_time_of_children_counts_while_they_live_and_after() -> None:
    before = processor_seconds()
    busy = subprocess.Popen(
        [sys.executable, "-c", "sum(range(20_000_000)); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert busy.stdout is not None
    busy.stdout.readline()
    alive = processor_seconds()
    busy.communicate(b"\n")

    assert before < alive <= processor_seconds()


def test_a_file_without_phrases_is_no_measurement(tmp_path: Path) -> None:
    write_speech(tmp_path / "a.wav", minutes=0.12)
    write_speech(tmp_path / "short.wav", minutes=0.001)

    ours(tmp_path / "a.wav", SpeechAnalyzer(), words=False)
    with pytest.raises(SystemExit, match="no phrase"):
        ours(tmp_path / "short.wav", SpeechAnalyzer(), words=False)


@pytest.mark.parametrize(
    ("without", "words", "peer", "within"),
    [
        (0.01, 0.2, 0.2, True),
        (0.03, 0.2, 0.9, False),
        (0.01, 0.3, 0.2, False),
        (0.019, 0.2, 0.15, False),
    ],
)
def test_the_bars(without: float, words: float, peer: float, within: bool) -> None:
    found = {"without words": [without] * 3, "with words": [words] * 3, "wav2vec2-base": [peer] * 3}

    made = result(found)

    assert made["ratios"]["without words"] == pytest.approx(peer / without)
    assert made["within"] is within
    assert f"{peer / without:.1f} times as fast" in table(made)

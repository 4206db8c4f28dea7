"""The recording that is measured, and what is made of the measurements."""

from __future__ import annotations

from pathlib import Path

import pytest

from affectscope.media import read_audio
from benchmarks.long_speech import Course, analyse, table, watched
from benchmarks.speech_speed import write_speech


def test_the_sample_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_speech(path, minutes=0.3)

    with read_audio(path) as reader:
        seconds = sum(len(chunk.samples) for chunk in reader) / 16_000

    assert seconds == pytest.approx(18.0)
    assert not reader.truncated


def test_an_analysis_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_speech(path, minutes=2)

    course = watched(path, words=False)

    assert course.done > 100
    assert max(used for _, used in course.memory) > 20e6


def test_what_is_told_on_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "long.wav"
    write_speech(path, minutes=0.3)

    analyse(str(path), words=False)

    assert capsys.readouterr().out.count('{"done": ') >= 2


@pytest.mark.parametrize(("grows", "within"), [(0.0, True), (120e6, False)])
def test_the_budget(grows: float, within: bool) -> None:
    course = Course(done=1000.0, spent=10.0)
    course.memory = [(float(at), 200e6 + grows * at / 855) for at in range(1000)]

    result = course.result()

    assert result["growth_megabytes"] == pytest.approx(grows * (950 - 170) / 855 / 1e6, abs=1)
    assert result["within"] is within
    assert "16.7 minutes at 0.0100 of real time" in table(result)

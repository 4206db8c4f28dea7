"""The video that is measured, and what is made of the measurements."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path

import pytest

from affectscope.media import read_frames
from affectscope.samples import sample
from benchmarks.long_video import Course, analyse, table, watched, write_long


def test_the_sample_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    write_long(path, minutes=0.5)

    with read_frames(path, None) as reader:
        times = [frame.time for frame in reader]

    assert len(times) == 6 * 140
    assert all(b - a == pytest.approx(0.04) for a, b in pairwise(times))
    assert (reader.gaps, reader.damaged, reader.truncated) == (0, 0, False)


def test_an_analysis_is_watched() -> None:
    course = watched(sample("video"), fps=None)

    assert len(course.frames) > 100
    assert course.done == 5
    assert max(used for _, used in course.memory) > 20e6


def test_what_is_told_on_the_way() -> None:
    with redirect_stdout(io.StringIO()) as out:
        analyse(str(sample("video")), None)

    assert out.getvalue().count("\n") == 5


@pytest.mark.parametrize(
    ("grows", "slows", "within"), [(0.0, 1.0, True), (60e6, 1.0, False), (0.0, 1.2, False)]
)
def test_the_budgets(grows: float, slows: float, within: bool) -> None:
    course = Course(done=600.0)
    for second in range(600):
        late = second >= 540
        course.memory.append((float(second), 200e6 + grows * late))
        course.frames.append((float(second), 0.02, 0.01 * (slows if late else 1.0)))

    result = course.result()

    assert result["growth_megabytes"] == pytest.approx(grows / 1e6)
    assert result["slower"] == pytest.approx(slows)
    assert result["within"] is within
    assert "600 frames of 10.0 minutes" in table(result)

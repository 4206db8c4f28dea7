"""Phrases come one by one, however long the file, and the file's limits are told at the end."""

from pathlib import Path

import numpy as np
import pytest

from affectscope.errors import EmptyInput
from affectscope.samples import sample
from affectscope.speech.phrases import Phrases
from affectscope.telemetry import Timings
from tests.speech.signals import silence, spoken, write_wav


def test_phrases_lie_where_they_were_spoken(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.concatenate([silence(1), spoken(), silence(1)]))

    with Phrases(path) as phrases:
        found = list(phrases)
        notices = list(phrases.notices())

    assert phrases.duration == pytest.approx(7.62, abs=0.05)
    assert found[0].start > 0.8
    assert found[-1].end < 6.9
    assert notices == []


def test_a_phrase_comes_before_the_file_was_read(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.tile(np.concatenate([spoken(), silence(1)]), 6))
    timings = Timings()

    with timings.activate(), Phrases(path) as phrases:
        next(iter(phrases))

        assert timings.media.get("audio", 0) < 15
        assert set(timings.seconds) == {"decode", "detect"}


def test_a_faint_file_is_silent(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", silence(2))

    with Phrases(path) as phrases:
        assert list(phrases) == []
        assert [notice.flag for notice in phrases.notices()] == ["silent"]


def test_a_file_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(sample("speech").read_bytes()[:100_000])

    with Phrases(path) as phrases:
        assert list(phrases)
        assert [notice.flag for notice in phrases.notices()] == ["truncated"]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")

    with pytest.raises(EmptyInput):
        Phrases(tmp_path / "a.wav")

"""Phrases come one by one, however long the file, and the file's limits are told at the end."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.errors import EmptyInput, InvalidValue
from affectscope.samples import sample
from affectscope.speech.phrases import Phrases
from affectscope.telemetry import Timings
from tests.speech.signals import at, silence, spoken, write_channels, write_wav


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


def test_channels_are_told_apart(tmp_path: Path) -> None:
    path = write_channels(tmp_path / "a.wav", spoken(), at(7, spoken()))

    with Phrases(path) as phrases:
        assert phrases.count == 2
        assert {phrase.channel for phrase in phrases} == {1, 2}
        assert phrases.heard == pytest.approx(12.62, abs=0.01)
    with Phrases(path, "mix") as phrases:
        assert phrases.count == 1
        assert {phrase.channel for phrase in phrases} == {1}


def test_six_channels_are_mixed_unless_they_are_to_be_split(tmp_path: Path) -> None:
    quiet = silence(1)
    path = write_channels(tmp_path / "a.wav", spoken(), at(7, spoken()), *[quiet] * 4)

    with Phrases(path) as phrases:
        assert phrases.count == 1
        assert {phrase.channel for phrase in phrases} == {1}
    with Phrases(path, "split") as phrases:
        assert phrases.count == 6
        assert {phrase.channel for phrase in phrases} == {1, 2}


def test_more_channels_than_can_be_split_are_refused(tmp_path: Path) -> None:
    path = write_channels(tmp_path / "a.wav", *[silence(0.1)] * 10)

    with pytest.raises(InvalidValue, match="has 10 channels; valid: at most 8"):
        Phrases(path, "split")


def test_another_wish_for_channels_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'left'; valid: auto, mix, split"):
        Phrases(sample("speech"), "left")  # type: ignore[arg-type]


def test_sound_of_a_telephone_is_told_apart_too(tmp_path: Path) -> None:
    def narrow(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        kept = np.fft.rfft(samples)[: len(samples) // 4 + 1]
        return (np.fft.irfft(kept, len(samples) // 2) / 2).astype(np.float32)

    path = write_channels(tmp_path / "a.wav", narrow(spoken()), narrow(at(7, spoken())), rate=8_000)

    with Phrases(path) as phrases:
        found = [(phrase.channel, phrase.start > 6) for phrase in phrases]
    assert set(found) == {(1, False), (2, True)}

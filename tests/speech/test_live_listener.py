"""What is told of a voice depends on its signal alone, and agrees with the analysis of a file."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from affectscope.affect import SegmentFound
from affectscope.errors import EmptyInput
from affectscope.speech import SpeechAnalyzer
from affectscope.speech.live_listener import LiveListener, Told
from tests.speech.signals import RATE, silence, spoken, tone, write_wav


@pytest.fixture(scope="module")
def analyzer() -> SpeechAnalyzer:
    return SpeechAnalyzer()


@pytest.fixture(scope="module")
def signal() -> NDArray[np.float32]:
    parts = np.concatenate([silence(2), spoken(), silence(1.5)])
    # As 16-bit samples hold it.
    return ((parts * 32767).astype("<i2") / 32768).astype(np.float32)


def told(
    analyzer: SpeechAnalyzer,
    signal: NDArray[np.float32],
    size: int = 1600,
    *,
    stale: bool = False,
    **end: bool,
) -> list[Told]:
    listener = LiveListener(analyzer.hearing(transcribe=False), lambda: stale)
    found = [
        one for at in range(0, len(signal), size) for one in listener.feed(signal[at : at + size])
    ]
    return found + list(listener.finish(**end))


def messages(found: list[Told]) -> list[dict[str, Any]]:
    return [json.loads(one.message) for one in found]


def kinds(found: list[Told]) -> list[str]:
    return [one.get("state", one["type"]) for one in messages(found)]


@pytest.mark.parametrize("size", [1, 160, 511, 512, 513, 4000, 10**6])
def test_how_the_sound_arrives_makes_no_difference(
    analyzer: SpeechAnalyzer, signal: NDArray[np.float32], size: int
) -> None:
    part = signal[: 6 * RATE] if size == 1 else signal

    wanted, got = told(analyzer, part), told(analyzer, part, size)

    assert [(one.heard, one.message) for one in got] == [(one.heard, one.message) for one in wanted]
    assert [None if one.phrase is None else one.phrase.start for one in got] == [
        None if one.phrase is None else one.phrase.start for one in wanted
    ]


def test_the_segments_are_those_of_the_file(
    analyzer: SpeechAnalyzer, signal: NDArray[np.float32], tmp_path: Path
) -> None:
    path = write_wav(tmp_path / "x.wav", np.concatenate([silence(2), spoken(), silence(1.5)]))
    of_file = [
        record.model_dump_json()
        for record in analyzer.stream(path, transcribe=False)
        if isinstance(record, SegmentFound)
    ]

    of_stream = [one.message for one in told(analyzer, signal) if one.phrase is not None]

    assert of_stream == of_file
    assert len(of_file) == 2


def test_the_course_of_two_phrases(analyzer: SpeechAnalyzer, signal: NDArray[np.float32]) -> None:
    found = told(analyzer, signal)
    said = messages(found)

    assert [one for one in kinds(found) if one not in ("going-on", "ending")] == [
        *("quiet", "began", "segment", "began", "segment", "quiet")
    ]
    assert kinds(found).count("going-on") >= 4
    assert [one.heard for one in found] == sorted(one.heard for one in found)
    for one, message in zip(found, said, strict=True):
        if message.get("partial"):
            segment = message["segment"]
            assert segment["end"] <= one.heard + 1e-9
            assert segment["measures"].keys() == {"level_dbfs"}
            assert message["track"] == "voice-1"


def test_a_phrase_that_seems_to_end_is_judged_as_it_will_be(
    analyzer: SpeechAnalyzer, signal: NDArray[np.float32]
) -> None:
    found = told(analyzer, signal)

    ends = 0
    for before, after in pairwise(zip(found, messages(found), strict=True)):
        if after[1]["type"] == "segment":
            ends += 1
            early, late = before[1], after[1]
            assert early["state"] == "ending"
            assert early["segment"]["affect"] == late["segment"]["affect"] is not None
            assert early["segment"]["end"] == late["segment"]["end"]
            assert after[0].heard - before[0].heard > 0.2
    assert ends == 2


def test_what_is_out_of_date_is_left_out(
    analyzer: SpeechAnalyzer, signal: NDArray[np.float32]
) -> None:
    every, hurried = told(analyzer, signal), told(analyzer, signal, stale=True)

    assert kinds(hurried) == ["began", "segment", "began", "segment"]
    segments = [one.message for one in every if one.phrase is not None]
    assert [one.message for one in hurried if one.phrase is not None] == segments


def test_a_sound_too_short_for_a_phrase_is_taken_back(analyzer: SpeechAnalyzer) -> None:
    burst = spoken()[int(0.2 * RATE) : int(0.42 * RATE)]
    found = told(analyzer, np.concatenate([silence(1), burst, silence(1)]))

    assert [one for one in kinds(found) if one != "quiet"] == ["began", "dismissed", "quality"]
    assert len({one["start"] for one in messages(found) if "start" in one}) == 1


def test_speech_without_a_pause_is_cut_and_goes_on(analyzer: SpeechAnalyzer) -> None:
    sentence = spoken()
    loud = sentence[np.abs(sentence) > 0.01]
    signal = np.tile(loud, int(17 * RATE / len(loud)) + 1)
    said = messages(told(analyzer, signal, stale=True))

    cut = next(at for at, one in enumerate(said) if one["type"] == "segment")
    assert said[cut + 1]["state"] == "began"
    assert said[cut + 1]["start"] == pytest.approx(said[cut]["segment"]["end"])


@pytest.mark.parametrize(
    ("signal", "flags"),
    [(silence(2.5), ["silent"]), (tone(2.5), ["no-speech"]), (tone(0.01), ["no-speech"])],
    ids=["silence", "tone", "less than a chunk"],
)
def test_sound_without_a_voice(
    analyzer: SpeechAnalyzer, signal: NDArray[np.float32], flags: list[str]
) -> None:
    found = told(analyzer, signal)
    said = messages(found)

    assert [one["flag"] for one in said if one["type"] == "quality"] == flags
    assert [one["type"] for one in said if one["type"] != "quality"] == ["quiet"] * int(
        len(signal) / RATE
    )
    for before, after in pairwise([0.0, *(one.heard for one in found if "quiet" in one.message)]):
        assert after - before == pytest.approx(1.0, abs=0.04)


def test_the_level_of_silence_is_told(analyzer: SpeechAnalyzer) -> None:
    levels = [
        one["level_dbfs"] for one in messages(told(analyzer, tone(2.2))) if "level_dbfs" in one
    ]

    assert levels == [pytest.approx(-13.5, abs=0.1)] * 2


def test_what_became_of_the_stream(analyzer: SpeechAnalyzer, signal: NDArray[np.float32]) -> None:
    found = messages(told(analyzer, signal, damaged=True, truncated=True))

    assert [one["flag"] for one in found if one["type"] == "quality"] == ["damaged", "truncated"]


def test_nothing(analyzer: SpeechAnalyzer) -> None:
    with pytest.raises(EmptyInput, match="no sound came before the end"):
        told(analyzer, np.zeros(0, np.float32))


def test_what_is_held_does_not_grow(analyzer: SpeechAnalyzer) -> None:
    listener = LiveListener(analyzer.hearing(transcribe=False), lambda: True)
    for _ in range(60):
        list(listener.feed(tone(1)))

    assert sum(map(len, listener._level)) < 1.1 * RATE
    assert len(listener._rest) < 512
    assert sum(map(len, listener._finder._chunks)) < RATE
    assert (listener.heard, listener.spoken, listener.segments) == (60.0, 0.0, 0)

"""The shipped samples are what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectscope.errors import InvalidValue
from affectscope.media import probe
from affectscope.samples import KINDS, sample


def test_every_kind_is_a_small_file_with_a_named_source() -> None:
    sources = sample("video").with_name("SOURCES.md").read_text()

    for kind in KINDS:
        assert 0 < sample(kind).stat().st_size < 300_000
        assert f"`{sample(kind).name}`" in sources


def test_no_file_lacks_a_source() -> None:
    folder = sample("video").parent
    code = {"__init__.py", "SOURCES.md", "__pycache__"}

    assert {path.name for path in folder.iterdir()} - code == {sample(k).name for k in KINDS}


def test_video_and_speech_are_media_of_the_same_length() -> None:
    video, speech = probe(sample("video")), probe(sample("speech"))

    assert video.video is not None
    assert video.audio is not None
    assert speech.audio is not None
    assert speech.audio.rate == 16_000
    assert video.duration == pytest.approx(speech.duration, abs=0.05)


def test_chat_and_survey_have_the_form_of_the_interface() -> None:
    chat = json.loads(sample("chat").read_text())
    survey = json.loads(sample("survey").read_text())

    assert len(chat["messages"]) == 12
    assert {message["speaker"] for message in chat["messages"]} == {"Ana", "Ben"}
    assert all(set(message) == {"speaker", "time", "text"} for message in chat["messages"])
    assert set(survey) == {"instrument", "answers"}
    assert len(survey["answers"]) == 9


def test_an_unknown_kind_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(InvalidValue, match="'smell'; valid: video, speech, chat, survey"):
        sample("smell")  # type: ignore[arg-type]


def test_paths_are_absolute() -> None:
    assert isinstance(sample("chat"), Path)
    assert sample("chat").is_absolute()

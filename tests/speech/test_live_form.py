"""What a live client may say of its sound, and what it is told of a mistake."""

from __future__ import annotations

import json

import pytest

from affectscope.errors import (
    AffectscopeError,
    InvalidValue,
    MalformedRequest,
    MissingField,
    PayloadTooLarge,
    PurposeRefused,
)
from affectscope.media.live_sound import PackedSound, PlainSound
from affectscope.speech.live_form import Form, is_end, read_form


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({}, Form("s16le", 16_000, transcribe=True)),
        ({"format": "s16le", "rate": 48_000, "channels": 1}, Form(rate=48_000)),
        ({"rate": 8000, "transcribe": False}, Form(rate=8000, transcribe=False)),
        ({"format": "webm", "purpose": "research"}, Form("webm")),
        ({"purpose": "medical", "justification": "a trial"}, Form()),
    ],
)
def test_what_may_be_said(options: dict[str, object], form: Form) -> None:
    assert read_form(json.dumps(options)) == form


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (
            {"fromat": "webm"},
            InvalidValue,
            "unknown option 'fromat'; valid: channels, format, just",
        ),
        ({"type": "end", "x": 1}, InvalidValue, "unknown option 'type'"),
        ({"format": "mp3"}, InvalidValue, "format is 'mp3'; valid: s16le, webm"),
        ({"format": ["webm"]}, InvalidValue, "format is ['webm']; valid"),
        ({"format": None}, InvalidValue, "format is None"),
        ({"rate": 7999}, InvalidValue, "rate is 7999; valid: 8000 to 48000 samples a second"),
        ({"rate": 16_000.5}, InvalidValue, "rate is 16000.5"),
        ({"rate": True}, InvalidValue, "rate is True"),
        ({"rate": "16000"}, InvalidValue, "rate is '16000'"),
        ({"rate": 10**30}, InvalidValue, "rate is 1000"),
        ({"rate": 10**400}, MalformedRequest, "rate is NaN or infinite"),
        ({"channels": 2}, InvalidValue, "channels is 2; valid: 1"),
        ({"channels": True}, InvalidValue, "channels is True"),
        ({"format": "webm", "rate": 48_000}, InvalidValue, "valid: none, for webm says it itself"),
        ({"transcribe": 1}, InvalidValue, "transcribe is 1; valid: true, false"),
        ({"purpose": 7}, InvalidValue, "purpose is 7; valid: text"),
        ({"purpose": "fun"}, InvalidValue, "fun"),
        ({"purpose": "safety"}, MissingField, "justification"),
        ({"purpose": "education"}, PurposeRefused, "education"),
        ([], MalformedRequest, "the options cannot be read"),
        ({"justification": "x" * 20_000}, PayloadTooLarge, "characters; valid: at most 16384"),
    ],
)
def test_what_may_not(options: object, error: type[AffectscopeError], words: str) -> None:
    with pytest.raises(error) as told:
        read_form(json.dumps(options))

    assert words in str(told.value)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    "text", ["", "{", "nan", "NaN", '{"rate": NaN}', '{"rate": Infinity}', "\0"]
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(MalformedRequest, match="the options cannot be read"):
        read_form(text)
    assert not is_end(text)


def test_the_end() -> None:
    assert is_end('{"type": "end"}')
    assert not is_end('{"type": "end", "format": "webm"}')
    assert not is_end('["end"]')


def test_sound_of_a_form() -> None:
    assert isinstance(Form("webm").sound(), PackedSound)
    assert isinstance(Form(rate=8000).sound(), PlainSound)
    assert Form(rate=8000).bytes_a_second == Form("webm").bytes_a_second == 16_000

"""What users hand over is told apart by its content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, MissingField
from affectscope.samples import KINDS, sample
from affectscope.session.inputs import gather


def test_the_samples_are_told_apart() -> None:
    inputs = gather([sample(kind) for kind in KINDS])

    assert inputs.faces == [sample("video")]
    assert inputs.voices == [sample("video"), sample("speech")]
    assert len(inputs.chats[0]) == 12
    assert inputs.surveys[0].name == "phq-9"
    assert inputs.modalities == ("face", "voice", "text", "survey")


def test_text_files_and_arguments_are_chats(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("\ufeffI am glad", encoding="utf-8")

    inputs = gather([path], chat="hello")

    assert [chat[0].text for chat in inputs.chats] == ["I am glad", "hello"]


@pytest.mark.parametrize(
    "chat",
    [
        [{"text": "a"}],
        {"messages": [{"text": "a"}]},
        {"text": "a"},
        "a",
    ],
)
def test_a_chat_comes_in_many_forms(chat: object) -> None:
    assert gather([], chat=chat).chats[0][0].text == "a"  # type: ignore[arg-type]


def test_a_chat_and_a_survey_may_be_paths() -> None:
    inputs = gather([], chat=sample("chat"), survey=sample("survey"))

    assert inputs.modalities == ("text", "survey")


@pytest.mark.parametrize(
    ("content", "kind", "named"),
    [
        ("{", MalformedRequest, "line 1"),
        ("[1]", InvalidValue, "neither a chat nor a questionnaire"),
        ('{"a": 1}', InvalidValue, "neither a chat nor a questionnaire"),
        ('{"instrument": "phq-9"}', MissingField, "answers"),
        ('{"instrument": "phq-9", "answers": "1"}', InvalidValue, "a list"),
        ("\xff", MalformedRequest, "UTF-8"),
    ],
)
def test_a_bad_document_is_named(
    tmp_path: Path, content: str, kind: type[Exception], named: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(kind, match=named):
        gather([path])


def test_a_survey_is_an_object() -> None:
    with pytest.raises(InvalidValue, match="no questionnaire"):
        gather([], survey=json.loads("[1]"))


def test_nothing_is_refused() -> None:
    with pytest.raises(EmptyInput, match="nothing to analyse"):
        gather([])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"no such file: .*gone\.mp4"):
        gather([tmp_path / "gone.mp4"])

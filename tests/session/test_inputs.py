"""What users hand over is told apart by its content."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from affectscope.errors import (
    EmptyInput,
    InvalidValue,
    MalformedRequest,
    MissingField,
    UndecodableMedia,
    UnsupportedMedia,
)
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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("chat.csv", "speaker,time,text\nAnn,0,I am glad\nBen,1,me too\n"),
        ("chat.txt", "31/01/2026, 10:00 - Ann: I am glad\n31/01/2026, 10:01 - Ben: me too\n"),
        ("call.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>I am glad\n\n"
                     "00:03.000 --> 00:04.000\n<v Ben>me too\n"),
        ("call.srt", "1\n00:00:01,000 --> 00:00:02,000\nANN: I am glad\n\n"
                     "2\n00:00:03,000 --> 00:00:04,000\nBEN: me too\n"),
        ("chat.jsonl", '{"speaker": "Ann", "text": "I am glad"}\n{"text": "me too"}\n'),
        ("2026-01-31.json", '[{"type": "message", "user": "U1", "ts": "1.5", "text": "I am glad"},'
                            '{"type": "message", "user": "U2", "ts": "2.5", "text": "me too"}]'),
    ],
)  # fmt: skip
def test_conversations_come_in_the_forms_that_people_have(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    (chat,) = gather([path]).chats

    assert [message.text for message in chat] == ["I am glad", "me too"]


def test_a_conversation_of_ones_own_may_be_longer_than_a_request(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("text\n" + "ok\n" * 12_000, encoding="utf-8")

    assert len(gather([path]).chats[0]) == 12_000


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "chat.csv"
    path.write_text("speaker,text\nAnn,ok\na,b,c\n", encoding="utf-8")

    with pytest.raises(InvalidValue, match="line 3"):
        gather([path])


PICTURE = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_an_archive_of_images_is_a_video(tmp_path: Path) -> None:
    path = packed(tmp_path / "take.zip", {"1.png": PICTURE, "2.png": PICTURE, "camera.xml": b""})

    inputs = gather([path])

    assert (inputs.faces, inputs.modalities) == ([path], ("face",))


def test_an_archive_of_a_conversation_and_its_pictures_is_a_chat(tmp_path: Path) -> None:
    said = b"31/01/2026, 10:00 - Ann: I am glad\n31/01/2026, 10:01 - Ben: me too\n"
    path = packed(tmp_path / "chat.zip", {"IMG-1.png": PICTURE, "_chat.txt": said})

    inputs = gather([path])

    assert inputs.faces == []
    assert [message.text for message in inputs.chats[0]] == ["I am glad", "me too"]


def test_an_archive_that_cannot_be_read_is_not_taken_for_images(tmp_path: Path) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(b"PK\x03\x04 and no more")

    with pytest.raises(UndecodableMedia, match="damaged zip"):
        gather([path])


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(PICTURE)

    assert gather([tmp_path]).faces == [tmp_path]


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match="this folder: it holds no images"):
        gather([tmp_path])

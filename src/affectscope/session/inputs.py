"""What a user hands over: files whose kind is told by their content, chats and questionnaires."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affectscope.chat import Message, parse_messages
from affectscope.chat.formats import read_conversation
from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, RequestError
from affectscope.media import list_sequence, probe
from affectscope.survey import Filled, parse_filled

Chat = str | Path | Mapping[str, object] | Sequence[Mapping[str, object]]
"""Text, a file, the object ``{"messages": [...]}``, or the list of messages itself."""

Survey = str | Path | Mapping[str, object]
"""A file, or the object ``{"instrument": ..., "answers": [...]}``."""


CHAT_ENDINGS = frozenset(
    (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".vtt", ".srt", ".zip", ".gz")
)
"""Endings of files that are read as conversations; a ``.json`` may be a questionnaire too."""


_NO_LIMIT = 2**63
"""In one's own process the only bound is memory."""


@dataclass
class Inputs:
    """Everything handed over for one occasion."""

    faces: list[Path] = field(default_factory=list)
    voices: list[Path] = field(default_factory=list)
    chats: list[list[Message]] = field(default_factory=list)
    surveys: list[Filled] = field(default_factory=list)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that will be analysed."""
        present = (
            ("face", self.faces),
            ("voice", self.voices),
            ("text", self.chats),
            ("survey", self.surveys),
        )
        return tuple(name for name, inputs in present if inputs)


def gather(
    paths: Sequence[str | Path], chat: Chat | None = None, survey: Survey | None = None
) -> Inputs:
    """Sort files by what they hold.

    Args:
        paths: Media files, folders and ``.zip`` archives of numbered images, ``.json`` files with a
            chat or a questionnaire, and conversations in any form that `affectscope.chat.formats`
            reads, known by the endings in `CHAT_ENDINGS`. An archive that holds both images and
            something of such an ending is a conversation, as WhatsApp exports it.
        chat: A further chat.
        survey: A further questionnaire.

    Returns:
        A video counts as a face and, where it has sound, as a voice as well.

    Raises:
        EmptyInput: Nothing was given.
        InvalidValue: No such file or folder, or JSON that is neither a chat nor a questionnaire.
        MalformedRequest: A ``.json`` file that is not JSON.
        RequestError: A conversation that cannot be read, by line.
        UnsupportedMedia, UndecodableMedia: A file that holds no media, or a folder without images.
    """
    inputs = Inputs()
    for path in map(Path, paths):
        if not (path.is_file() or path.is_dir()):
            raise InvalidValue(f"no such file: {str(path)!r}")
        if path.is_dir() or (path.suffix.lower() == ".zip" and _is_of_images(path)):
            probe(path)  # says what is wrong with it
            inputs.faces.append(path)
        elif path.suffix.lower() == ".json" and not _is_list(path):
            _add_document(inputs, _read_json(path), str(path))
        elif path.suffix.lower() in CHAT_ENDINGS:
            inputs.chats.append(_read_chat(path))
        else:
            info = probe(path)
            if info.video is not None:
                inputs.faces.append(path)
            if info.audio is not None:
                inputs.voices.append(path)
    if chat is not None:
        inputs.chats.append(_messages(chat))
    if survey is not None:
        document = _read_json(Path(survey)) if isinstance(survey, (str, Path)) else survey
        inputs.surveys.append(_questionnaire(document, "survey"))
    if not inputs.modalities:
        raise EmptyInput("nothing to analyse: give a media file, a chat or a questionnaire")
    return inputs


def _is_of_images(archive: Path) -> bool:
    """Tell whether an archive holds images and nothing that may be a conversation."""
    try:
        images, others = list_sequence(archive)
    except RequestError:
        return False
    return bool(images) and not any(Path(name).suffix.lower() in CHAT_ENDINGS for name in others)


def _read_chat(path: Path) -> list[Message]:
    """Read a conversation of any form and length."""
    with path.open("rb") as file:
        return read_conversation(file, path.name, most=_NO_LIMIT).messages


def _is_list(path: Path) -> bool:
    """Tell whether a JSON file is a list, as what Slack exports is."""
    with path.open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[{")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"{str(path)!r} is not UTF-8 text: {error.reason}") from error


def _read_json(path: Path) -> object:
    try:
        document: object = json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"{str(path)!r} is not JSON: {error.msg} in line {error.lineno}"
        ) from error
    return document


def _add_document(inputs: Inputs, document: object, where: str) -> None:
    if isinstance(document, Mapping) and "instrument" in document:
        inputs.surveys.append(_questionnaire(document, where))
    elif isinstance(document, Mapping) and ("messages" in document or "text" in document):
        inputs.chats.append(parse_messages(document))
    else:
        raise InvalidValue(
            f"{where!r} holds neither a chat nor a questionnaire; valid: an object with "
            "'messages' or 'text', or one with 'instrument' and 'answers'"
        )


def _messages(chat: Chat) -> list[Message]:
    if isinstance(chat, Path):
        document = _read_json(chat)
        return parse_messages(document if isinstance(document, Mapping) else {"messages": document})
    if isinstance(chat, str):
        return parse_messages({"text": chat})
    return parse_messages(chat if isinstance(chat, Mapping) else {"messages": list(chat)})


def _questionnaire(document: object, where: str) -> Filled:
    if not isinstance(document, Mapping):
        raise InvalidValue(f"{where!r} is no questionnaire; valid: an object")
    return parse_filled(document)

"""What a folder with a Whisper model holds, and where such models are published.

The models are those of OpenAI (Radford et al. 2022), converted for CTranslate2 by Systran.
"""

from __future__ import annotations

import json
from pathlib import Path

from affectscope.errors import ModelUnavailable

REPOSITORIES = {
    f"whisper-{size}": f"Systran/faster-whisper-{size}"
    for size in ("tiny.en", "base.en", "small.en", "medium.en", "tiny", "base", "small")
}
"""Repository on the Hugging Face hub by the name that a model gets here."""

FILES = ("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.*")
"""The files of a model; the third comes with the largest ones only."""

_SPEC = b"WhisperSpec\0"


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds no Whisper model, from the little that is quick to read.

    Raises:
        ModelUnavailable: It is no folder, lacks a file, or a file is of another kind.
    """
    # A name that is no folder would be taken for a model to fetch from the network.
    if not folder.is_dir():
        raise ModelUnavailable(f"there is no folder {str(folder)!r} with a Whisper model")
    # Without its tokenizer, one would be fetched from the network too.
    missing = [
        name
        for name in ("config.json", "model.bin", "tokenizer.json")
        if not _is_file(folder, name)
    ]
    if not any(_is_file(folder, f"vocabulary.{ending}") for ending in ("json", "txt")):
        missing.append("vocabulary.json or vocabulary.txt")
    if missing:
        raise ModelUnavailable(
            f"{str(folder)!r} lacks {', '.join(missing)}; a Whisper model that was converted for "
            "CTranslate2 has them ('affectscope models add whisper-small.en' fetches one)"
        )
    for name in ("config.json", "tokenizer.json"):
        try:
            found = json.loads((folder / name).read_bytes())
        except (OSError, ValueError) as error:
            raise ModelUnavailable(
                f"{str(folder / name)!r} is no readable JSON: {error}"
            ) from error
        if not isinstance(found, dict):
            raise ModelUnavailable(f"{str(folder / name)!r} holds no JSON object")
    _check_head(folder / "model.bin")


def _is_file(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def _check_head(path: Path) -> None:
    """Refuse a file that does not begin as CTranslate2 writes a Whisper model.

    A version in four bytes, the length of a name in two, the name.
    """
    try:
        with path.open("rb") as file:
            head = file.read(6 + len(_SPEC))
    except OSError as error:
        raise ModelUnavailable(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if head[6:] == _SPEC and int.from_bytes(head[4:6], "little") == len(_SPEC):
        return
    found = "no such model"
    if head[:4] == b"PK\x03\x04" or head[:1] == b"\x80":
        found = "a checkpoint of PyTorch, which ct2-transformers-converter converts"
    elif head.startswith(b"version https:"):
        found = "a pointer of Git LFS instead of the file; fetch it by 'git lfs pull'"
    raise ModelUnavailable(
        f"{str(path)!r} is no Whisper model converted for CTranslate2: it is {found}"
    )

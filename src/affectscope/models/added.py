"""Models that a user added: where they lie, what each is made of, and whether it still is that.

Each is a folder with its files and a manifest, which states the size and the SHA-256 of every file and
where they came from. A folder without a manifest is none: the manifest is written last, before the
folder gets its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from affectscope.errors import InvalidValue, ModelUnavailable, NotFound
from affectscope.models.card import Digest, FileName

MANIFEST = "affectscope.json"

Advance = Callable[[int], None]
"""Called with the bytes that were read since the call before."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_BLOCK = 1024 * 1024


class AddedFile(BaseModel):
    """One file of an added model.

    Attributes:
        file: Its name.
        size: Bytes.
        sha256: Of its content, as it was added.
        stated: The digest that the source states for it and that was found in the content, such as
            ``sha256:...`` or ``git:...`` (of Git's blob); None where the source states none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: FileName
    size: int = Field(ge=0)
    sha256: Digest
    stated: str | None = None


class AddedModel(BaseModel):
    """The manifest of an added model.

    Attributes:
        name: Name of the model and of its folder.
        kind: ``hub`` where it was fetched, ``folder`` where it was copied.
        source: Repository on the hub, or folder.
        revision: Commit on the hub; None for a folder.
        license: As the source states it, None where it does not.
        files: What it is made of.
        folder: Where it lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    kind: Literal["hub", "folder"]
    source: str
    revision: str | None = None
    license: str | None = None
    files: tuple[AddedFile, ...] = Field(min_length=1)
    folder: Path = Field(exclude=True)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)

    def verify(self, advance: Advance | None = None) -> None:
        """Read every file and compare it with the manifest.

        Args:
            advance: Told how much was read.

        Raises:
            ModelUnavailable: One is missing, or is not what was added.
        """
        for one in self.files:
            path = self.folder / one.file
            try:
                found = sha256(path, advance)
            except OSError as error:
                raise ModelUnavailable(
                    f"{one.file} of {self.name} cannot be read: {error.strerror}; {self._mend()}"
                ) from error
            if found != one.sha256:
                raise ModelUnavailable(
                    f"{one.file} of {self.name} is not the file that was added: SHA-256 "
                    f"{found[:12]}..., expected {one.sha256[:12]}...; {self._mend()}"
                )

    def _mend(self) -> str:
        return f"run 'affectscope models remove {self.name}' and add it again"


def models_folder() -> Path:
    """Return the folder of added models.

    It is ``AFFECTSCOPE_MODELS_FOLDER``, or ``affectscope/models`` among what programs keep for a user.
    Source: https://specifications.freedesktop.org/basedir-spec/latest/ (XDG_DATA_HOME)
    """
    own = os.environ.get("AFFECTSCOPE_MODELS_FOLDER")
    if own:
        return Path(own)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "affectscope" / "models"


def read_manifest(folder: Path) -> AddedModel | None:
    """Return the manifest of a folder, None where it has none.

    Raises:
        ModelUnavailable: It cannot be read or holds something that is not valid.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelUnavailable(
            f"{str(folder / MANIFEST)!r} cannot be read: {error.strerror}"
        ) from error
    try:
        # Where the folder lies is no part of what is stated: it may have been moved.
        return AddedModel.model_validate({**_object(text), "folder": folder})
    except ValueError as error:
        reason = str(error)
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ModelUnavailable(
            f"{str(folder / MANIFEST)!r} is no valid manifest: {reason}"
        ) from error


def _object(text: bytes) -> dict[str, object]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    return found


def added() -> list[AddedModel]:
    """Return the added models, by name.

    Raises:
        ModelUnavailable: A manifest is not valid.
    """
    folder = models_folder()
    if not folder.is_dir():
        return []
    found = (read_manifest(path) for path in sorted(folder.iterdir()) if path.name[0] != ".")
    return [one for one in found if one is not None]


def remove(name: str) -> AddedModel:
    """Remove an added model and return what it was.

    Raises:
        NotFound: None has that name.
        InvalidValue: Another process adds or removes one at the moment.
    """
    with locked() as folder:
        models = {one.name: one for one in added()}
        if name not in models:
            raise NotFound(
                f"no model {name!r} was added; added: {', '.join(models) or 'none'} "
                f"(in {str(folder)!r})"
            )
        # Under another name it is none, whatever happens on the way.
        gone = folder / f".removed-{name}"
        shutil.rmtree(gone, ignore_errors=True)
        models[name].folder.rename(gone)
        shutil.rmtree(gone)
        return models[name]


@contextmanager
def locked() -> Iterator[Path]:
    """Hold the folder of added models, made where it is not there; yields it.

    Raises:
        InvalidValue: Another process holds it, or it cannot be made.
    """
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InvalidValue(
            f"the folder of models {str(folder)!r} cannot be used: {error.strerror}; "
            "AFFECTSCOPE_MODELS_FOLDER names another"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    except BlockingIOError as error:
        raise InvalidValue("another 'affectscope models' adds or removes at the moment") from error
    finally:
        os.close(descriptor)


def settle(model: AddedModel, staged: Path) -> AddedModel:
    """Write the manifest of a complete folder and give the folder its name.

    Args:
        model: The manifest; its `folder` is where the model shall lie, on the same file system.
        staged: Where its files lie now.
    """
    text = model.model_dump_json(indent=1) + "\n"
    with (staged / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.rename(model.folder)
    return model


def sha256(path: Path, advance: Advance | None = None) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if advance is not None:
                advance(len(block))
    return digest.hexdigest()

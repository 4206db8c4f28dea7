"""Adding a model from a folder, for machines without a network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from affectscope.errors import InvalidValue, ModelUnavailable, NotFound
from affectscope.models.added import (
    NAME,
    AddedFile,
    AddedModel,
    Advance,
    locked,
    read_manifest,
    settle,
    sha256,
)


def add_folder(
    source: Path,
    patterns: Sequence[str],
    check: Callable[[Path], None],
    *,
    name: str | None = None,
    link: bool = False,
    advance: Advance | None = None,
) -> AddedModel:
    """Add a model that lies in a folder, by copies of its files or by links to them.

    A folder that was added elsewhere brings its manifest along, and is compared with it.

    Args:
        source: The folder, or a file in it.
        patterns: Which of its files belong to the model, such as ``vocabulary.*``.
        check: Refuses a folder that is no such model; raises `ModelUnavailable`.
        name: Name that it gets; that of the folder where absent.
        link: Whether to link the files instead of copying them.
        advance: Told how many bytes were read.

    Raises:
        NotFound: There is no such folder.
        InvalidValue: The name is not valid, or in use already.
        ModelUnavailable: It is no such model, or not what its manifest states.
    """
    if not source.exists():
        raise NotFound(f"there is no folder {str(source)!r}")
    source = (source if source.is_dir() else source.parent).absolute()
    name = name or source.name
    if not re.match(NAME, name):
        raise InvalidValue(
            f"{name!r} is no name for a model; valid are letters, digits, '.', '_' and '-'; "
            "--name gives another"
        )
    check(source)
    before = read_manifest(source)
    if before is not None:
        before.verify()
    names = sorted(
        path.name
        for path in source.iterdir()
        if path.is_file() and any(fnmatchcase(path.name, one) for one in patterns)
    )
    with locked() as folder:
        if (folder / name).exists():
            raise InvalidValue(
                f"a model {name!r} is there already; remove it first, or give another name by --name"
            )
        staged = folder / f".adding-{name}"
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            files = tuple(_take(source / one, staged / one, link, advance) for one in names)
            stated = {one.file: one.stated for one in before.files} if before else {}
            model = AddedModel(
                name=name,
                kind=before.kind if before else "folder",
                source=before.source if before else str(source),
                revision=before.revision if before else None,
                license=before.license if before else None,
                files=tuple(
                    one.model_copy(update={"stated": stated.get(one.file)}) for one in files
                ),
                folder=folder / name,
            )
            return settle(model, staged)
        except OSError as error:
            raise ModelUnavailable(
                f"{str(source)!r} cannot be copied: {error.strerror}: {error.filename!r}"
            ) from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _take(source: Path, target: Path, link: bool, advance: Advance | None) -> AddedFile:
    digest = sha256(source, advance)
    if link:
        target.symlink_to(source.resolve())
    else:
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())
        if sha256(target) != digest:
            raise ModelUnavailable(f"the copy of {str(source)!r} is not like it; try again")
    return AddedFile(file=target.name, size=target.stat().st_size, sha256=digest)

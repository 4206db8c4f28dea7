"""Adding a model that transcribes: fetched by its name, or taken from a folder."""

from __future__ import annotations

import os
from pathlib import Path

from affectscope.cli.progress import loading
from affectscope.errors import InvalidValue
from affectscope.models.added import AddedModel
from affectscope.models.hub import Hub
from affectscope.models.local import add_folder
from affectscope.speech.whisper_folder import FILES, REPOSITORIES, check_folder


def add(what: str, *, name: str | None, revision: str, link: bool) -> AddedModel:
    """Add a model and show how far it is.

    Args:
        what: One of the names in `REPOSITORIES`, with or without ``whisper-``, or else a path.
        name: What to call it; where absent, as the model or the folder is called.
        revision: Which commit to fetch.
        link: Whether to link the files of a folder.

    Raises:
        InvalidValue: It is neither a known name nor a path.
        AffectscopeError: As `Hub.fetch` and `add_folder` say.
    """
    known = what if what in REPOSITORIES else f"whisper-{what}"
    if known in REPOSITORIES:
        with Hub() as hub, loading(f"fetching {known}") as progress:
            return hub.fetch(
                REPOSITORIES[known],
                name or known,
                FILES,
                check_folder,
                revision=revision,
                progress=progress,
            )
    path = Path(what).expanduser()
    if not path.exists() and os.sep not in what:
        raise InvalidValue(
            f"{what!r} is neither a folder nor a known model; known: {', '.join(REPOSITORIES)}"
        )
    folder = path if path.is_dir() else path.parent
    total = sum(one.stat().st_size for one in folder.glob("*") if one.is_file())
    done = 0
    with loading(f"adding {folder.name}") as progress:

        def advance(size: int) -> None:
            nonlocal done
            done += size
            progress(done, max(done, total))

        return add_folder(path, FILES, check_folder, name=name, link=link, advance=advance)

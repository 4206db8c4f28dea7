"""Which engine transcribes."""

from __future__ import annotations

import os
from pathlib import Path

from affectscope.errors import InvalidValue, NotFound
from affectscope.models.added import added
from affectscope.speech.pocket_sphinx import PocketSphinx
from affectscope.speech.transcript import Transcriber
from affectscope.speech.whisper import FasterWhisper

ADDED, FOLDER = "AFFECTSCOPE_WHISPER", "AFFECTSCOPE_WHISPER_PATH"


def default_engine() -> Transcriber:
    """Return faster-whisper where the environment names a model, else the embedded engine.

    ``AFFECTSCOPE_WHISPER`` names one that was added, such as ``small.en``;
    ``AFFECTSCOPE_WHISPER_PATH`` any folder.

    Raises:
        InvalidValue: Both are set.
        NotFound: No model of that name was added.
        ModelUnavailable: There is no usable model.
    """
    name, folder = os.environ.get(ADDED), os.environ.get(FOLDER)
    if name and folder:
        raise InvalidValue(f"{ADDED} is {name!r} and {FOLDER} is {folder!r}; set one of them")
    if name:
        known = {one.name: one.folder for one in added()}
        found = known.get(name) or known.get(f"whisper-{name}")
        if found is None:
            raise NotFound(
                f"{ADDED} is {name!r}, and no such model was added; added: "
                f"{', '.join(known) or 'none'}; 'affectscope models add whisper-small.en' fetches one"
            )
        return FasterWhisper(found)
    return FasterWhisper(Path(folder)) if folder else PocketSphinx()

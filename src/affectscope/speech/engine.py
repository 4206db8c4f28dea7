"""Which engine transcribes."""

from __future__ import annotations

import os
from pathlib import Path

from affectscope.speech.pocket_sphinx import PocketSphinx
from affectscope.speech.transcript import Transcriber
from affectscope.speech.whisper import FasterWhisper


def default_engine() -> Transcriber:
    """Return faster-whisper where ``AFFECTSCOPE_WHISPER_PATH`` names its folder, else the embedded.

    Raises:
        ModelUnavailable: The variable names no usable folder.
    """
    folder = os.environ.get("AFFECTSCOPE_WHISPER_PATH")
    return FasterWhisper(Path(folder)) if folder else PocketSphinx()

"""Whisper through faster-whisper, where a folder with a model is given."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from affectscope.affect import Word
from affectscope.errors import ModelUnavailable
from affectscope.speech.activity import Speech
from affectscope.speech.transcript import Transcript, mean_confidence


class FasterWhisper:
    """Whisper through faster-whisper, from a local folder; far better, and not shipped.

    Args:
        folder: Holds a converted model: ``model.bin``, ``config.json`` and a tokenizer.

    Raises:
        ModelUnavailable: No such folder, a file is missing, or the package is not installed.
    """

    def __init__(self, folder: Path) -> None:
        # A name that is no folder would be taken for a model to fetch from the network.
        if not folder.is_dir():
            raise ModelUnavailable(f"AFFECTSCOPE_WHISPER_PATH is no folder: {str(folder)!r}")
        missing = [name for name in ("model.bin", "config.json") if not (folder / name).is_file()]
        if missing:
            raise ModelUnavailable(f"{str(folder)!r} lacks {' and '.join(missing)}")
        self.name = f"faster-whisper:{folder.name}"
        self._folder = folder
        self._model: Any = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Load the model."""
        with self._lock:
            if self._model is None:
                try:
                    from faster_whisper import WhisperModel
                except ImportError as error:
                    raise ModelUnavailable(
                        "AFFECTSCOPE_WHISPER_PATH needs the package faster-whisper: "
                        "pip install faster-whisper"
                    ) from error
                try:
                    self._model = WhisperModel(
                        str(self._folder), device="cpu", compute_type="int8", cpu_threads=1
                    )
                except (RuntimeError, ValueError, OSError) as error:
                    raise ModelUnavailable(
                        f"{str(self._folder)!r} is not a readable model: {error}"
                    ) from error

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said."""
        self.load()
        segments, _ = self._model.transcribe(
            speech.samples, language="en", word_timestamps=True, beam_size=1
        )
        parts = list(segments)
        words = tuple(
            Word(
                text=word.word.strip(),
                start=speech.start + word.start,
                end=speech.start + max(word.start, word.end),
                confidence=min(1.0, max(0.0, word.probability)),
            )
            for part in parts
            for word in part.words or ()
        )
        return Transcript(
            text=" ".join(part.text.strip() for part in parts),
            words=words,
            confidence=mean_confidence(words),
        )

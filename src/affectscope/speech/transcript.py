"""What was said: engines that turn a spoken segment into words with times."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Word
from affectscope.errors import ModelUnavailable
from affectscope.speech.activity import Speech

_FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
_VARIANT = re.compile(r"\(\d+\)$")
_FRAMES_A_SECOND = 100


@dataclass(frozen=True)
class Transcript:
    """Words of one segment, the mean of their confidences, and the text with its punctuation."""

    text: str
    words: tuple[Word, ...]
    confidence: float


class Transcriber(Protocol):
    """An engine; one object may be used from several threads."""

    name: str

    def load(self) -> None:
        """Load now instead of on first use."""

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said; words carry times of the file's clock."""


class PocketSphinx:
    """The embedded engine: small, offline, American English, weak on noise and accents.

    Decoders cannot be shared between threads, so each thread has one of its own, which lives as
    long as the thread.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        self._local = threading.local()

    def load(self) -> None:
        """Load the acoustic and the language model for this thread."""
        self._decoder()

    def _decoder(self) -> Any:
        if not hasattr(self._local, "decoder"):
            import pocketsphinx

            # The default normalises by what was heard before; "batch" takes each phrase by itself.
            self._local.decoder = pocketsphinx.Decoder(
                samprate=16000, cmn="batch", loglevel="FATAL"
            )
        return self._local.decoder

    def transcribe(self, speech: Speech) -> Transcript:
        """Return what was said; text is lower case without punctuation."""
        if not len(speech.samples):
            return Transcript("", (), 0.0)
        decoder = self._decoder()
        # Without this, features carry over from the phrase before, and the same file would be
        # answered differently the second time.
        decoder.reinit_feat()
        pcm = (np.clip(_levelled(speech.samples), -1.0, 1.0) * 32767).astype("<i2").tobytes()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        words = tuple(self._words(decoder, speech))
        return Transcript(
            text=" ".join(word.text for word in words),
            words=words,
            confidence=_mean([word.confidence or 0.0 for word in words]),
        )

    def _words(self, decoder: Any, speech: Speech) -> Iterator[Word]:
        for segment in decoder.seg() or ():
            if _FILLER.match(segment.word):
                continue
            # The end frame still belongs to the word.
            start = speech.start + segment.start_frame / _FRAMES_A_SECOND
            end = speech.start + (segment.end_frame + 1) / _FRAMES_A_SECOND
            yield Word(
                text=_VARIANT.sub("", segment.word),
                start=start,
                end=min(end, speech.end),
                confidence=min(1.0, max(0.0, segment.prob)),
            )


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
            confidence=_mean([word.confidence or 0.0 for word in words]),
        )


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the peak to 0.7: the acoustic model expects close speech of ordinary level."""
    peak = float(np.max(np.abs(samples))) if len(samples) else 0.0
    return samples * np.float32(min(0.7 / peak, 30.0)) if peak > 0 else samples


def _mean(values: list[float]) -> float:
    mean = sum(values) / len(values) if values else 0.0
    return mean if math.isfinite(mean) else 0.0

"""What is spoken in a file, phrase by phrase, and what limits the file as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import QualityNoted
from affectscope.errors import InvalidValue
from affectscope.media import ChannelChunk, read_channels
from affectscope.speech.channels import CHANNELS, KEPT, Channels, Listener, Phrase, listener
from affectscope.speech.logmel import RATE
from affectscope.speech.signal_quality import level_dbfs
from affectscope.telemetry import drawn, note_media, stage

SILENT_DBFS = -70.0
"""Below this level everywhere a file is silent; a quiet room is louder."""


class Phrases:
    """The spoken phrases of a file, in order; memory holds no more than one of them.

    Opening and iterating are timed as the stages ``decode`` and ``detect``. A context manager,
    which closes the file.

    Args:
        path: Any audio file, or a video with sound.
        channels: Which channels are kept apart; one of `CHANNELS`.

    Attributes:
        duration: Seconds that the file claims to have, None where it does not say.
        count: Channels that may hold a voice of their own; 1 where they are mixed.
        heard: Seconds of sound so far.

    Raises:
        InvalidValue: `channels` is none of `CHANNELS`, or there are more than can be split.
        EmptyInput, UnsupportedMedia, UndecodableMedia: As `read_audio` says; a file without sound
            is unsupported.
    """

    def __init__(self, path: str | Path, channels: Channels = "auto") -> None:
        if channels not in CHANNELS:
            raise InvalidValue(f"no channels={channels!r}; valid: {', '.join(CHANNELS)}")
        with stage("decode"):
            self._reader = read_channels(path, KEPT[channels])
        info = self._reader.info
        stored = info.audio.channels if info.audio else 1
        if channels == "split" and stored > KEPT[channels]:
            self._reader.close()
            raise InvalidValue(
                f"channels=split: the sound has {stored} channels; valid: at most "
                f"{KEPT[channels]}, or channels=mix"
            )
        self.duration = info.duration
        self.count = stored if stored <= KEPT[channels] else 1
        self.heard = 0.0
        self._channels: Channels = channels
        self._listener: Listener | None = None
        self._loudest, self._found, self._odd = -120.0, False, False

    def __enter__(self) -> Phrases:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.close()

    def __iter__(self) -> Iterator[Phrase]:
        for chunk in drawn("decode", self._reader):
            with stage("detect"):
                phrases = self._next(chunk)
            self._found = self._found or bool(phrases)
            yield from phrases
            note_media(len(chunk.samples) / RATE, "audio")
        with stage("detect"):
            phrases = list(self._listener.finish()) if self._listener is not None else []
        self._found = self._found or bool(phrases)
        yield from phrases

    def _next(self, chunk: ChannelChunk) -> list[Phrase]:
        samples = self._finite(chunk.samples)
        if self._listener is None:
            self._listener = listener(self._channels, samples.shape[1])
        self.heard += len(samples) / RATE
        self._loudest = max(self._loudest, *(level_dbfs(one) for one in samples.T))
        return list(self._listener.feed(samples, chunk.start))

    def notices(self) -> Iterator[QualityNoted]:
        """Yield what limits the file as a whole; complete when all phrases were taken."""
        if self._odd or self._reader.damaged:
            yield noted("damaged", "parts that are no sound were left out or taken as silence")
        if self._reader.truncated:
            yield noted("truncated", "the file ends early; analysed as far as it goes")
        if not self._found:
            yield no_speech(self._loudest if self.heard else 0.0)

    def _finite(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the samples with silence for what is no number; the same object where all are."""
        if np.isfinite(samples).all():
            return samples
        self._odd = True
        return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)


def no_speech(loudest: float) -> QualityNoted:
    """Say why nothing that was spoken was found.

    Args:
        loudest: Highest level of the whole sound, in decibels of full scale.
    """
    if loudest < SILENT_DBFS:
        return noted("silent", f"the sound never exceeds {SILENT_DBFS:g} dB of full scale")
    return noted("no-speech", "there is sound, but nothing that resembles speech")


def noted(flag: str, message: str) -> QualityNoted:
    """Return what limits a recording as a whole."""
    return QualityNoted(modality="voice", flag=flag, message=message)

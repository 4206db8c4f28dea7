"""What is to be told of one voice while it speaks, by its signal alone.

The signal is looked at chunk by chunk of 32 ms, so how it arrives makes no difference to what is
told: not to the words of it, and not to the place in the stream at which it is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import Affect, SegmentFound
from affectscope.errors import EmptyInput
from affectscope.speech.activity import Speech, SpeechFinder
from affectscope.speech.hearing import Hearing
from affectscope.speech.logmel import RATE
from affectscope.speech.phrases import no_speech, noted
from affectscope.speech.signal_quality import level_dbfs
from affectscope.speech.silero import CHUNK
from affectscope.telemetry import stage

EVERY_SECONDS: Final = 1.0
"""From one estimate of a phrase to the next, and from one sign of life to the next in silence."""

ENDING_SECONDS: Final = 0.16
"""Silence at which a phrase seems to end: the closures of most plosives are shorter."""


@dataclass(frozen=True)
class Told:
    """Something to be told.

    Attributes:
        heard: Seconds of sound after which it is told.
        message: A JSON object.
        phrase: The phrase that ended here, for whoever finds its words.
        affect: What it was judged to resemble, None where there is not enough evidence.
    """

    heard: float
    message: str
    phrase: Speech | None = None
    affect: Affect | None = None


class LiveListener:
    """Listens to one voice.

    Args:
        hearing: Judges phrases, without their words.
        stale: Tells whether so much sound waits that an estimate would be out of date at once; then
            those are left out, and nothing else.

    Attributes:
        spoken: Seconds of speech so far.
        segments: Phrases that ended so far.
    """

    def __init__(self, hearing: Hearing, stale: Callable[[], bool]) -> None:
        self._hearing = hearing
        self._stale = stale
        self._finder = SpeechFinder()
        self._rest: NDArray[np.float32] = np.zeros(0, np.float32)
        self._samples = 0
        self._told = 0.0
        self._began: float | None = None
        self._estimated = 0.0
        self._ending = False
        self._level: list[NDArray[np.float32]] = []
        self._loudest = -120.0
        self.segments = 0

    @property
    def heard(self) -> float:
        """Seconds of sound that were looked at."""
        return self._samples / RATE

    @property
    def spoken(self) -> float:
        """Seconds of speech in them."""
        return self._finder.spoken

    def feed(self, samples: NDArray[np.float32]) -> Iterator[Told]:
        """Take the next part of the signal; yields what it gives occasion to tell.

        Args:
            samples: Mono float32 [n] in [-1, 1] at 16 kHz, finite.
        """
        signal = np.concatenate([self._rest, samples])
        whole = len(signal) // CHUNK * CHUNK
        self._rest = signal[whole:]
        for chunk in signal[:whole].reshape(-1, CHUNK):
            yield from self._look(chunk)

    def finish(self, *, damaged: bool = False, truncated: bool = False) -> Iterator[Told]:
        """Take the end of the signal; yields what it gives occasion to tell.

        Args:
            damaged: Whether parts of the stream could not be decoded.
            truncated: Whether it broke off.

        Raises:
            EmptyInput: There was no sound at all.
        """
        if not self._samples and not len(self._rest):
            raise EmptyInput("no sound came before the end; valid: one sample or more")
        with stage("detect"):
            phrases = list(self._finder.feed(self._rest, self.heard))
            self._samples += len(self._rest)
            self._level.append(self._rest)
            phrases += self._finder.finish()
        yield from self._changes(phrases)
        self._measure()
        notes = []
        if damaged:
            notes.append(noted("damaged", "parts that are no sound were left out"))
        if truncated:
            notes.append(noted("truncated", "the stream breaks off; analysed as far as it goes"))
        if not self.segments:
            notes.append(no_speech(self._loudest))
        for note in notes:
            yield self._tell(note.model_dump(mode="json"))

    def _look(self, chunk: NDArray[np.float32]) -> Iterator[Told]:
        with stage("detect"):
            phrases = list(self._finder.feed(chunk, self.heard))
        self._samples += CHUNK
        self._level.append(chunk)
        yield from self._changes(phrases)
        if self._began is not None:
            yield from self._estimate()
        due = self._began is None and self.heard - self._told >= EVERY_SECONDS
        if due or len(self._level) * CHUNK >= RATE * EVERY_SECONDS:
            level = round(self._measure(), 1)
            if due and not self._stale():
                yield self._tell({"type": "quiet", "level_dbfs": level})

    def _changes(self, phrases: list[Speech]) -> Iterator[Told]:
        """Tell of what ended, and of what began."""
        before, now = self._began, self._finder.underway
        self._began = now
        for phrase in phrases:
            (found,) = self._hearing.hear(phrase)
            assert isinstance(found, SegmentFound)
            self.segments += 1
            self._told = self.heard
            yield Told(self.heard, found.model_dump_json(), phrase, found.segment.affect)
        if before is not None and now != before and not phrases:
            yield self._speech("dismissed", before)
        if now is not None and now != before:
            self._estimated, self._ending = now, False
            yield self._speech("began", now)

    def _estimate(self) -> Iterator[Told]:
        """Judge a phrase that goes on, where it is time to."""
        pausing = self._finder.pause >= ENDING_SECONDS
        ending, self._ending = pausing and not self._ending, pausing
        if not ending and (pausing or self.heard - self._estimated < EVERY_SECONDS):
            return
        phrase = self._finder.so_far()
        if phrase is None or self._stale():
            return
        self._estimated = self.heard
        state = "ending" if ending else "going-on"
        found = self._hearing.estimate(phrase).model_dump(mode="json", exclude={"type"})
        yield self._tell({"type": "speech", "state": state, "partial": True, **found})

    def _measure(self) -> float:
        """Return the level since the last time, and begin anew."""
        level = level_dbfs(np.concatenate(self._level)) if self._level else -120.0
        self._loudest = max(self._loudest, level)
        self._level.clear()
        return level

    def _speech(self, state: str, start: float) -> Told:
        return self._tell({"type": "speech", "state": state, "start": start})

    def _tell(self, message: dict[str, Any]) -> Told:
        self._told = self.heard
        return Told(self.heard, json.dumps(message, separators=(",", ":"), allow_nan=False))

"""Speech: what was said, how it sounded, and when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import (
    MediaNoted,
    ModelRef,
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    Track,
    TrackOpened,
    Utterance,
    UtteranceFound,
    affect_from,
)
from affectscope.errors import ModelNotPermitted
from affectscope.media import read_audio
from affectscope.models import card as model_card
from affectscope.speech import voice
from affectscope.speech.activity import Speech, SpeechFinder
from affectscope.speech.signal_quality import level_dbfs, quality_flags
from affectscope.speech.transcript import FasterWhisper, PocketSphinx, Transcriber, Transcript
from affectscope.telemetry import note_media, stage

SPEAKER = "speaker-1"
TRACK = "voice-1"
SILENT_DBFS = -70.0
"""Below this level everywhere a file is silent; a quiet room is louder."""

LEAST_CONFIDENCE = 0.3
"""Below this probability of the highest of eight labels the analyzer abstains (chance is .125)."""


class SpeechAnalyzer:
    """Finds speech, transcribes it, and judges the voice; one speaker a file.

    Constructing one is cheap; models are loaded on first use or by `load`.

    Args:
        engine: What transcribes; where absent, `default_engine`.
    """

    def __init__(self, engine: Transcriber | None = None) -> None:
        self._engine = engine or default_engine()
        self._voice = voice.VoiceModel()

    def load(self) -> None:
        """Load the models now instead of on first use."""
        self._engine.load()
        self._permitted()

    def _permitted(self) -> bool:
        try:
            return self._voice.model is not None
        except ModelNotPermitted:
            return False

    def stream(self, path: str | Path, *, transcribe: bool = True) -> Iterator[Record]:
        """Yield one track with a segment per spoken phrase, and the transcript.

        Args:
            path: Any audio file, or a video with sound.
            transcribe: Whether to find the words; without, everything else is much faster.

        Raises:
            EmptyInput, UnsupportedMedia, UndecodableMedia: As `read_audio` says; a file without
                sound is unsupported.
        """
        permitted = self._permitted()
        finder, loudest, found, odd = SpeechFinder(), -120.0, False, False
        with stage("decode"):
            reader = read_audio(path)
        with reader:
            yield MediaNoted(modality="voice", duration=reader.info.duration)
            yield TrackOpened(track=_track(permitted))
            while True:
                with stage("decode"):
                    chunk = next(reader, None)
                with stage("detect"):
                    if chunk is None:
                        phrases = list(finder.finish())
                    else:
                        samples = _finite(chunk.samples)
                        odd = odd or samples is not chunk.samples
                        loudest = max(loudest, level_dbfs(samples))
                        phrases = list(finder.feed(samples, chunk.start))
                for phrase in phrases:
                    found = True
                    yield from self._phrase(phrase, permitted, transcribe)
                if chunk is None:
                    break
                note_media(len(chunk.samples) / 16_000, "audio")
            if odd or reader.damaged:
                yield _noted("damaged", "parts that are no sound were left out or taken as silence")
            if reader.truncated:
                yield _noted("truncated", "the file ends early; analysed as far as it goes")
        if finder.heard and loudest < SILENT_DBFS:
            yield _noted("silent", f"the sound never exceeds {SILENT_DBFS:g} dB of full scale")
        elif not found:
            yield _noted("no-speech", "there is sound, but nothing that resembles speech")

    def _phrase(self, phrase: Speech, permitted: bool, transcribe: bool) -> Iterator[Record]:
        said: Transcript | None = None
        if transcribe:
            with stage("transcribe"):
                said = self._engine.transcribe(phrase)
        with stage("infer"):
            segment = self._segment(phrase, said, permitted)
        yield SegmentFound(track=TRACK, segment=segment)
        if said is not None and said.text:
            yield UtteranceFound(
                utterance=Utterance(
                    subject=SPEAKER,
                    start=phrase.start,
                    end=phrase.end,
                    text=said.text,
                    words=said.words,
                    confidence=said.confidence,
                    engine=self._engine.name,
                )
            )

    def _segment(self, phrase: Speech, said: Transcript | None, permitted: bool) -> Segment:
        quality = quality_flags(phrase.samples)
        affect, reason = None, None
        if not permitted:
            reason = "model-not-permitted"
        elif phrase.end - phrase.start < voice.SHORTEST_SECONDS:
            reason = "too-short"
        elif "quiet" in quality:
            reason = "quiet"
        else:
            affect = affect_from("ravdess-8", self._voice.predict(phrase.samples).tolist())
            if affect.confidence < LEAST_CONFIDENCE:
                affect, reason = None, "low-confidence"
        return Segment(
            start=phrase.start,
            end=phrase.end,
            affect=affect,
            abstained=reason,
            quality=quality,
            text=said.text if said else None,
            words=said.words if said else (),
            measures={"level_dbfs": level_dbfs(phrase.samples)},
        )


def default_engine() -> Transcriber:
    """Return faster-whisper where ``AFFECTSCOPE_WHISPER_PATH`` names its folder, else the embedded.

    Raises:
        ModelUnavailable: The variable names no usable folder.
    """
    folder = os.environ.get("AFFECTSCOPE_WHISPER_PATH")
    return FasterWhisper(Path(folder)) if folder else PocketSphinx()


def transcribe(path: str | Path, engine: Transcriber | None = None) -> list[Utterance]:
    """Return what is said in a file, phrase by phrase.

    Raises:
        UndecodableMedia, EmptyInput, UnsupportedMedia: As `SpeechAnalyzer.stream` says.
    """
    engine = engine or default_engine()
    finder, lines = SpeechFinder(), []
    with read_audio(path) as reader:
        phrases = [p for chunk in reader for p in finder.feed(_finite(chunk.samples), chunk.start)]
    for phrase in [*phrases, *finder.finish()]:
        said = engine.transcribe(phrase)
        if said.text:
            lines.append(
                Utterance(
                    subject=SPEAKER,
                    start=phrase.start,
                    end=phrase.end,
                    text=said.text,
                    words=said.words,
                    confidence=said.confidence,
                    engine=engine.name,
                )
            )
    return lines


def _track(permitted: bool) -> Track:
    card = model_card(voice.NAME)
    model = ModelRef(name=card.name, version=card.version, license_class=card.license_class)
    return Track(
        id=TRACK,
        subject=SPEAKER,
        modality="voice",
        vocabulary=card.vocabulary,
        model=model if permitted else None,
    )


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the samples with silence for what is no number; the same object where all are."""
    if np.isfinite(samples).all():
        return samples
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)


def _noted(flag: str, message: str) -> QualityNoted:
    return QualityNoted(modality="voice", flag=flag, message=message)

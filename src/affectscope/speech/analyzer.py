"""Speech: what was said, how it sounded, and when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from affectscope.affect import (
    MediaNoted,
    ModelRef,
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
from affectscope.models import card as model_card
from affectscope.speech import voice
from affectscope.speech.activity import Speech
from affectscope.speech.phrases import Phrases
from affectscope.speech.prosody import prosody
from affectscope.speech.signal_quality import level_dbfs, quality_flags
from affectscope.speech.transcript import FasterWhisper, PocketSphinx, Transcriber, Transcript
from affectscope.telemetry import stage

SPEAKER = "speaker-1"
TRACK = "voice-1"

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
        with Phrases(path) as phrases:
            yield MediaNoted(modality="voice", duration=phrases.duration)
            yield TrackOpened(track=_track(permitted))
            for phrase in phrases:
                yield from self._phrase(phrase, permitted, transcribe)
            yield from phrases.notices()

    def _phrase(self, phrase: Speech, permitted: bool, transcribe: bool) -> Iterator[Record]:
        said: Transcript | None = None
        if transcribe:
            with stage("transcribe"):
                said = self._engine.transcribe(phrase)
        with stage("prosody"):
            measures = {"level_dbfs": level_dbfs(phrase.samples), **prosody(phrase.samples)}
        with stage("infer"):
            segment = self._segment(phrase, said, measures, permitted)
        yield SegmentFound(track=TRACK, segment=segment)
        if said is not None and said.text:
            yield UtteranceFound(utterance=_utterance(phrase, said, self._engine.name))

    def _segment(
        self, phrase: Speech, said: Transcript | None, measures: dict[str, float], permitted: bool
    ) -> Segment:
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
            measures=measures,
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
    with Phrases(path) as phrases:
        heard = ((phrase, engine.transcribe(phrase)) for phrase in phrases)
        return [_utterance(phrase, said, engine.name) for phrase, said in heard if said.text]


def _utterance(phrase: Speech, said: Transcript, engine: str) -> Utterance:
    return Utterance(
        subject=SPEAKER,
        start=phrase.start,
        end=phrase.end,
        text=said.text,
        words=said.words,
        confidence=said.confidence,
        engine=engine,
    )


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

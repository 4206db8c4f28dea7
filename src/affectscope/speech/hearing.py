"""One speaker's phrases, each transcribed, measured and judged."""

from __future__ import annotations

from collections.abc import Iterator

from affectscope.affect import (
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
from affectscope.models import card as model_card
from affectscope.speech import voice
from affectscope.speech.activity import Speech
from affectscope.speech.prosody import prosody
from affectscope.speech.signal_quality import level_dbfs, quality_flags
from affectscope.speech.transcript import Transcriber, Transcript
from affectscope.telemetry import stage

LEAST_CONFIDENCE = 0.3
"""Below this probability of the highest of eight labels nothing is said (chance is .125)."""


class Hearing:
    """Turns the phrases of one speaker into records.

    Args:
        model: Judges the voice; None where the licence policy excludes it.
        engine: Finds the words; None where they are not wanted.
        track: Name of the track.
        speaker: Name of whoever speaks.
    """

    def __init__(
        self,
        model: voice.VoiceModel | None,
        engine: Transcriber | None,
        track: str = "voice-1",
        speaker: str = "speaker-1",
    ) -> None:
        self._model = model
        self._engine = engine
        self._name, self._speaker = track, speaker

    def opened(self) -> TrackOpened:
        """Return the track, which comes before its segments."""
        card = model_card(voice.NAME)
        model = ModelRef(name=card.name, version=card.version, license_class=card.license_class)
        track = Track(
            id=self._name,
            subject=self._speaker,
            modality="voice",
            vocabulary=card.vocabulary,
            model=model if self._model is not None else None,
        )
        return TrackOpened(track=track)

    def hear(self, phrase: Speech) -> Iterator[Record]:
        """Yield the segment of a phrase, and what was said in it."""
        said: Transcript | None = None
        if self._engine is not None:
            with stage("transcribe"):
                said = self._engine.transcribe(phrase)
        with stage("prosody"):
            measures = {"level_dbfs": level_dbfs(phrase.samples), **prosody(phrase.samples)}
        with stage("infer"):
            segment = self._segment(phrase, said, measures)
        yield SegmentFound(track=self._name, segment=segment)
        if self._engine is not None and said is not None and said.text:
            yield UtteranceFound(
                utterance=utterance(phrase, said, self._engine.name, self._speaker)
            )

    def estimate(self, phrase: Speech) -> SegmentFound:
        """Judge a phrase that still goes on by what was heard of it; only its level is measured."""
        with stage("infer"):
            segment = self._segment(phrase, None, {"level_dbfs": level_dbfs(phrase.samples)})
        return SegmentFound(track=self._name, segment=segment)

    def _segment(
        self, phrase: Speech, said: Transcript | None, measures: dict[str, float]
    ) -> Segment:
        quality = quality_flags(phrase.samples)
        affect, reason = None, None
        if self._model is None:
            reason = "model-not-permitted"
        elif phrase.end - phrase.start < voice.SHORTEST_SECONDS:
            reason = "too-short"
        elif "quiet" in quality:
            reason = "quiet"
        else:
            affect = affect_from("ravdess-8", self._model.predict(phrase.samples).tolist())
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


def speaker_name(number: int) -> str:
    """Return what the speaker of a number, from 1, is called."""
    return f"speaker-{number}"


def utterance(phrase: Speech, said: Transcript, engine: str, speaker: str) -> Utterance:
    """Return what a speaker said in a phrase."""
    return Utterance(
        subject=speaker,
        start=phrase.start,
        end=phrase.end,
        text=said.text,
        words=said.words,
        confidence=said.confidence,
        engine=engine,
    )

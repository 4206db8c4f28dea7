"""One speaker's phrases, each transcribed, measured and judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from affectscope.affect import (
    Affect,
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
from affectscope.speech.logmel import RATE
from affectscope.speech.prosody import prosody
from affectscope.speech.signal_quality import SignalQuality, level_dbfs, signal_quality
from affectscope.speech.sliding import windows
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
            quality = signal_quality(phrase.samples)
            level = {"level_dbfs": level_dbfs(phrase.samples)}
            measures = {**level, **prosody(phrase.samples), **quality.measures}
        with stage("infer"):
            segment = self._segment(phrase, said, measures, quality)
            if self._model is not None and quality.abstain is None:
                course = windows(phrase, lambda samples: self._judge(samples, quality))
                segment = segment.model_copy(update={"windows": course})
        yield SegmentFound(track=self._name, segment=segment)
        if self._engine is not None and said is not None and said.text:
            yield UtteranceFound(
                utterance=utterance(phrase, said, self._engine.name, self._speaker)
            )

    def estimate(self, phrase: Speech) -> SegmentFound:
        """Judge a phrase that still goes on by what was heard of it; only its level is measured."""
        with stage("infer"):
            level = {"level_dbfs": level_dbfs(phrase.samples)}
            segment = self._segment(phrase, None, level, signal_quality(phrase.samples))
        return SegmentFound(track=self._name, segment=segment)

    def _segment(
        self,
        phrase: Speech,
        said: Transcript | None,
        measures: dict[str, float],
        quality: SignalQuality,
    ) -> Segment:
        affect, reason = self._judge(phrase.samples, quality)
        return Segment(
            start=phrase.start,
            end=phrase.end,
            affect=affect,
            abstained=reason,
            quality=quality.flags,
            text=said.text if said else None,
            words=said.words if said else (),
            measures=measures,
        )

    def _judge(
        self, samples: NDArray[np.float32], quality: SignalQuality
    ) -> tuple[Affect | None, str | None]:
        """Return what a voice resembles, or the reason why that is not said.

        Args:
            samples: A phrase or a part of one.
            quality: Of the phrase.
        """
        if self._model is None:
            return None, "model-not-permitted"
        if len(samples) < voice.SHORTEST_SECONDS * RATE:
            return None, "too-short"
        if quality.abstain is not None:
            return None, quality.abstain
        affect = affect_from("ravdess-8", self._model.predict(samples).tolist())
        return (None, "low-confidence") if affect.confidence < LEAST_CONFIDENCE else (affect, None)


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

"""One speaker's phrases, each transcribed, measured and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

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
    Window,
    affect_from,
)
from affectscope.models import card as model_card
from affectscope.speech import voice
from affectscope.speech.activity import Speech
from affectscope.speech.known_voice import KnownVoice
from affectscope.speech.logmel import RATE
from affectscope.speech.prosody import prosody_of
from affectscope.speech.signal_quality import SignalQuality, level_dbfs, signal_quality
from affectscope.speech.sliding import windows
from affectscope.speech.sound import Sound
from affectscope.speech.transcript import Transcriber, Transcript
from affectscope.telemetry import stage

LEAST_CONFIDENCE = 0.3
"""Below this probability of the highest of eight labels nothing is said (chance is .125)."""


class Hearing:
    """Turns the phrases of one speaker into records, and learns how they show each emotion.

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
        self._voice = None if model is None else KnownVoice(model)
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
            model=model if self._voice is not None else None,
        )
        return TrackOpened(track=track)

    def hear(self, phrase: Speech) -> Iterator[Record]:
        """Yield the segment of a phrase, and what was said in it."""
        said: Transcript | None = None
        if self._engine is not None:
            with stage("transcribe"):
                said = self._engine.transcribe(phrase)
        sound = Sound(phrase.samples)
        with stage("prosody"):
            quality = signal_quality(phrase.samples)
            level = {"level_dbfs": level_dbfs(phrase.samples)}
            measures = {**level, **prosody_of(sound), **quality.measures}
        with stage("infer"):
            reason = self._excluded(phrase, quality)
            shares: NDArray[np.float32] | None = None
            course: tuple[Window, ...] = ()
            if self._voice is not None and reason is None:
                judged = self._voice.judge(sound, measures)
                part = partial(self._voice.judge_part, phrase=judged)
                course = windows(phrase, sound.mels, lambda mels: _told(part(mels), None))
                self._voice.learn(judged)
                shares = judged.shares
        segment = _segment(phrase, shares, reason, quality, measures).model_copy(
            update={
                "text": said.text if said else None,
                "words": said.words if said else (),
                "windows": course,
            }
        )
        yield SegmentFound(track=self._name, segment=segment)
        if self._engine is not None and said is not None and said.text:
            yield UtteranceFound(
                utterance=utterance(phrase, said, self._engine.name, self._speaker)
            )

    def estimate(self, phrase: Speech) -> SegmentFound:
        """Judge a phrase that still goes on by what was heard of it; only its level is told."""
        sound = Sound(phrase.samples)
        shares = None
        with stage("prosody"):
            quality = signal_quality(phrase.samples)
            reason = self._excluded(phrase, quality)
            measures = prosody_of(sound) if reason is None else {}
        with stage("infer"):
            if self._voice is not None and reason is None:
                shares = self._voice.judge(sound, measures).shares
        level = {"level_dbfs": level_dbfs(phrase.samples)}
        segment = _segment(phrase, shares, reason, quality, level)
        return SegmentFound(track=self._name, segment=segment)

    def _excluded(self, phrase: Speech, quality: SignalQuality) -> str | None:
        """Return why a phrase cannot be judged, if it cannot."""
        if self._voice is None:
            return "model-not-permitted"
        if len(phrase.samples) < voice.SHORTEST_SECONDS * RATE:
            return "too-short"
        return quality.abstain


def _segment(
    phrase: Speech,
    shares: NDArray[np.float32] | None,
    reason: str | None,
    quality: SignalQuality,
    measures: Mapping[str, float],
) -> Segment:
    affect, reason = _told(shares, reason)
    return Segment(
        start=phrase.start,
        end=phrase.end,
        affect=affect,
        abstained=reason,
        quality=quality.flags,
        measures=dict(measures),
    )


def _told(
    shares: NDArray[np.float32] | None, reason: str | None
) -> tuple[Affect | None, str | None]:
    """Return what is said of probabilities, or the reason why nothing is."""
    if shares is None:
        return None, reason
    affect = affect_from("ravdess-8", shares.tolist())
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

"""Records as analyzers yield them, one by one, and the builder that collects them into a session.

The same records are the lines of a streamed answer, so a long analysis can be read as it happens
and its memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from affectscope.affect.entry import Entry, Modality
from affectscope.affect.purpose import Purpose
from affectscope.affect.records import (
    Notice,
    Segment,
    Session,
    Subject,
    SurveyResult,
    Track,
    Utterance,
)
from affectscope.affect.summaries import ConversationSummary, FaceSummary, TurnTaking
from affectscope.errors import AnswerTooLarge

SEGMENT_LIMIT = 10_000
"""Most segments in one document."""


class MediaNoted(Entry):
    """How long a medium is, as soon as it is known."""

    type: Literal["media"] = "media"
    modality: Modality
    duration: float | None = Field(
        description="Seconds, or None for a still image or an unknown length."
    )


class TrackOpened(Entry):
    """A track begins; its segments follow."""

    type: Literal["track"] = "track"
    track: Track


class SegmentFound(Entry):
    """One more segment of an opened track."""

    type: Literal["segment"] = "segment"
    track: str = Field(description="Id of the track.")
    segment: Segment


class UtteranceFound(Entry):
    """One more line of the transcript."""

    type: Literal["utterance"] = "utterance"
    utterance: Utterance


class SurveyScored(Entry):
    """A questionnaire was scored."""

    type: Literal["survey"] = "survey"
    result: SurveyResult


class ConversationSummarised(Entry):
    """A conversation is through; what it says as a whole."""

    type: Literal["conversation"] = "conversation"
    summary: ConversationSummary


class FaceSummarised(Entry):
    """The video is through; what it says of one face as a whole."""

    type: Literal["face"] = "face"
    summary: FaceSummary


class TurnsSummarised(Entry):
    """A recording is through; who spoke when in it."""

    type: Literal["turns"] = "turns"
    summary: TurnTaking


class ProgressMade(Entry):
    """How far a long analysis is; in streamed answers only."""

    type: Literal["progress"] = "progress"
    done: int
    total: int | None = Field(default=None, description="None where nobody knows.")
    unit: Literal["messages", "seconds"] = Field(
        default="messages", description="What is counted; seconds are those of the medium."
    )
    modality: Modality | None = Field(
        default=None, description="Of which part, where several are analysed at once."
    )


class QualityNoted(Entry):
    """Something about a whole input that limits what can be said of it."""

    type: Literal["quality"] = "quality"
    modality: Modality
    flag: str = Field(description="Such as `silent`, `no-speech`, `black`, `no-face`, `truncated`.")
    message: str


Record = Annotated[
    MediaNoted
    | TrackOpened
    | SegmentFound
    | UtteranceFound
    | SurveyScored
    | ConversationSummarised
    | FaceSummarised
    | TurnsSummarised
    | ProgressMade
    | QualityNoted,
    Field(discriminator="type"),
]


class SessionBuilder:
    """Collects records into one session.

    Args:
        purpose: Declared purpose, already checked.
        justification: Recorded with the session.
        limit: Most segments that one document holds.
    """

    def __init__(
        self,
        purpose: Purpose = "unspecified",
        justification: str | None = None,
        *,
        limit: int = SEGMENT_LIMIT,
    ) -> None:
        self._purpose = purpose
        self._justification = justification
        self._limit = limit
        self._count = 0
        self._duration: float | None = None
        self._tracks: dict[str, Track] = {}
        self._segments: dict[str, list[Segment]] = {}
        self._transcript: list[Utterance] = []
        self._surveys: list[SurveyResult] = []
        self._conversations: list[ConversationSummary] = []
        self._faces: list[FaceSummary] = []
        self._turn_taking: list[TurnTaking] = []
        self._quality: dict[Modality, list[str]] = {}
        self.warnings: list[Notice] = []

    def add(self, record: Record) -> None:
        """Take one record.

        Raises:
            AnswerTooLarge: More segments than one document holds.
            KeyError: A segment of a track that was never opened, which is a defect of the analyzer.
        """
        match record:
            case SegmentFound():
                self._count += 1
                if self._count > self._limit:
                    raise AnswerTooLarge(
                        f"the answer has more than {self._limit} segments; ask for 'Accept: "
                        f"application/x-ndjson' "
                        "to stream all of them, or sample fewer",
                        limit=self._limit,
                    )
                self._segments[record.track].append(record.segment)
            case TrackOpened():
                self._tracks[record.track.id] = record.track
                self._segments[record.track.id] = list(record.track.segments)
            case UtteranceFound():
                self._transcript.append(record.utterance)
            case SurveyScored():
                self._surveys.append(record.result)
                self.warnings += [
                    Notice(code="safety-notice", message=text, modality="survey")
                    for text in record.result.notices
                ]
            case ConversationSummarised():
                self._conversations.append(record.summary)
            case FaceSummarised():
                self._faces.append(record.summary)
            case TurnsSummarised():
                self._turn_taking.append(record.summary)
            case QualityNoted():
                self._quality.setdefault(record.modality, []).append(record.flag)
                self.warnings.append(
                    Notice(code=record.flag, message=record.message, modality=record.modality)
                )
            case MediaNoted():
                if record.duration is not None:
                    self._duration = max(record.duration, self._duration or 0.0)
            case ProgressMade():
                pass  # what is in a document is all there

    def extend(self, records: Iterable[Record]) -> SessionBuilder:
        """Take many records; returns itself."""
        for record in records:
            self.add(record)
        return self

    def build(self) -> Session:
        """Return the session of all records so far."""
        tracks = tuple(
            track.model_copy(update={"segments": tuple(self._segments[track.id])})
            for track in self._tracks.values()
        )
        names = [
            *(track.subject for track in tracks),
            *(utterance.subject for utterance in self._transcript),
            *(survey.respondent for survey in self._surveys),
        ]
        return Session(
            purpose=self._purpose,
            justification=self._justification,
            duration=self._duration,
            subjects=tuple(Subject(id=name, label=name) for name in dict.fromkeys(names)),
            tracks=tracks,
            transcript=tuple(self._transcript),
            surveys=tuple(self._surveys),
            conversations=tuple(self._conversations),
            faces=tuple(self._faces),
            turn_taking=tuple(self._turn_taking),
            quality={modality: tuple(flags) for modality, flags in self._quality.items()},
        )

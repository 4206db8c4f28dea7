"""The data model: affect, segments, tracks, and the session that holds them all.

Times are seconds on the session's clock; intervals are half-open, ``[start, end)``. An interval
with ``start == end`` is an instant, such as a chat message of which only the moment is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from pydantic import Field, model_validator

from affectscope.affect.circumplex import circumplex
from affectscope.affect.entry import Entry, LicenseClass, Modality, Polar, Probability, Seconds
from affectscope.affect.purpose import Purpose
from affectscope.affect.summaries import ConversationSummary, FaceSummary, TurnTaking
from affectscope.affect.vocabularies import vocabulary

SCHEMA_VERSION = "1.3"
"""Grows in its second part when fields are added, in its first when a reader must change."""


class Affect(Entry):
    """Perceived affect: scores over a named vocabulary and a place on the circumplex."""

    vocabulary: str = Field(
        description="Name of the label set, such as `ferplus-8`.", examples=["ferplus-8"]
    )
    scores: dict[str, Probability] = Field(description="Label to calibrated probability.")
    valence: Polar = Field(description="Unpleasant (-1) to pleasant (1).")
    arousal: Polar = Field(description="Calm (-1) to excited (1).")
    dominance: Polar | None = Field(
        default=None, description="Controlled (-1) to in control (1), where measured."
    )
    confidence: Probability = Field(description="Calibrated probability of the highest label.")
    present: tuple[str, ...] = Field(
        default=(),
        description="Labels above the model's thresholds, where several may be there at once.",
    )

    @property
    def label(self) -> str:
        """The label with the highest score."""
        return max(self.scores, key=self.scores.__getitem__)


class Word(Entry):
    """One spoken word."""

    text: str
    start: Seconds
    end: Seconds
    confidence: Probability | None = None


class WordWeight(Entry):
    """How much one word of a text moved the model towards labels; not why somebody wrote it."""

    text: str
    start: int = Field(ge=0, description="Characters of the text before the word.")
    end: int = Field(ge=0, description="Characters of the text up to the end of the word.")
    weights: dict[str, float] = Field(
        description="Label to the change of its logit: above 0 speaks for it, below 0 against it."
    )


class Box(Entry):
    """A rectangle in pixels of the displayed frame; it may reach beyond the frame."""

    x: float
    y: float
    width: float = Field(ge=0)
    height: float = Field(ge=0)


class Window(Entry):
    """Affect over a part of a segment, or the reason why there is none."""

    start: Seconds
    end: Seconds
    affect: Affect | None = None
    abstained: str | None = None


class Segment(Entry):
    """Affect over one interval, or the reason why there is none."""

    start: Seconds
    end: Seconds
    affect: Affect | None = Field(
        default=None, description="Absent exactly where the analyzer abstained."
    )
    abstained: str | None = Field(
        default=None, description="Why there is no affect, such as `too-short`."
    )
    quality: tuple[str, ...] = Field(default=(), description="Flags such as `blurred`, `clipped`.")
    text: str | None = Field(default=None, description="What was said or written in this interval.")
    words: tuple[Word, ...] = ()
    box: Box | None = Field(default=None, description="Where the face was at `start`.")
    frame: int | None = Field(
        default=None, ge=0, description="Number of the picture among those looked at, from 0."
    )
    measures: dict[str, float] = Field(
        default_factory=dict, description="Further measured figures by name."
    )
    explanation: tuple[WordWeight, ...] = Field(
        default=(),
        description="What each word of the text does to the top labels, where asked for.",
    )
    windows: tuple[Window, ...] = Field(
        default=(),
        description="How the affect of a long segment goes: windows in order of time, which overlap.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Segment:
        if self.end < self.start:
            raise ValueError(f"a segment ends before it starts: start {self.start}, end {self.end}")
        if (self.affect is None) == (self.abstained is None):
            raise ValueError("a segment has either an affect or the reason why it abstained")
        return self


class ModelRef(Entry):
    """Which model spoke, and under which class of licence its weights are."""

    name: str
    version: str
    license_class: LicenseClass


class Track(Entry):
    """The segments of one subject in one modality, in order of time."""

    id: str
    subject: str
    modality: Modality
    vocabulary: str | None = None
    model: ModelRef | None = None
    possibly_same_as: str | None = Field(
        default=None,
        description="Id of the track, ended before this one began, that it most plausibly continues "
        "by place, size and time alone; None where none is plausible.",
    )
    segments: tuple[Segment, ...] = ()


class FusedTrack(Entry):
    """What all modalities say together of one subject, over `core-7`."""

    id: str
    subject: str
    vocabulary: str = "core-7"
    method: str = Field(description="Name and version of the fusion.", examples=["linear-pool-1"])
    members: tuple[str, ...] = Field(description="Ids of the tracks that were fused.")
    segments: tuple[Segment, ...] = ()


class Subject(Entry):
    """Someone that the session is about; no identity beyond this session."""

    id: str
    label: str
    members: tuple[str, ...] = Field(
        default=(), description="Subjects of single modalities that are presumed to be this one."
    )


class Utterance(Entry):
    """What one subject said between two pauses, and which engine heard it."""

    subject: str
    start: Seconds
    end: Seconds
    text: str
    words: tuple[Word, ...] = ()
    confidence: Probability | None = None
    engine: str


class SurveyResult(Entry):
    """One filled questionnaire, scored by its published rule."""

    instrument: str
    title: str
    respondent: str = "respondent"
    time: Seconds | None = None
    answers: tuple[int | None, ...]
    missing: tuple[int, ...] = Field(
        default=(), description="Numbers of the items without an answer, from 1."
    )
    prorated: bool = Field(
        default=False, description="True where missing items were replaced by the rule."
    )
    score: float | None = Field(description="None where too many items are missing to score.")
    score_range: tuple[float, float]
    band: str | None
    interpretation: str
    notices: tuple[str, ...] = Field(default=(), description="Safety notices.")
    sources: tuple[str, ...] = Field(description="Publications of the scoring rule and the bands.")


class Notice(Entry):
    """Something that the reader of an answer should know."""

    code: str
    message: str
    modality: Modality | None = None


class Session(Entry):
    """Everything about one analysed occasion, on one clock."""

    schema_version: str = SCHEMA_VERSION
    id: str = Field(default_factory=lambda: uuid4().hex)
    purpose: Purpose = "unspecified"
    justification: str | None = None
    duration: Seconds | None = Field(
        default=None, description="Length of the longest medium, where one has a length."
    )
    subjects: tuple[Subject, ...] = ()
    tracks: tuple[Track, ...] = ()
    transcript: tuple[Utterance, ...] = ()
    surveys: tuple[SurveyResult, ...] = ()
    conversations: tuple[ConversationSummary, ...] = ()
    faces: tuple[FaceSummary, ...] = Field(
        default=(), description="One for each track of a face, over all its time."
    )
    turn_taking: tuple[TurnTaking, ...] = Field(
        default=(), description="One for each recording of voices."
    )
    fused: tuple[FusedTrack, ...] = Field(
        default=(), description="One track per subject over `core-7`, all modalities together."
    )
    quality: dict[Modality, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Flags of a whole input by modality, such as `silent`, `no-face`.",
    )


def affect_from(
    name: str,
    probabilities: Sequence[float],
    *,
    valence: float | None = None,
    arousal: float | None = None,
    dominance: float | None = None,
    present: Sequence[str] = (),
) -> Affect:
    """Build an affect from a model's calibrated output.

    Args:
        name: Vocabulary of the output.
        probabilities: One number in [0, 1] for each label, in the order of the vocabulary.
        valence: In [-1, 1] where a model measured it, else the circumplex of the probabilities.
        arousal: Likewise.
        dominance: In [-1, 1] where a model measured it.
        present: Labels above the model's thresholds, where several may be there at once.

    Returns:
        The affect, its confidence being the highest probability.

    Raises:
        ValueError: The number of probabilities is not the number of labels.
    """
    labels = vocabulary(name).labels
    scores = {
        label: min(1.0, max(0.0, float(p))) for label, p in zip(labels, probabilities, strict=True)
    }
    place = circumplex(name, scores)
    return Affect(
        vocabulary=name,
        scores=scores,
        valence=place[0] if valence is None else min(1.0, max(-1.0, float(valence))),
        arousal=place[1] if arousal is None else min(1.0, max(-1.0, float(arousal))),
        dominance=None if dominance is None else min(1.0, max(-1.0, float(dominance))),
        confidence=max(scores.values()),
        present=tuple(present),
    )

"""Records become a session, within limits."""

import pytest

from affectscope.affect import (
    MediaNoted,
    QualityNoted,
    Segment,
    SegmentFound,
    SessionBuilder,
    SurveyResult,
    SurveyScored,
    Track,
    TrackOpened,
    TurnsSummarised,
    TurnTaking,
    Utterance,
    UtteranceFound,
)
from affectscope.errors import AnswerTooLarge

TRACK = TrackOpened(track=Track(id="face-1", subject="face-1", modality="face"))


def found(start: float) -> SegmentFound:
    return SegmentFound(
        track="face-1", segment=Segment(start=start, end=start + 1, abstained="dark")
    )


def test_segments_join_their_tracks_in_order() -> None:
    session = SessionBuilder().extend([TRACK, found(0), found(1)]).build()

    assert [segment.start for segment in session.tracks[0].segments] == [0, 1]
    assert [subject.id for subject in session.subjects] == ["face-1"]


def test_every_kind_of_record_finds_its_place() -> None:
    scored = SurveyResult(
        instrument="phq-9",
        title="PHQ-9",
        answers=(1,),
        score=1,
        score_range=(0, 27),
        band="minimal",
        interpretation="a screening score, not a diagnosis",
        notices=("please seek help",),
        sources=("Kroenke 2001",),
    )
    utterance = Utterance(subject="speaker-1", start=0, end=1, text="hello", engine="pocketsphinx")
    talk = TurnTaking(
        duration=4.0, speech=1.0, speech_ratio=0.25, simultaneous=0.0, lapses=0, lapse_seconds=0.0
    )
    builder = SessionBuilder("medical", "follow-up").extend(
        [
            MediaNoted(modality="face", duration=None),
            MediaNoted(modality="voice", duration=4.0),
            MediaNoted(modality="face", duration=3.0),
            UtteranceFound(utterance=utterance),
            SurveyScored(result=scored),
            QualityNoted(modality="face", flag="black", message="every frame is black"),
            TurnsSummarised(summary=talk),
        ]
    )

    session = builder.build()

    assert session.duration == 4.0
    assert session.transcript == (utterance,)
    assert session.surveys == (scored,)
    assert session.turn_taking == (talk,)
    assert session.quality == {"face": ("black",)}
    assert (session.purpose, session.justification) == ("medical", "follow-up")
    assert [(one.code, one.modality) for one in builder.warnings] == [
        ("safety-notice", "survey"),
        ("black", "face"),
    ]
    assert [subject.id for subject in session.subjects] == ["speaker-1", "respondent"]


def test_more_segments_than_a_document_holds_name_the_stream() -> None:
    builder = SessionBuilder(limit=2).extend([TRACK, found(0), found(1)])

    with pytest.raises(AnswerTooLarge, match="application/x-ndjson"):
        builder.add(found(2))

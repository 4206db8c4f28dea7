"""Sessions of single modalities become one, on one clock."""

from affectscope.affect import (
    FaceSummary,
    Modality,
    Segment,
    Session,
    SurveyResult,
    Track,
    TurnTaking,
    Utterance,
    affect_from,
)
from affectscope.session import PERSON, combine

SURE = affect_from("core-7", [0.9, 0.1, 0, 0, 0, 0, 0])


def session(
    modality: Modality, subject: str, *, text: str | None = None, start: float = 0.0
) -> Session:
    end = start if text else start + 1.0
    segment = Segment(start=start, end=end, affect=SURE, text=text)
    one = Track(id=f"{modality}-1", subject=subject, modality=modality, segments=(segment,))
    return Session(tracks=(one,), duration=2.0, quality={modality: ("truncated",)})


def said(text: str) -> Session:
    line = Utterance(subject="speaker-1", start=0.5, end=1.75, text=text, engine="pocketsphinx")
    return session("voice", "speaker-1").model_copy(update={"transcript": (line,)})


def test_one_face_and_one_voice_are_presumed_to_be_one_person() -> None:
    whole = combine(
        [session("face", "face-1"), said("hello"), session("text", "speaker-1", text="hello")]
    )

    assert whole.subjects[0].id == PERSON
    assert whole.subjects[0].members == ("face-1", "speaker-1")
    assert [track.subject for track in whole.fused] == [PERSON]
    assert whole.fused[0].members == ("face-1", "voice-1", "text-1")


def test_two_faces_stay_apart_from_a_voice() -> None:
    whole = combine(
        [session("face", "face-1"), session("face", "face-2"), session("voice", "speaker-1")]
    )

    assert {track.subject for track in whole.fused} == {"face-1", "face-2", "speaker-1"}
    assert PERSON not in {subject.id for subject in whole.subjects}


def test_tracks_of_the_same_name_are_numbered_anew() -> None:
    whole = combine([session("text", "Ann", text="a"), session("text", "Ben", text="b")])

    assert [track.id for track in whole.tracks] == ["text-1", "text-2"]


def test_the_summary_of_a_face_goes_with_its_track() -> None:
    def seen(end: float) -> Session:
        statistics = FaceSummary(
            track="face-1",
            start=0.0,
            end=end,
            frames=1,
            seen=end,
            judged=0.0,
            abstained={"dark": end},
            labels={},
            valence=None,
            arousal=None,
            valence_deviation=None,
            arousal_deviation=None,
            longest=None,
        )
        return session("face", "face-1").model_copy(update={"faces": (statistics,)})

    whole = combine([seen(1.0), seen(2.0)])

    assert [track.id for track in whole.tracks] == ["face-1", "face-2"]
    assert [(face.track, face.end) for face in whole.faces] == [("face-1", 1.0), ("face-2", 2.0)]


def test_a_track_that_is_numbered_anew_still_says_whom_it_may_continue() -> None:
    def film() -> Session:
        first = Track(id="face-1", subject="face-1", modality="face")
        second = Track(id="face-2", subject="face-2", modality="face", possibly_same_as="face-1")
        return Session(tracks=(first, second))

    whole = combine([film(), film()])

    assert [(track.id, track.possibly_same_as) for track in whole.tracks] == [
        ("face-1", None),
        ("face-2", "face-1"),
        ("face-3", None),
        ("face-4", "face-3"),
    ]


def test_text_that_was_spoken_takes_the_time_of_the_speech() -> None:
    whole = combine([said("hello"), session("text", "speaker-1", text="hello", start=0.5)])

    (segment,) = whole.tracks[1].segments
    assert (segment.start, segment.end) == (0.5, 1.75)


def test_everything_else_is_kept() -> None:
    survey = SurveyResult(
        instrument="who-5",
        title="WHO-5",
        answers=(1,),
        score=4,
        score_range=(0, 100),
        band="low",
        interpretation="low",
        sources=("Topp 2015",),
    )
    face = session("face", "face-1").model_copy(update={"surveys": (survey,), "duration": 7.5})

    whole = combine([face, said("hello")], purpose="medical", justification="follow-up")

    assert whole.duration == 7.5
    assert whole.surveys == (survey,)
    assert whole.quality == {"face": ("truncated",), "voice": ("truncated",)}
    assert (whole.purpose, whole.justification) == ("medical", "follow-up")
    assert "respondent" in {subject.id for subject in whole.subjects}


def test_two_videos_are_not_one_person() -> None:
    film = [session("face", "face-1"), said("hello")]

    whole = combine([*film, *film])

    assert [subject.id for subject in whole.subjects] == [
        "face-1",
        "speaker-1",
        "face-2",
        "speaker-2",
    ]
    assert {track.subject for track in whole.fused} == {subject.id for subject in whole.subjects}


def test_who_spoke_when_is_kept_for_each_recording() -> None:
    talk = TurnTaking(
        duration=2, speech=1, speech_ratio=0.5, simultaneous=0, lapses=0, lapse_seconds=0
    )
    recording = said("hello").model_copy(update={"turn_taking": (talk,)})

    assert combine([recording, recording]).turn_taking == (talk, talk)


def test_nothing_gives_an_empty_session() -> None:
    assert combine([]).tracks == ()

"""Tracks and people of several files have ids of their own."""

from affectscope.affect import (
    ConversationSummary,
    FloorTransfers,
    Modality,
    Reciprocity,
    Session,
    SpeakerSummary,
    SpeakerTurns,
    Track,
    TurnTaking,
    Utterance,
)
from affectscope.session.unique_ids import with_unique_ids


def track(modality: Modality, subject: str, number: int = 1) -> Track:
    return Track(id=f"{modality}-{number}", subject=subject, modality=modality)


def tracks_of(*sessions: Session) -> list[tuple[str, str]]:
    found = with_unique_ids(sessions)
    return [(one.id, one.subject) for session in found for one in session.tracks]


def call() -> Session:
    """Two who speak, their words judged as text, and all that is said of them."""
    lines = [
        Utterance(subject=f"speaker-{number}", start=number, end=number + 1, text="hi", engine="x")
        for number in (1, 2)
    ]
    spoken = SpeakerSummary(
        speaker="speaker-1",
        messages=1,
        judged=0,
        valence=None,
        arousal=None,
        valence_deviation=None,
        labels={},
    )
    followed = Reciprocity(
        speaker="speaker-2", follows="speaker-1", exchanges=1, abstained="too-few-exchanges"
    )
    turns = SpeakerTurns(
        speaker="speaker-2",
        phrases=1,
        speaking=1.0,
        share=1.0,
        turns=1,
        turn_mean=1.0,
        turn_median=1.0,
        pauses=0,
        pause_seconds=0.0,
        pause_median=None,
        interruptions=0,
        backchannels=0,
    )
    transfers = FloorTransfers(
        speaker="speaker-2",
        follows="speaker-1",
        transfers=1,
        gaps=1,
        gap_seconds=0.2,
        gap_median=0.2,
        overlaps=0,
        overlap_seconds=0.0,
        overlap_median=None,
        offset_median=0.2,
        interruptions=0,
    )
    talk = TurnTaking(
        duration=3.0,
        speech=2.0,
        speech_ratio=0.6,
        simultaneous=0.0,
        lapses=0,
        lapse_seconds=0.0,
        speakers=(turns,),
        transfers=(transfers,),
    )
    return Session(
        tracks=(
            track("voice", "speaker-1", 1),
            track("voice", "speaker-2", 2),
            track("text", "speaker-1", 1),
            track("text", "speaker-2", 2),
        ),
        transcript=tuple(lines),
        conversations=(
            ConversationSummary(
                messages=2,
                judged=0,
                abstained={},
                speakers=(spoken,),
                reciprocity=(followed,),
            ),
        ),
        turn_taking=(talk,),
    )


def test_people_of_a_second_file_are_others() -> None:
    recording = call()

    first, second = with_unique_ids([recording, recording])

    assert first == recording
    assert [(one.id, one.subject) for one in second.tracks] == [
        ("voice-3", "speaker-3"),
        ("voice-4", "speaker-4"),
        ("text-3", "speaker-3"),
        ("text-4", "speaker-4"),
    ]
    assert [line.subject for line in second.transcript] == ["speaker-3", "speaker-4"]
    (conversation,), (talk,) = second.conversations, second.turn_taking
    assert conversation.speakers[0].speaker == "speaker-3"
    assert (conversation.reciprocity[0].speaker, conversation.reciprocity[0].follows) == (
        "speaker-4",
        "speaker-3",
    )
    assert talk.speakers[0].speaker == "speaker-4"
    assert (talk.transfers[0].speaker, talk.transfers[0].follows) == ("speaker-4", "speaker-3")


def test_faces_of_two_videos_are_others() -> None:
    film = Session(tracks=(track("face", "face-1", 1), track("face", "face-2", 2)))

    assert tracks_of(film, film) == [
        ("face-1", "face-1"),
        ("face-2", "face-2"),
        ("face-3", "face-3"),
        ("face-4", "face-4"),
    ]


def test_a_face_and_a_voice_keep_their_ids() -> None:
    film = [
        Session(tracks=(track("face", "face-1"),)),
        Session(tracks=(track("voice", "speaker-1"),)),
    ]

    assert tracks_of(*film) == [("face-1", "face-1"), ("voice-1", "speaker-1")]


def test_words_that_come_apart_from_their_voice_stay_with_it() -> None:
    voice = Session(tracks=(track("voice", "speaker-1"),))
    words = Session(tracks=(track("text", "speaker-1"),))

    assert tracks_of(voice, words) == [("voice-1", "speaker-1"), ("text-1", "speaker-1")]


def test_who_writes_in_two_chats_is_the_same() -> None:
    chat = Session(tracks=(track("text", "Ann"),))

    assert tracks_of(chat, chat) == [("text-1", "Ann"), ("text-2", "Ann")]

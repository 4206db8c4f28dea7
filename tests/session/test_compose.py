"""One call analyses everything of one occasion."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import pytest

import affectscope
from affectscope.affect import Record, Session
from affectscope.errors import MissingField, PurposeRefused
from affectscope.media import read_frames
from affectscope.samples import sample
from affectscope.session import PERSON, analyze


@pytest.fixture(scope="module")
def whole() -> Session:
    return analyze(
        sample("video"), chat=sample("chat"), survey=sample("survey"), purpose="research", fps=2
    )


def test_every_modality_is_there(whole: Session) -> None:
    assert {track.modality for track in whole.tracks} == {"face", "voice", "text"}
    assert whole.surveys[0].score is not None
    assert whole.transcript
    assert whole.purpose == "research"


def test_face_voice_and_words_are_fused_into_one_person(whole: Session) -> None:
    fused = next(track for track in whole.fused if track.subject == PERSON)

    modalities = {track.modality for track in whole.tracks if track.id in fused.members}
    assert modalities == {"face", "voice", "text"}
    assert any("weight_face" in segment.measures for segment in fused.segments)


def test_the_smile_of_the_portrait_is_seen(whole: Session) -> None:
    face = next(track for track in whole.tracks if track.modality == "face")

    labels = [segment.affect.label for segment in face.segments if segment.affect]
    assert labels.count("happiness") > len(labels) / 2


def test_spoken_words_bear_the_times_of_the_speech(whole: Session) -> None:
    spoken = {(line.start, line.end) for line in whole.transcript}
    words = [t for t in whole.tracks if t.modality == "text" and t.subject == "speaker-1"]

    assert {(s.start, s.end) for t in words for s in t.segments} <= spoken


def test_a_survey_alone_needs_no_model() -> None:
    session = affectscope.analyze(survey={"instrument": "who-5", "answers": [5, 4, 4, 3, 4]})

    assert session.surveys[0].score == 80.0
    assert session.tracks == ()


def test_records_are_told_as_they_are_found() -> None:
    seen: list[Record] = []
    lock = threading.Lock()

    def listen(record: Record) -> None:
        with lock:
            seen.append(record)

    analyze(chat="I am so happy", on_record=listen)

    assert [record.type for record in seen] == ["track", "segment"]


def test_where_one_part_fails_the_others_stop() -> None:
    failed = threading.Event()
    told: list[str] = []

    def listen(record: Record) -> None:
        if record.type == "media":
            failed.wait(60)
        elif failed.is_set():
            told.append(record.type)
            time.sleep(0.05)  # time for the others to hear of it
        if record.type == "segment" and record.track == "text-1":
            failed.set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        analyze(sample("video"), chat="I am so happy", fps=25, on_record=listen)

    assert len(told) < 70


def test_the_purpose_is_checked_before_anything_is_analysed() -> None:
    with pytest.raises(PurposeRefused, match="face and voice"):
        analyze(sample("video"), purpose="workplace")
    with pytest.raises(MissingField, match="justification"):
        analyze(chat="hello", purpose="medical")
    assert analyze(chat="hello", purpose="education").purpose == "education"


def test_numbered_images_last_as_their_rate_says(tmp_path: Path) -> None:
    with read_frames(sample("video"), 1.0) as reader:
        for frame in reader:
            cv2.imwrite(str(tmp_path / f"{frame.index}.png"), frame.image[:, :, ::-1])

    session = analyze(tmp_path, fps=60, sequence_rate=2.0)

    [track] = [track for track in session.tracks if track.modality == "face"]
    assert [(one.start, one.end) for one in track.segments] == [
        (index / 2, (index + 1) / 2) for index in range(6)
    ]
    assert session.duration == 3.0

"""A session is shown with what is sure and what is not."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from affectscope.affect import (
    FaceSummary,
    MediaNoted,
    ProgressMade,
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    Session,
    SessionBuilder,
    Stretch,
    Track,
    TrackOpened,
    TurnTaking,
    affect_from,
)
from affectscope.cli.progress import Progress, counting, timing
from affectscope.cli.report import print_report
from affectscope.session import analyze, combine
from affectscope.speech.turns import TurnStatistics


def shown(session: Session, capsys: pytest.CaptureFixture[str]) -> str:
    print_report(session, 0.5)
    return capsys.readouterr().out


def track(*segments: Segment) -> Session:
    return combine(
        [Session(tracks=(Track(id="f", subject="s", modality="face", segments=segments),))]
    )


def test_abstentions_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(track(Segment(start=0, end=1, abstained="dark")), capsys)

    assert "abstained" in text
    assert "dark" in text


def test_an_empty_track_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing" in shown(track(), capsys)


def test_mixed_labels_are_mostly_one(capsys: pytest.CaptureFixture[str]) -> None:
    happy = affect_from("core-7", [0, 1, 0, 0, 0, 0, 0])
    sad = affect_from("core-7", [0, 0, 0, 1, 0, 0, 0])
    text = shown(
        track(*(Segment(start=i, end=i + 1, affect=a) for i, a in enumerate([happy, happy, sad]))),
        capsys,
    )

    assert "mostly" in text


def test_quality_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    noted = QualityNoted(modality="voice", flag="silent", message="nothing to hear")

    assert "voice: silent" in shown(SessionBuilder().extend([noted]).build(), capsys)


def test_long_chats_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    messages = [{"text": f"message {i}", "time": i} for i in range(60)]

    assert "and 20 more" in shown(analyze(chat=messages), capsys)


class TestFaces:
    def test_what_each_showed_over_its_time_is_listed(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        text = shown(Session(faces=(face("face-1", 61.5),)), capsys)

        for word in ("face-1", "61.5 s", "happiness 75%", "+0.40", "0.25", "too-small 1.5 s"):
            assert word in text
        assert "happiness 7.0 s" in text

    def test_a_still_image_has_frames_instead_of_seconds(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = shown(Session(faces=(face("face-1", 0.0),)), capsys)

        assert "1 frame" in text
        assert "0.0 s" not in text.split("Faces")[1].split("too-small")[0]

    def test_those_seen_longest_are_listed_where_there_are_too_many(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        faces = tuple(face(f"face-{n}", float(n)) for n in range(1, 26))
        text = shown(Session(faces=faces), capsys)

        assert "face-25" in text
        assert "face-5 " not in text
        assert "and 5 more" in text


class TestTurns:
    def test_who_speaks_how_much_and_answers_how_soon(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        text = shown(Session(turn_taking=(conversation("Ann", "Ben"),)), capsys)

        for words in ("4.6 s, 67%", "2.3 s", "+0.40 s", "speech in 69%"):
            assert words in text

    def test_one_speaker_has_no_turns_to_show(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "Turns" not in shown(Session(turn_taking=(conversation("Ann", "Ann"),)), capsys)


def conversation(one: str, other: str) -> TurnTaking:
    """Three phrases of two seconds with gaps of half a second or less, in ten seconds."""
    statistics = TurnStatistics()
    for speaker, start in ((one, 0.0), (other, 2.7), (one, 5.2)):
        statistics.add(speaker, start, start + 2.5)
    return statistics.record(10.0).summary


def face(track: str, seen: float) -> FaceSummary:
    return FaceSummary(
        track=track,
        start=0.0,
        end=seen,
        frames=1,
        seen=seen,
        judged=seen,
        abstained={"too-small": 1.5},
        labels={"happiness": 0.75, "neutral": 0.25},
        valence=0.4,
        arousal=0.1,
        valence_deviation=0.25,
        arousal_deviation=0.0,
        longest=Stretch(label="happiness", start=2.0, end=9.0 if seen else 2.0),
    )


class TestProgress:
    @staticmethod
    def drawn(*records: Record) -> str:
        text = StringIO()
        with Progress(Console(file=text, force_terminal=True, width=100)) as progress:
            for record in records:
                progress(record)
        return text.getvalue()

    def test_segments_and_notes_of_progress_move_the_bar_and_never_back(self) -> None:
        opened = TrackOpened(track=Track(id="face-1", subject="face-1", modality="face"))
        found = SegmentFound(
            track="face-1", segment=Segment(start=29, end=30, abstained="too-dark")
        )
        text = self.drawn(
            MediaNoted(modality="face", duration=60.0),
            opened,
            found,
            ProgressMade(done=12, total=60, unit="seconds", modality="face"),
        )

        assert "30 of 60 s" in text
        assert "12 of 60 s" not in text

    def test_a_video_without_faces_moves_too(self) -> None:
        text = self.drawn(
            MediaNoted(modality="face", duration=60.0),
            ProgressMade(done=12, total=60, unit="seconds", modality="face"),
        )

        assert "12 of 60 s" in text

    def test_an_unknown_length_shows_what_is_done(self) -> None:
        text = self.drawn(
            MediaNoted(modality="face", duration=None),
            ProgressMade(done=12, unit="seconds", modality="face"),
        )

        assert "face" in text
        assert "12 s" in text

    def test_messages_are_no_seconds(self) -> None:
        assert "12" not in self.drawn(ProgressMade(done=12, total=60))


def test_progress_takes_records_from_any_modality() -> None:
    with Progress() as progress:
        analyze(
            chat="hello", survey={"instrument": "gad-7", "answers": [0] * 7}, on_record=progress
        )

    assert progress.seconds > 0


def test_counted_work_is_told() -> None:
    with counting("scoring") as told:
        told(1, 2)
        told(2, 2)


def test_written_seconds_are_told() -> None:
    with timing("writing a.mp4") as told:
        told(0.5, None)
        told(1.0, 2.0)

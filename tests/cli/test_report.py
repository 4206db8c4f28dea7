"""A session is shown with what is sure and what is not."""

from __future__ import annotations

import pytest

from affectscope.affect import QualityNoted, Segment, Session, Track, affect_from
from affectscope.affect.stream import SessionBuilder
from affectscope.cli.progress import Progress, counting
from affectscope.cli.report import print_report
from affectscope.session import analyze, combine


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

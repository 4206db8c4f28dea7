"""What a call holds as tables, captions and tiers: both speakers, all that was measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from affectscope.affect import Segment, Session, Track, Window, Word, vocabulary
from affectscope.errors import InvalidValue
from affectscope.session import (
    TABLES,
    Table,
    analyze,
    phrase_rows,
    window_rows,
    word_rows,
    write,
)
from affectscope.session.voice_table import WORD_COLUMNS
from affectscope.speech.prosody import MEASURES
from tests.session.speaking import HAPPY, line, session, voice
from tests.speech.signals import at, spoken, write_channels


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Two who say the sample sentence, one in each channel."""
    path = tmp_path_factory.mktemp("call") / "call.wav"
    return analyze(write_channels(path, spoken(), at(7, spoken())), purpose="research")


def table(session: Session, path: Path, name: Table) -> list[dict[str, str]]:
    write(session, path, name)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestCall:
    """A real recording of two, through to the files."""

    def test_each_phrase_has_all_that_is_known_of_it(self, call: Session, tmp_path: Path) -> None:
        rows = table(call, tmp_path / "a.csv", "phrases")

        assert [row["speaker"] for row in rows] == ["speaker-1"] * 2 + ["speaker-2"] * 2
        assert set(vocabulary("ravdess-8").labels) < set(rows[0])
        for row in rows:
            assert float(row["start"]) < float(row["end"])
            assert all(float(row[name]) > -100 for name in ("level_dbfs", *MEASURES))
            assert row["text"]
            assert 0 < float(row["text_confidence"]) <= 1
            assert int(row["words"]) == len(row["text"].split())
            assert row["engine"] == "pocketsphinx"
            assert bool(row["label"]) != bool(row["abstained"])
            assert "quality" in row
            if row["label"]:
                assert float(row[row["label"]]) == float(row["label_confidence"])
                assert -1 <= float(row["valence"]) <= 1

    def test_words_lie_in_their_phrases(self, call: Session, tmp_path: Path) -> None:
        write(call, tmp_path / "a.ndjson", "words")

        rows = [json.loads(one) for one in (tmp_path / "a.ndjson").read_text().splitlines()]
        assert {row["speaker"] for row in rows} == {"speaker-1", "speaker-2"}
        assert all(row["phrase_start"] <= row["start"] <= row["end"] for row in rows)
        assert len(rows) == sum(len(one.words) for one in call.transcript)

    def test_captions_bear_the_voice(self, call: Session, tmp_path: Path) -> None:
        write(call, tmp_path / "a.vtt")
        write(call, tmp_path / "a.srt")

        vtt, srt = ((tmp_path / name).read_text() for name in ("a.vtt", "a.srt"))
        assert vtt.count("<v speaker-1>") == vtt.count("<v speaker-2>") == 2
        assert srt.count("speaker-1: ") == srt.count("speaker-2: ") == 2

    def test_each_speaker_has_tiers(self, call: Session, tmp_path: Path) -> None:
        write(call, tmp_path / "a.TextGrid")

        text = (tmp_path / "a.TextGrid").read_text()
        names = [line.split('"')[1] for line in text.splitlines() if "name = " in line]
        assert names == [
            f"{tier} (speaker-{number})"
            for number in (1, 2)
            for tier in ("words", "phrases", "affect")
        ]

    def test_each_speaker_is_fused_apart(self, call: Session) -> None:
        assert {track.subject for track in call.fused} <= {"speaker-1", "speaker-2"}
        assert {subject.id for subject in call.subjects} == {"speaker-1", "speaker-2"}


def lasting() -> Session:
    """A long phrase with windows, and a short one of somebody else in its midst."""
    windows = (
        Window(start=0.0, end=3.0, affect=HAPPY),
        Window(start=1.5, end=4.5, abstained="low-confidence"),
    )
    segment = Segment(start=0.0, end=6.0, affect=HAPPY, windows=windows, measures={"new": 2.0})
    track = Track(
        id="voice-1",
        subject="speaker-1",
        modality="voice",
        vocabulary="ravdess-8",
        segments=(segment,),
    )
    return session(
        line(0.0, 6.0, "one two", words=(Word(text="one", start=0.1, end=0.4, confidence=0.9),)),
        tracks=(track, voice((2.0, 3.0, None), subject="speaker-2")),
    )


def test_windows_follow_phrase_by_phrase() -> None:
    rows = list(window_rows(lasting()))

    assert [(row["speaker"], row["start"], row["end"], row["label"]) for row in rows] == [
        ("speaker-1", 0.0, 3.0, "happy"),
        ("speaker-1", 1.5, 4.5, None),
        ("speaker-2", 2.0, 3.0, None),
    ]
    assert [row["abstained"] for row in rows] == [None, "low-confidence", "quiet"]
    assert rows[0]["happy"] == pytest.approx(0.61)


def test_what_is_measured_beyond_the_known_has_a_column_too() -> None:
    first, second = phrase_rows(lasting())

    assert (first["new"], second["new"]) == (2.0, None)
    assert (first["text_confidence"], first["engine"]) == (None, "pocketsphinx")
    assert (second["engine"], second["words"], second["text"]) == (None, None, None)


def test_words_have_their_own_columns() -> None:
    (row,) = word_rows(lasting())

    assert tuple(row) == WORD_COLUMNS
    assert list(row.values()) == ["speaker-1", 0.1, 0.4, "one", 0.9, 0.0, "pocketsphinx"]


def test_a_session_without_voices_has_empty_tables(tmp_path: Path) -> None:
    assert table(Session(), tmp_path / "a.csv", "phrases") == []
    assert table(Session(), tmp_path / "a.csv", "voice-windows") == []
    assert table(Session(), tmp_path / "a.csv", "words") == []


def test_the_page_names_every_table_of_speech() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "speech.md").read_text(encoding="utf-8")

    faces = {name for name in TABLES if name.startswith("faces")}
    assert all(f"| `{name}` |" in page for name in set(TABLES) - faces - {"segments"})


def test_captions_hold_no_tables(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"'words' is written as \.csv or \.ndjson"):
        write(Session(), tmp_path / "a.vtt", "words")

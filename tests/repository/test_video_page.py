"""The page on faces in video names what there is, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from affectscope.affect import FaceSummary, ProgressMade, Segment, Session, Track, affect_from
from affectscope.media import probe
from affectscope.session import TABLES, face_columns
from affectscope.session.face_table import LONG_COLUMNS, MEASURES

PAGE = (Path(__file__).parents[2] / "docs" / "video.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_every_column_of_the_tables_is_named() -> None:
    affect = affect_from("ferplus-8", [1, 0, 0, 0, 0, 0, 0, 0])
    track = Track(
        id="face-1",
        subject="face-1",
        modality="face",
        vocabulary="ferplus-8",
        segments=(Segment(start=0, end=1, affect=affect),),
    )
    columns = set(face_columns(Session(tracks=(track,)))) - set(MEASURES)

    assert columns | {MEASURES[0], MEASURES[-1]} | set(LONG_COLUMNS) <= NAMED
    assert {name for name in TABLES if name.startswith("faces")} <= NAMED


def test_every_field_of_a_summary_is_named() -> None:
    assert set(FaceSummary.model_fields) <= NAMED


def test_the_record_of_progress_is_as_shown() -> None:
    [line] = re.findall(r'`(\{"type": "progress".*?\})`', PAGE)

    assert ProgressMade.model_validate_json(line).total == 3600


def test_its_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}

    exec("\n".join(blocks), names)

    assert isinstance(names["happiest"], dict)
    assert names["happiest"]["label"] == "happiness"
    assert (tmp_path / "faces.csv").read_text(encoding="utf-8").count("talk.mp4") == 12
    assert probe(tmp_path / "seen.mp4").audio is not None
    assert probe(tmp_path / "faces.jpg").is_image

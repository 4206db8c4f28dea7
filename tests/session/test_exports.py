"""A session becomes a file, and its rows can be read again."""

import csv
import json
from pathlib import Path

import pytest

from affectscope.affect import ModelRef, Segment, Session, Track, affect_from
from affectscope.errors import InvalidValue
from affectscope.session import COLUMNS, combine, rows, write


@pytest.fixture
def session() -> Session:
    segments = (
        Segment(
            start=0, end=1, affect=affect_from("core-7", [0.9, 0.1, 0, 0, 0, 0, 0]), text='né, "x"'
        ),
        Segment(start=1, end=2, abstained="dark", quality=("dark", "small")),
    )
    model = ModelRef(name="face-expression", version="1.0.0", license_class="unlicensed-data")
    track = Track(id="face-1", subject="face-1", modality="face", model=model, segments=segments)
    return combine([Session(tracks=(track,))])


def test_rows_hold_every_segment_and_the_fused_ones_last(session: Session) -> None:
    table = list(rows(session))

    assert [row["modality"] for row in table] == ["face", "face", "fused"]
    assert table[0]["label"] == "neutral"
    assert table[0]["model"] == "face-expression@1.0.0"
    assert (table[1]["label"], table[1]["abstained"], table[1]["quality"]) == (
        None,
        "dark",
        "dark small",
    )
    assert all(tuple(row) == COLUMNS for row in table)


def test_json_is_the_whole_session(session: Session, tmp_path: Path) -> None:
    write(session, tmp_path / "a.json")

    assert Session.model_validate_json((tmp_path / "a.json").read_text()) == session


def test_csv_survives_quotes_and_commas(session: Session, tmp_path: Path) -> None:
    write(session, str(tmp_path / "a.CSV"))

    with (tmp_path / "a.CSV").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert table[0]["text"] == 'né, "x"'
    assert float(table[0]["confidence"]) == 0.9


def test_ndjson_has_one_row_a_line(session: Session, tmp_path: Path) -> None:
    write(session, tmp_path / "a.ndjson")

    lines = (tmp_path / "a.ndjson").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["start"] for line in lines] == [0, 1, 0]


@pytest.mark.parametrize("name", ["a.xlsx", "session"])
def test_another_ending_is_refused_with_the_valid_ones(
    session: Session, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidValue, match=r"valid: \.json, \.csv, \.ndjson"):
        write(session, tmp_path / name)

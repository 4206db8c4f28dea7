"""Faces as tables that programs for OpenFace and py-feat can read."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from affectscope.affect import Box, Segment, Session, Track, affect_from
from affectscope.errors import InvalidValue
from affectscope.session import face_columns, face_rows, face_values, write

OPENFACE = (
    "frame face_id timestamp confidence success pose_Rx pose_Ry pose_Rz gaze_angle_x gaze_angle_y"
)
PY_FEAT = (
    "FaceRectX FaceRectY FaceRectWidth FaceRectHeight FaceScore Pitch Roll Yaw anger disgust fear "
    "happiness sadness surprise neutral input frame approx_time"
)
MEASURES = {
    "detection_confidence": 0.75,
    "head_pitch_deg": 90.0,
    "head_yaw_deg": -45.0,
    "gaze_yaw_deg": 18.0,
    "smile": 0.5,
    "zeal": 7.0,
}


@pytest.fixture
def session() -> Session:
    first = Segment(
        start=61.5,
        end=62.0,
        frame=3,
        affect=affect_from("ferplus-8", [0.1, 0.8, 0, 0, 0, 0, 0, 0.1], valence=0.5, arousal=0.25),
        box=Box(x=1, y=2, width=30, height=40),
        measures=MEASURES,
    )
    second = Segment(start=62.0, end=62.5, frame=4, abstained="too-blurred", quality=("blurred",))
    other = Segment(start=61.5, end=62.0, frame=3, abstained="low-confidence")
    tracks = (
        Track(
            id="face-1",
            subject="face-1",
            modality="face",
            vocabulary="ferplus-8",
            segments=(first, second),
        ),
        Track(id="voice-1", subject="speaker-1", modality="voice", segments=(other,)),
        Track(
            id="face-2",
            subject="face-2",
            modality="face",
            vocabulary="ferplus-8",
            segments=(other,),
        ),
    )
    return Session(tracks=tracks)


class TestWide:
    def test_the_columns_of_others_are_there_and_all_labels(self, session: Session) -> None:
        columns = face_columns(session)

        assert {*OPENFACE.split(), *PY_FEAT.split(), "contempt"} <= set(columns)
        assert len(set(columns)) == len(columns)
        assert columns[-1] == "zeal"

    def test_rows_go_frame_by_frame_and_leave_out_other_modalities(self, session: Session) -> None:
        rows = list(face_rows(session, "a.mp4"))

        assert [(row["frame"], row["face_id"], row["track"]) for row in rows] == [
            (3, 1, "face-1"),
            (3, 2, "face-2"),
            (4, 1, "face-1"),
        ]
        assert {row["input"] for row in rows} == {"a.mp4"}
        assert all(tuple(row) == face_columns(session) for row in rows)

    def test_values_are_in_the_units_of_their_columns(self, session: Session) -> None:
        row = next(face_rows(session))

        assert (row["timestamp"], row["end"], row["approx_time"]) == (61.5, 62.0, "01:01")
        assert (row["FaceRectX"], row["FaceRectHeight"]) == (1, 40)
        assert (row["confidence"], row["FaceScore"], row["success"]) == (0.75, 0.75, 1)
        assert row["pose_Rx"] == pytest.approx(-math.pi / 2)
        assert row["pose_Ry"] == pytest.approx(math.pi / 4)
        assert row["gaze_angle_x"] == pytest.approx(math.pi / 10)
        assert (row["Pitch"], row["Yaw"], row["smile"], row["zeal"]) == (90, -45, 0.5, 7)
        assert (row["happiness"], row["contempt"], row["label"]) == (0.8, 0.1, "happiness")
        assert (row["label_confidence"], row["valence"], row["arousal"]) == (0.8, 0.5, 0.25)

    def test_what_is_not_there_is_empty(self, session: Session) -> None:
        _, unsure, poor = face_rows(session)

        assert (poor["abstained"], poor["quality"], poor["success"]) == (
            "too-blurred",
            "blurred",
            0,
        )
        assert (unsure["abstained"], unsure["success"]) == ("low-confidence", 1)
        empty = {"happiness", "label", "valence", "FaceRectX", "Yaw", "pose_Rz", "blink", "input"}
        assert {poor[name] for name in empty} == {None}


class TestLong:
    def test_every_measured_number_has_a_row(self, session: Session) -> None:
        rows = list(face_values(session))

        values = {row["variable"]: row["value"] for row in rows}
        assert len(rows) == len(values) == 4 + 8 + 2 + len(MEASURES)
        assert (values["happiness"], values["width"], values["zeal"]) == (0.8, 30, 7)
        assert {(row["frame"], row["timestamp"], row["face_id"]) for row in rows} == {(3, 61.5, 1)}


class TestFiles:
    def test_csv_leaves_cells_empty(self, session: Session, tmp_path: Path) -> None:
        write(session, tmp_path / "wide.csv", "faces-wide", source="b.mp4")

        with (tmp_path / "wide.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["happiness"] for row in rows] == ["0.8", "", ""]
        assert [row["input"] for row in rows] == ["b.mp4"] * 3

    def test_the_long_form_has_one_row_a_line(self, session: Session, tmp_path: Path) -> None:
        write(session, tmp_path / "long.ndjson", "faces-long")

        lines = (tmp_path / "long.ndjson").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines] == list(face_values(session))

    @pytest.mark.parametrize(
        ("name", "table", "named"),
        [
            ("a.json", "faces-wide", r"\.csv or \.ndjson"),
            ("a.csv", "faces", "faces-wide, faces-long"),
        ],
    )
    def test_what_cannot_be_written_is_refused(
        self, session: Session, tmp_path: Path, name: str, table: str, named: str
    ) -> None:
        with pytest.raises(InvalidValue, match=named):
            write(session, tmp_path / name, table)  # type: ignore[arg-type]
        assert list(tmp_path.iterdir()) == []

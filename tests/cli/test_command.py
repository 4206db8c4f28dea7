"""The command does what its help says, and fails in one line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from affectscope import __version__
from affectscope.affect import Session
from affectscope.media import read_frames
from affectscope.samples import sample
from tests.speech.signals import at, spoken, write_channels


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "affectscope", *arguments],
        env={**os.environ, "COLUMNS": "140", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


class TestHelp:
    def test_the_command_lists_its_commands(self) -> None:
        done = run("--help")

        assert done.returncode == 0
        for name in ("up", "serve", "analyze", "models", "evaluate", "health", "load-test"):
            assert f" {name} " in done.stdout

    @pytest.mark.parametrize("name", ["serve", "analyze", "evaluate", "health", "load-test"])
    def test_each_command_explains_itself(self, name: str) -> None:
        done = run(name, "--help")

        assert done.returncode == 0
        assert "usage" in done.stdout.lower()

    def test_the_version_is_that_of_the_package(self) -> None:
        assert run("--version").stdout == f"affectscope {__version__}\n"

    def test_importing_the_package_is_light(self) -> None:
        code = (
            "import sys, affectscope, affectscope.cli;"
            "heavy = {'numpy', 'onnxruntime', 'av', 'mediapipe', 'fastapi'};"
            "print(sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )

        assert done.stdout == "[]\n"


class TestAnalyze:
    def test_the_samples_are_shown(self, tmp_path: Path) -> None:
        picture = tmp_path / "a.svg"
        done = run("analyze", "--sample", "--fps", "2", "--picture", str(picture))

        assert done.returncode == 0, done.stderr
        assert "expression resembling" in done.stdout
        assert "happiness" in done.stdout
        assert "Patient Health Questionnaire" in done.stdout
        assert "not what anybody feels" in done.stdout
        assert picture.read_text().startswith("<svg")

    def test_json_is_the_published_schema(self) -> None:
        done = run("analyze", str(sample("survey")), "--json", "--purpose", "research")

        session = Session.model_validate_json(done.stdout)
        assert session.purpose == "research"
        assert session.surveys[0].instrument == "phq-9"

    def test_a_table_is_written_where_it_is_wanted(self, tmp_path: Path) -> None:
        out = tmp_path / "a.csv"
        done = run("analyze", str(sample("chat")), "-o", str(out))

        assert done.returncode == 0, done.stderr
        with out.open(encoding="utf-8", newline="") as file:
            assert {row["modality"] for row in csv.DictReader(file)} == {"text", "fused"}

    def test_faces_are_written_as_a_table_and_a_sheet(self, tmp_path: Path) -> None:
        out, sheet = tmp_path / "faces.csv", tmp_path / "sheet.png"
        done = run(
            *("analyze", str(sample("video")), "--fps", "1", "-o", str(out)),
            *("--table", "faces-wide", "--contact-sheet", str(sheet)),
        )

        assert done.returncode == 0, done.stderr
        with out.open(encoding="utf-8", newline="") as file:
            assert {row["FaceScore"] > "0.5" for row in csv.DictReader(file)} == {True}
        assert sheet.read_bytes().startswith(b"\x89PNG")
        assert "Faces" in done.stdout

    def test_a_folder_of_numbered_images_has_a_rate(self, tmp_path: Path) -> None:
        with read_frames(sample("video"), 1.0) as reader:
            for frame in reader:
                cv2.imwrite(str(tmp_path / f"{frame.index}.jpg"), frame.image[:, :, ::-1])

        done = run("analyze", str(tmp_path), "--sequence-fps", "4", "--json")

        assert done.returncode == 0, done.stderr
        starts = [one["start"] for one in json.loads(done.stdout)["tracks"][0]["segments"]]
        assert starts == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]

    def test_the_channels_of_a_call_can_be_mixed(self, tmp_path: Path) -> None:
        call = write_channels(tmp_path / "call.wav", spoken(), at(7, spoken()))

        done = run("analyze", str(call), "--channels", "mix", "--json")

        assert done.returncode == 0, done.stderr
        subjects = json.loads(done.stdout)["subjects"]
        assert [subject["id"] for subject in subjects] == ["speaker-1"]

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["gone.mp4"], "no such file"),
            ([str(sample("video")), "--sequence-fps", "0"], "sequence_rate"),
            ([], "nothing to analyse"),
            (["--sample", "a.mp4"], "--sample"),
            ([str(sample("video")), "--purpose", "workplace"], "Article 5(1)(f)"),
            ([str(sample("video")), "--fps", "0"], "fps"),
            ([str(sample("survey")), "-o", "a.xlsx"], ".csv"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, arguments: list[str], named: str) -> None:
        done = run("analyze", *arguments)

        assert done.returncode == 2
        assert named in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


class TestModels:
    def test_licences_and_figures_are_listed(self) -> None:
        done = run("models")

        assert done.returncode == 0
        for word in ("face-expression", "non-commercial", "share-alike", "yes"):
            assert word in done.stdout

    def test_the_policy_shows(self) -> None:
        assert "no" in run("models", AFFECTSCOPE_LICENSE="permissive").stdout.split("permissive")[1]

    def test_json_holds_the_whole_cards(self) -> None:
        cards = json.loads(run("models", "--json").stdout)

        assert all(card["limits"] and card["metrics"] for card in cards)


class TestEvaluate:
    def test_one_json_object_is_printed(self, tmp_path: Path) -> None:
        data = tmp_path / "dev.tsv"
        data.write_text("Thank you!\t15\tid\n")
        done = run("evaluate", "text", str(data))

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["n"] == 1

    def test_valence_and_arousal_are_scored(self, tmp_path: Path) -> None:
        data = tmp_path / "dev.csv"
        data.write_text("id,split,V,A,D,text\n1,dev,4,4,3,I am happy\n2,dev,2,3,3,I am sad\n")
        done = run("evaluate", "valence-arousal", str(data), "--json")

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["valence_r"] == pytest.approx(1)

    def test_a_missing_file_is_one_line(self) -> None:
        done = run("evaluate", "face", "gone.npz")

        assert (done.returncode, done.stdout) == (2, "")
        assert "no such file" in done.stderr


class TestRemote:
    @pytest.mark.parametrize("command", ["health", "load-test"])
    def test_no_system_is_one_line_with_what_to_do(self, command: str) -> None:
        done = run(command, "--gateway", "http://127.0.0.1:9")

        assert done.returncode == 2
        assert "affectscope up" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1

"""The command adds, lists and removes models that transcribe, and fails in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from affectscope.cli.adding import add
from affectscope.cli.tables import print_added_model
from affectscope.samples import sample
from tests.models.hub_server import REVISION, FakeHub, serving
from tests.speech.whisper_model import write_model

SENTENCE = ["The", "child", "almost", "hurt", "the", "small", "dog."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "whisper-mine", SENTENCE)


@pytest.fixture
def hub(model: Path) -> Iterator[FakeHub]:
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    with serving(FakeHub(files=files, large={"model.bin"})) as one:
        yield one


def run(
    folder: Path, *arguments: str, hub: FakeHub | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    own = {
        "COLUMNS": "140",
        "NO_COLOR": "1",
        "AFFECTSCOPE_MODELS_FOLDER": str(folder),
        "HF_ENDPOINT": hub.address if hub else "http://127.0.0.1:9",
    }
    return subprocess.run(
        [sys.executable, "-m", "affectscope", *arguments],
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


class TestFetching:
    def test_a_model_is_fetched_listed_used_and_removed(self, hub: FakeHub, tmp_path: Path) -> None:
        done = run(tmp_path, "models", "add", "tiny.en", hub=hub)
        assert done.returncode == 0, done.stderr
        assert "4 of 4 files are as the hub states them" in done.stdout
        assert "export AFFECTSCOPE_WHISPER=whisper-tiny.en" in done.stdout

        listed = run(tmp_path, "models").stdout
        assert "Added models" in listed
        assert REVISION[:12] in listed
        (one,) = json.loads(run(tmp_path, "models", "added", "--json").stdout)
        assert (one["name"], one["license"]) == ("whisper-tiny.en", "mit")
        assert one["folder"] == str(tmp_path / "whisper-tiny.en")

        done = run(
            *(tmp_path, "analyze", str(sample("speech")), "--json"), AFFECTSCOPE_WHISPER="tiny.en"
        )
        assert done.returncode == 0, done.stderr
        (said, *_) = json.loads(done.stdout)["transcript"]
        assert said["engine"] == "faster-whisper:whisper-tiny.en"
        assert said["text"] == " ".join(SENTENCE)
        assert said["confidence"] > 0.9

        assert "removed whisper-tiny.en" in run(tmp_path, "models", "remove", "tiny.en").stdout
        assert json.loads(run(tmp_path, "models", "added", "--json").stdout) == []

    def test_json_is_the_manifest(self, hub: FakeHub, tmp_path: Path) -> None:
        done = run(
            *(tmp_path, "models", "add", "whisper-tiny.en", "--name", "mine"),
            *("--revision", REVISION, "--json"),
            hub=hub,
        )

        manifest = json.loads(done.stdout)
        assert (manifest["name"], manifest["revision"]) == ("mine", REVISION)
        assert manifest["source"] == "Systran/faster-whisper-tiny.en"

    def test_other_bytes_are_one_line_and_no_model(self, hub: FakeHub, tmp_path: Path) -> None:
        hub.altered["model.bin"] = hub.files["model.bin"][::-1]
        done = run(tmp_path, "models", "add", "tiny.en", hub=hub)

        assert done.returncode == 2
        assert "is not what the hub states" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert json.loads(run(tmp_path, "models", "added", "--json").stdout) == []


class TestFolder:
    def test_a_folder_is_added_without_a_network(self, model: Path, tmp_path: Path) -> None:
        done = run(tmp_path, "models", "add", str(model), "--link")

        assert done.returncode == 0, done.stderr
        assert "nothing states what its files should be" in done.stdout
        assert (tmp_path / "whisper-mine" / "model.bin").is_symlink()
        assert "whisper-mine" in run(tmp_path, "models", "added").stdout

    def test_what_is_missing_to_use_it_is_said(
        self,
        model: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(tmp_path))
        monkeypatch.setitem(sys.modules, "faster_whisper", None)

        print_added_model(add(str(model), name=None, revision="main", link=False))

        assert "pip install faster-whisper" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("add", "tiny.en"), "cannot be reached"),
        (("add", "enormous"), "neither a folder nor a known model; known: whisper-tiny.en"),
        (("add", "./gone"), "no folder 'gone'"),
        (("add", str(Path(__file__).parent)), "lacks config.json, model.bin"),
        (("remove", "tiny.en"), "no model 'tiny.en' was added; added: none"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], named: str, tmp_path: Path) -> None:
    done = run(tmp_path, "models", *arguments)

    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

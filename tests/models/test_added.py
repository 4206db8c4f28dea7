"""Added models are listed, checked and removed; a folder is added without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affectscope.errors import InvalidValue, ModelUnavailable, NotFound
from affectscope.models.added import MANIFEST, added, models_folder, read_manifest, remove
from affectscope.models.local import add_folder

PATTERNS = ("config.json", "model.bin")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "whisper-mine"
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / "model.bin").write_bytes(bytes(1000))
    (path / "notes.txt").write_text("not ours")
    return path


def accept(_: Path) -> None:
    """Take any folder."""


class TestPlace:
    def test_it_is_named_by_a_variable(self, folder: Path) -> None:
        assert models_folder() == folder

    def test_it_lies_among_what_programs_keep(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AFFECTSCOPE_MODELS_FOLDER")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert models_folder() == tmp_path / "affectscope" / "models"
        monkeypatch.delenv("XDG_DATA_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert models_folder() == tmp_path / ".local" / "share" / "affectscope" / "models"

    def test_one_that_cannot_be_made_is_named(
        self, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(source / "config.json"))

        with pytest.raises(InvalidValue, match="cannot be used"):
            add_folder(source, PATTERNS, accept)


class TestAdding:
    def test_the_files_are_copied_and_described(self, source: Path, folder: Path) -> None:
        model = add_folder(source, PATTERNS, accept)

        assert added() == [model]
        assert sorted(path.name for path in model.folder.iterdir()) == [MANIFEST, *PATTERNS]
        assert model.folder == folder / "whisper-mine"
        assert (model.kind, model.source, model.size) == ("folder", str(source), 1002)
        assert all(one.stated is None for one in model.files)
        assert not (model.folder / "model.bin").is_symlink()

    def test_they_can_be_linked(self, source: Path) -> None:
        model = add_folder(source, PATTERNS, accept, link=True)

        assert (model.folder / "model.bin").readlink() == source / "model.bin"
        model.verify()
        (source / "model.bin").write_bytes(b"other")
        with pytest.raises(ModelUnavailable, match=r"model\.bin .*not the file that was added"):
            model.verify()

    def test_a_file_of_the_folder_stands_for_it(self, source: Path) -> None:
        assert add_folder(source / "model.bin", PATTERNS, accept).name == "whisper-mine"

    def test_one_that_was_added_elsewhere_keeps_where_it_came_from(
        self, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        first = add_folder(source, PATTERNS, accept)
        monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(tmp_path / "other"))

        second = add_folder(first.folder, PATTERNS, accept)

        assert second.source == str(source)
        assert second.files == first.files

    def test_one_that_was_altered_on_the_way_is_refused(
        self, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        first = add_folder(source, PATTERNS, accept)
        (first.folder / "model.bin").write_bytes(b"other")
        monkeypatch.setenv("AFFECTSCOPE_MODELS_FOLDER", str(tmp_path / "other"))

        with pytest.raises(ModelUnavailable, match="not the file that was added"):
            add_folder(first.folder, PATTERNS, accept)
        assert added() == []

    def test_progress_counts_the_bytes(self, source: Path) -> None:
        told: list[int] = []
        add_folder(source, PATTERNS, accept, advance=told.append)

        assert sum(told) == 1002

    def test_nothing_is_left_of_what_is_refused(self, source: Path, folder: Path) -> None:
        def check(_: Path) -> None:
            raise ModelUnavailable("no model")

        with pytest.raises(ModelUnavailable, match="no model"):
            add_folder(source, PATTERNS, check)
        assert not folder.exists()

    def test_a_file_that_cannot_be_read_is_named(self, source: Path, folder: Path) -> None:
        def vanish(_: int) -> None:
            (source / "model.bin").unlink(missing_ok=True)

        with pytest.raises(ModelUnavailable, match=r"cannot be copied.*model\.bin"):
            add_folder(source, PATTERNS, accept, advance=vanish)
        assert list(folder.iterdir()) == []

    def test_a_file_that_changes_while_it_is_copied_is_refused(
        self, source: Path, folder: Path
    ) -> None:
        def write(_: int) -> None:
            (source / "model.bin").write_bytes(b"other")

        with pytest.raises(ModelUnavailable, match="not like it"):
            add_folder(source, ("model.bin",), accept, advance=write)
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "error", "named"),
        [
            ("../up", InvalidValue, "no name for a model"),
            (".hidden", InvalidValue, "no name for a model"),
            ("whisper-mine", InvalidValue, "there already"),
        ],
    )
    def test_names(self, name: str, error: type[Exception], named: str, source: Path) -> None:
        add_folder(source, PATTERNS, accept)

        with pytest.raises(error, match=named):
            add_folder(source, PATTERNS, accept, name=name)

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match="no folder"):
            add_folder(tmp_path / "gone", PATTERNS, accept)


class TestRemoving:
    def test_it_is_gone(self, source: Path, folder: Path) -> None:
        add_folder(source, PATTERNS, accept)

        assert remove("whisper-mine").name == "whisper-mine"
        assert added() == []
        assert list(folder.iterdir()) == []
        assert (source / "model.bin").exists()

    def test_what_was_not_added_is_named_with_what_was(self, source: Path) -> None:
        add_folder(source, PATTERNS, accept)

        with pytest.raises(NotFound, match="'whisper-x' was added; added: whisper-mine"):
            remove("whisper-x")

    def test_a_path_is_no_name(self, source: Path) -> None:
        with pytest.raises(NotFound):
            remove("../elsewhere/whisper-mine")
        assert source.exists()


class TestManifest:
    def test_a_missing_file_is_named(self, source: Path) -> None:
        model = add_folder(source, PATTERNS, accept)
        (model.folder / "model.bin").unlink()

        with pytest.raises(ModelUnavailable, match=r"model\.bin of whisper-mine cannot be read"):
            model.verify()

    def test_a_folder_without_one_is_no_added_model(self, folder: Path) -> None:
        (folder / "something").mkdir(parents=True)

        assert added() == []

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("{", "no valid manifest"),
            ("[]", "no JSON object"),
            ("{}", "name: Field required"),
            (json.dumps({"name": "a", "kind": "folder", "source": "x", "files": []}), "files"),
        ],
    )
    def test_one_that_is_not_valid(self, text: str, named: str, source: Path) -> None:
        (source / MANIFEST).write_text(text)

        with pytest.raises(ModelUnavailable, match=named):
            read_manifest(source)

    def test_one_that_cannot_be_read(self, source: Path) -> None:
        (source / MANIFEST).mkdir()

        with pytest.raises(ModelUnavailable, match="cannot be read"):
            read_manifest(source)

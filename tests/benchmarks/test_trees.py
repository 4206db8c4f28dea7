"""Which commits are compared, in repositories made for the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.gate import trees
from benchmarks.gate.trees import NothingToCompare

Commit = Callable[..., str]


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commit:
    """Commit files to a repository in which the test runs; returns the commit's name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(trees.BASE_VARIABLE, raising=False)
    git = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)

    def make(message: str = "A change", **files: str) -> str:
        for name, content in files.items():
            file = tmp_path / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", message], check=True)
        return trees.git("rev-parse", "HEAD")

    return make


class TestBase:
    def test_is_the_first_parent(self, commit: Commit) -> None:
        first = commit(src__one="1")
        commit(src__one="2")

        assert trees.base_commit() == first

    def test_is_what_the_environment_says(
        self, commit: Commit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = commit(src__one="1")
        commit(src__one="2")
        commit(src__one="3")
        monkeypatch.setenv(trees.BASE_VARIABLE, "HEAD~2")

        assert trees.base_commit() == first

    def test_there_is_none_before_the_only_commit(self, commit: Commit) -> None:
        commit(src__one="1")

        with pytest.raises(NothingToCompare, match="no commit before HEAD"):
            trees.base_commit()

    def test_a_name_that_is_none_is_said(
        self, commit: Commit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit(src__one="1")
        monkeypatch.setenv(trees.BASE_VARIABLE, "nowhere")

        with pytest.raises(NothingToCompare, match="BENCH_BASE is 'nowhere', which is no commit"):
            trees.base_commit()

    def test_the_same_product_needs_no_comparison(self, commit: Commit) -> None:
        commit(src__one="1", docs="old")
        commit(docs="new")

        with pytest.raises(NothingToCompare, match="src/ is the same"):
            trees.base_commit()

    def test_without_a_repository_there_is_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

        with pytest.raises(NothingToCompare):
            trees.base_commit()


class TestExport:
    def test_writes_and_compiles_the_product_alone(self, commit: Commit, tmp_path: Path) -> None:
        first = commit(**{"src__one.py": "one = 1\n", "notes": "mine"})
        commit(**{"src__one.py": "one = 2\n"})
        tree = trees.export(first, tmp_path / "copies" / "base")

        assert (tree / "one.py").read_text() == "one = 1\n"
        assert list((tree / "__pycache__").glob("one.*.pyc"))
        assert [path.name for path in tree.parent.iterdir()] == ["src"]

    def test_a_commit_without_the_product_is_said(self, commit: Commit, tmp_path: Path) -> None:
        commit(notes="mine")

        with pytest.raises(NothingToCompare):
            trees.export("HEAD", tmp_path / "copy")


class TestAccepted:
    def test_reads_reasons_from_the_messages_since_the_base(self, commit: Commit) -> None:
        base = commit("Accept-slower: import: long ago", src__one="1")
        commit("Check more\n\nAccept-slower: survey.score: every answer is checked", src__one="2")
        commit("Count more\n\nAccept-slower: telemetry series — new ones", src__one="3")

        assert trees.accepted(base) == {
            "survey.score": "every answer is checked",
            "telemetry series": "new ones",
        }

    def test_without_a_reason_nothing_is_accepted(self, commit: Commit) -> None:
        base = commit(src__one="1")
        commit("Faster\n\nAccept-slower: survey.score", src__one="2")

        assert trees.accepted(base) == {}

    def test_uncommitted_changes_are_noticed(self, commit: Commit, tmp_path: Path) -> None:
        commit(src__one="1")
        assert not trees.uncommitted()

        (tmp_path / "src" / "one").write_text("2")
        assert trees.uncommitted()


def test_the_gate_passes_where_there_is_nothing_to_compare(commit: Commit, tmp_path: Path) -> None:
    commit(src__one="1")
    root = Path(trees.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gate"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "bench-gate: nothing to compare: this clone holds no commit before HEAD\n"
    )

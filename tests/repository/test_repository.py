"""The repository keeps its own promises."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "affectscope"


def text(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


class TestRequirements:
    @pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
    def test_every_requirement_is_pinned_and_hashed_without_addresses(self, name: str) -> None:
        content = text("requirements", name)
        joined = content.replace("\\\n", " ")
        entries = [
            line for line in joined.splitlines() if line and not line.lstrip().startswith("#")
        ]

        assert len(entries) > 40
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
        assert not re.search(r"https?://|--index|--find-links|file:", content)

    def test_the_monitoring_tools_need_what_the_contract_names(self) -> None:
        names = re.findall(r"^\w+", text("monitoring_requirements.txt"), re.MULTILINE)

        assert names == ["prometheus_client", "psutil", "requests", "tabulate", "colorama"]

    def test_the_notice_names_every_runtime_requirement(self) -> None:
        notice = text("NOTICE").lower()
        names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text("requirements", "runtime.txt"), re.M)

        assert [name for name in names if f"- {name} " not in notice] == []


class TestMakefile:
    def test_make_alone_lists_every_target_with_a_line(self) -> None:
        listed = subprocess.run(
            ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        phony = re.search(r"^\.PHONY: (.*)$", text("Makefile"), re.MULTILINE)
        assert phony is not None

        for target in phony.group(1).split():
            assert re.search(rf"^{target} +\S", listed, re.MULTILINE), target


class TestRooms:
    def test_every_room_has_tests(self) -> None:
        rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

        assert [
            room for room in sorted(rooms) if not list((ROOT / "tests" / room).glob("test_*.py"))
        ] == []

    def test_every_room_stands_on_a_floor(self) -> None:
        contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
        floors = {room for layer in contracts[0]["layers"] for room in layer.split(" | ")}
        rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

        assert rooms <= floors

    def test_no_file_holds_two_concepts(self) -> None:
        lengths = {
            path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines())
            for path in PACKAGE.rglob("*.py")
        }

        assert {path: length for path, length in lengths.items() if length > 400} == {}

    def test_the_product_never_imports_torch_or_its_training(self) -> None:
        for path in PACKAGE.rglob("*.py"):
            content = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(import|from) (torch|training)\b", content, re.MULTILINE)


class TestDocuments:
    @pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
    def test_links_within_the_repository_lead_somewhere(self, path: Path) -> None:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), target

    def test_every_command_is_in_the_readme_or_the_documents(self) -> None:
        everything = text("README.md") + "".join(
            p.read_text() for p in (ROOT / "docs").glob("*.md")
        )

        for name in ("up", "serve", "analyze", "models", "evaluate", "health", "load-test"):
            assert f"affectscope {name}" in everything

    def test_python_in_the_readme_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        blocks = re.findall(r"```python\n(.*?)```", text("README.md"), re.DOTALL)

        assert blocks
        for block in blocks:
            exec(compile(block, "README.md", "exec"), {"__name__": "readme"})

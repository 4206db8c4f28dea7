"""The tools at the root, as modules and as processes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

RunTool = Callable[..., "subprocess.CompletedProcess[str]"]


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def check_health() -> ModuleType:
    return load("check_health", ROOT / "check_health.py")


@pytest.fixture(scope="session")
def run_load_test() -> ModuleType:
    """What the tool runs, read from its file: the package itself need not be there."""
    return load("load_tool", ROOT / "src" / "affectscope" / "cli" / "load_tool.py")


@pytest.fixture(scope="session")
def run_tool() -> RunTool:
    """Run a tool as its user does; the package itself is out of its reach."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        cleared = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "NO_COLOR")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**cleared, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run

"""What is generated is accepted, and judged, by the tools of Prometheus and Alertmanager."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from live_system import ROOT

UNIT_TESTS = ROOT / "tests" / "observatory" / "promtool"


def run(*command: str, folder: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    assert "SUCCESS" in run("promtool", "check", "config", "deploy/prometheus/prometheus.yml")
    assert "SUCCESS" in run("promtool", "check", "rules", "deploy/prometheus/rules.yml")


def test_amtool_accepts_the_configuration() -> None:
    run("amtool", "check-config", "deploy/alertmanager/alertmanager.yml")


@pytest.mark.parametrize("path", sorted(UNIT_TESTS.glob("*.yml")), ids=lambda path: path.stem)
def test_every_alert_fires_when_it_must_and_is_silent_when_it_must_be(
    path: Path, tmp_path: Path
) -> None:
    shutil.copy(path, tmp_path)
    shutil.copy(ROOT / "deploy" / "prometheus" / "rules.yml", tmp_path)

    assert "SUCCESS" in run("promtool", "test", "rules", path.name, folder=tmp_path)

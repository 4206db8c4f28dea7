"""What is generated is accepted, and judged, by the tools of Prometheus and Alertmanager."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from live_system import ROOT

from affectscope.observatory.alerts.templates import FUNCTIONS, render

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


def test_texts_are_rendered_as_prometheus_does(tmp_path: Path) -> None:
    values = (
        0.0,
        1.0,
        0.12345,
        3.21e-3,
        2e-7,
        12.3456,
        61.0,
        -7322.5,
        90061.0,
        1234567.0,
        3.3e9,
    )
    forms = ["{{ $value }}", "{{ $labels.n }}{{ $labels.none }}"]
    forms += [f"{{{{ $value | {name} }}}}" for name in FUNCTIONS]
    forms += [f'{{{{ $value | printf "{form}" }}}}' for form in ("%.0f", "%.2f", "%.3g")]
    rule = {
        "alert": "Forms",
        # A value that is 0 is a value too.
        "expr": "forms",
        "annotations": {f"form{index}": form for index, form in enumerate(forms)},
    }
    expected = [
        {
            "exp_labels": {"n": str(number)},
            "exp_annotations": {
                f"form{index}": render(form, {"n": str(number)}, value)
                for index, form in enumerate(forms)
            },
        }
        for number, value in enumerate(values)
    ]
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f'forms{{n="{number}"}}', "values": f"{value:.12g}"}
            for number, value in enumerate(values)
        ],
        "alert_rule_test": [{"alertname": "Forms", "eval_time": "0m", "exp_alerts": expected}],
    }
    (tmp_path / "forms.yml").write_text(json.dumps({"groups": [{"name": "a", "rules": [rule]}]}))
    unit = {"rule_files": ["forms.yml"], "tests": [test]}
    (tmp_path / "test.yml").write_text(json.dumps(unit))

    assert "SUCCESS" in run("promtool", "test", "rules", "test.yml", folder=tmp_path)

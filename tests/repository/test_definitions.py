"""What is generated from the definitions is what the repository holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from affectscope.observatory.alerts.objectives import dashboards
from affectscope.observatory.definitions import load
from affectscope.observatory.generate.__main__ import main
from affectscope.observatory.generate.files import drifted
from affectscope.supervisor.processes import NAMES

ROOT = Path(__file__).parents[2]


def test_generated_files_are_those_of_the_definitions() -> None:
    assert drifted(load(), ROOT) == [], "run make definitions"


class TestCommand:
    def test_it_writes_and_then_finds_nothing_to_change(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = ["--root", str(tmp_path)]
        assert main(["--check", *root]) == 1
        assert "docs/metrics.md is not what the definitions say" in capsys.readouterr().err
        assert main(root) == 0
        assert "wrote deploy/prometheus/rules.yml" in capsys.readouterr().out
        assert main(["--check", *root]) == 0
        assert main(root) == 0
        assert capsys.readouterr().out == ""

    def test_definitions_that_are_wrong(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "wrong.toml").write_text("more = 1")
        assert main(["--definitions", str(tmp_path / "wrong.toml")]) == 1
        assert "wrong.toml: notifications: Field required" in capsys.readouterr().err

    def test_it_runs_as_a_module(self) -> None:
        command = [sys.executable, "-m", "affectscope.observatory.generate", "--check"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class TestDashboards:
    @pytest.mark.parametrize("board", dashboards(load()), ids=lambda board: board.id)
    def test_grafana_gets_every_query(self, board: Any) -> None:
        text = (ROOT / "deploy/grafana/dashboards" / f"{board.id}.json").read_text()
        document = json.loads(text)
        found = [
            (panel["title"], [target["expr"] for target in panel["targets"]])
            for row in [document, *document["panels"]]
            for panel in row.get("panels", [])
            if panel["type"] != "row"
        ]

        assert found == [
            (chart.title, [query.expr for query in chart.queries])
            for row in board.rows
            for chart in row.charts
        ]
        variables = [variable["name"] for variable in document["templating"]["list"]]
        assert variables == ["datasource", *board.variables]


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "deploy").rglob("*") if p.suffix in (".yml", ".yaml", ".json")),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_of_deploy_can_be_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert (json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)) is not None


class TestCompose:
    COMPOSE: ClassVar[dict[str, Any]] = yaml.safe_load(
        (ROOT / "deploy" / "compose.yml").read_text()
    )

    def test_it_starts_every_process_and_pins_what_is_not_ours(self) -> None:
        services = self.COMPOSE["services"]
        own = {name: one for name, one in services.items() if one["image"] == "affectscope"}

        assert [one["command"] for one in own.values()] == [["serve", name] for name in NAMES]
        for name in services.keys() - own.keys():
            assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"]), name
            assert services[name]["profiles"] == ["watch"]

    def test_what_it_mounts_is_there(self) -> None:
        for service in self.COMPOSE["services"].values():
            for volume in service.get("volumes", ()):
                source = volume.partition(":")[0]
                if source.startswith("."):
                    assert (ROOT / "deploy" / source).is_dir(), source
                else:
                    assert source in self.COMPOSE["volumes"]


def test_pipelines_of_the_collector_use_what_is_defined() -> None:
    document = yaml.safe_load((ROOT / "deploy" / "otel-collector" / "config.yml").read_text())

    for pipeline in document["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(document[part])
    assert set(document["service"]["extensions"]) <= set(document["extensions"])


def test_units_name_every_process() -> None:
    target = (ROOT / "deploy" / "systemd" / "affectscope.target").read_text()

    assert re.findall(r"affectscope@(\w+)\.service", target) == list(NAMES)

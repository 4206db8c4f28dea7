"""The locustfile loads services with the shipped samples; all five of them in tests/live."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from affectscope.chat.app import ChatSettings
from affectscope.chat.app import create as chat
from affectscope.gateway import GatewaySettings
from affectscope.gateway import create as gateway
from affectscope.survey.app import SurveySettings
from affectscope.survey.app import create as survey
from tests.gateway.conftest import Servers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def urls() -> Iterator[dict[str, str]]:
    servers = Servers()
    found = {
        "chat": servers.start(chat(ChatSettings()).app),
        "survey": servers.start(survey(SurveySettings()).app),
    }
    behind = {f"{name}_url": url for name, url in found.items()}
    gone = "http://127.0.0.1:9"
    settings = GatewaySettings.model_validate(
        {**behind, "speech_url": gone, "video_url": gone, "observatory_url": ""}
    )
    found["gateway"] = servers.start(gateway(settings).app)
    yield found
    servers.stop()


def run(folder: Path, *arguments: str, **environment: str) -> str:
    """Run Locust without its page; returns what it printed."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "deploy" / "locustfile.py")),
            *("--headless", "-s", "30", *arguments),
        ],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    printed = done.stderr + done.stdout
    assert done.returncode == 0, printed[-3000:]
    return printed


def locust(folder: Path, *arguments: str, **environment: str) -> dict[str, dict[str, Any]]:
    """Run Locust; returns its statistics by endpoint."""
    run(folder, "--json-file", "run", *arguments, **environment)
    found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return {one["name"]: one for one in found}


def variables(urls: dict[str, str]) -> dict[str, str]:
    return {f"AFFECTSCOPE_{name.upper()}_URL": url for name, url in urls.items()}


def test_real_services_answer_it(urls: dict[str, str], tmp_path: Path) -> None:
    users = ("Chat", "Survey", "Integrated")
    found = locust(tmp_path, "-u", "3", "-r", "3", "-t", "4s", *users, **variables(urls))

    for name in ("/analyze-chat", "/analyze-survey", "/analyze"):
        assert found[name]["num_requests"] >= 1
        assert found[name]["num_failures"] == 0


def test_one_address_takes_all(urls: dict[str, str], tmp_path: Path) -> None:
    found = locust(tmp_path, "-u", "1", "-t", "4s", "--host", urls["gateway"], "Survey")

    assert found["/analyze-survey"]["num_requests"] >= 1


def test_what_fails_is_counted_by_its_problem(urls: dict[str, str], tmp_path: Path) -> None:
    """The gateway of this test has no speech service."""
    options = ("-u", "1", "-t", "4s", "--exit-code-on-error", "0")
    printed = run(tmp_path, *options, "--host", urls["gateway"], "Speech")

    assert "503 backend-unavailable" in printed

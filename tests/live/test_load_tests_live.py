"""Load tests of the whole system: run, kept by the observatory, compared, and from Locust."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from live_system import GATEWAY, OBSERVATORY, ROOT, clean_environment, wait_until

RATE = ("--mode", "constant", "--type", "survey", "--rate", "10", "--duration", "6")


def get(path: str) -> Any:
    return httpx.get(f"{OBSERVATORY}{path}", timeout=20, trust_env=False).json()


def tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run_load_test.py", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def kept(id: str) -> bool:
    return any(one["id"] == id for one in get("/api/load-tests")["runs"])


class TestRuns:
    """`run_load_test.py` against real services."""

    def test_runs_at_a_rate_are_kept_and_compared(self) -> None:
        ids = []
        for _ in range(2):
            done = tool(*RATE)
            assert done.returncode == 0, done.stderr + done.stdout
            found = re.search(r"Load test (\w+) runs", done.stderr)
            assert found is not None
            ids.append(found.group(1))
            wait_until(lambda: kept(ids[-1]), 15, "the run is kept")

        run = get(f"/api/load-tests/{ids[0]}")
        compared = get(f"/api/load-tests/{ids[0]}/compare/{ids[1]}")
        assert run["summary"]["succeeded"] == 60
        assert len(run["points"]) >= 6
        assert run["curves"]["survey"]["corrected"]
        assert compared["comparable"] is True
        assert compared["ratios"]["all"]["achieved_rate"]["ratio"] > 0.9
        assert "sure" in compared["ratios"]["all"]["corrected"]["p50_seconds"]

    def test_the_contract_s_form_is_kept_too(self) -> None:
        done = tool("--type", "survey", "--iterations", "5", "--json")

        assert done.returncode == 0
        assert json.loads(done.stdout)["summary"]["requests"] == 5
        wait_until(
            lambda: any(
                one["mode"] == "closed" and one["plan"]["iterations"] == 5
                for one in get("/api/load-tests")["runs"]
            ),
            15,
            "the run is kept",
        )

    def test_a_stopped_run_is_kept_as_a_part(self) -> None:
        body = {"mode": "ramp", "test_type": "chat", "end_rate": 5, "duration": 600}
        with httpx.Client(base_url=GATEWAY, timeout=20, trust_env=False) as client:
            started = client.post("/load-test", json=body).json()
            where = f"/load-tests/{started['id']}"
            wait_until(lambda: len(client.get(where).json()["points"]) > 2, 30, "it runs")
            stopped = client.delete(where).json()

        assert stopped["state"] == "stopped"
        wait_until(lambda: kept(started["id"]), 15, "the run is kept")
        assert get(f"/api/load-tests/{started['id']}")["partial"] is True


def test_locust_loads_all_five_services(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "deploy" / "locustfile.py")),
            *("--headless", "--json-file", str(tmp_path / "run")),
            *("-u", "5", "-r", "5", "-t", "10s", "-s", "40"),
        ],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    found = {one["name"]: one for one in json.loads((tmp_path / "run.json").read_text())}
    for name in (
        "/analyze-video",
        "/analyze-speech",
        "/analyze-chat",
        "/analyze-survey",
        "/analyze",
    ):
        assert found[name]["num_requests"] >= 1
        assert found[name]["num_failures"] == 0

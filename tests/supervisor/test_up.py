"""``affectscope up`` says what is wrong before it starts, and starts and stops everything."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from affectscope.supervisor import NAMES

COMMAND = [sys.executable, "-m", "affectscope", "up"]


@pytest.fixture
def ports() -> dict[str, str]:
    """Variables that move every process to a free port."""
    held = [socket.socket() for _ in NAMES]
    for one in held:
        one.bind(("127.0.0.1", 0))
    found = {
        f"AFFECTSCOPE_{name.upper()}_PORT": str(one.getsockname()[1])
        for name, one in zip(NAMES, held, strict=True)
    }
    for one in held:
        one.close()
    return found


def test_a_taken_port_stops_it_before_anything_starts(ports: dict[str, str]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(ports["AFFECTSCOPE_CHAT_PORT"])))
        holder.listen()

        done = subprocess.run(
            COMMAND,
            env={**os.environ, **ports},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 2
    assert "Chat Analysis" in done.stderr
    assert done.stdout == ""


def test_it_brings_everything_up_and_takes_everything_down(
    ports: dict[str, str], tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "log"
    with out.open("w") as stdout, log.open("w") as stderr:
        process = subprocess.Popen(
            COMMAND, env={**os.environ, **ports}, stdout=stdout, stderr=stderr
        )
    try:
        deadline = time.monotonic() + 90
        while "Ctrl-C" not in out.read_text() and time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        port = ports["AFFECTSCOPE_GATEWAY_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            health = json.load(answer)
        table = out.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(30)

    assert code == 0
    assert set(health["backends"]) == {"video", "speech", "chat", "survey"}
    assert all(value in table for value in ports.values())
    assert len(children) >= 5
    assert not any(child.is_running() and child.status() != "zombie" for child in children)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"supervisor", "video", "speech", "chat", "survey", "integrated"} <= {
        line["service"] for line in lines
    }

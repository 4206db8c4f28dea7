"""The observatory as a process of its own, bound to one core, without the services it watches."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.service_process import free_port

FILE = "telemetry.db"
_READY_SECONDS = 120.0


@dataclass(frozen=True)
class Server:
    """An observatory that runs.

    Attributes:
        url: Where it answers.
        process: What it costs can be read there.
        file: Where it keeps everything.
    """

    url: str
    process: psutil.Process
    file: Path


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """Serve the observatory, on the last core that this process may use.

    Args:
        folder: Where its file goes.
        settings: Environment variables that it gets beside the usual ones.
    """
    port = free_port()
    # Nothing listens there: what is not up costs a refused connection every five seconds.
    nobody = {f"AFFECTSCOPE_{name}_PORT": "9" for name in ("VIDEO", "SPEECH", "CHAT", "SURVEY")}
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith("AFFECTSCOPE")
    }
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "affectscope", "serve", "observatory"],
            env={
                **plain,
                **nobody,
                "AFFECTSCOPE_GATEWAY_PORT": "9",
                "AFFECTSCOPE_OBSERVATORY_PORT": str(port),
                "AFFECTSCOPE_OBSERVATORY_FOLDER": str(folder),
                **settings,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_on_one_core,
        )
    server = Server(f"http://127.0.0.1:{port}", psutil.Process(started.pid), folder / FILE)
    try:
        _wait(server, started, folder / "log")
        yield server
    finally:
        started.terminate()
        started.wait(60)


def _on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _wait(server: Server, started: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + _READY_SECONDS
    while True:
        try:
            if httpx.get(f"{server.url}/readyz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        if started.poll() is not None or time.monotonic() > ends:
            raise SystemExit(f"the observatory did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)

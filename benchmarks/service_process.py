"""A real service as a process of its own, for benchmarks to talk to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import httpx

_START_SECONDS: Final = 60.0


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class ServiceProcess:
    """A service without an observatory, on a port of its own.

    Args:
        name: The service.
    """

    def __init__(self, name: str) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "affectscope", "serve", name],
            env={
                **os.environ,
                f"AFFECTSCOPE_{name.upper()}_PORT": str(port),
                "AFFECTSCOPE_OBSERVATORY_URL": "",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Return once it is ready.

        Raises:
            SystemExit: It ended, or took too long.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                if httpx.get(f"{self.address}/readyz", trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise SystemExit(f"the service at {self.address} did not start")
            time.sleep(0.1)

    def pss(self) -> int:
        """Bytes that it holds: its own, and its share of what other processes hold too."""
        return self._bytes("Pss:")

    def uss(self) -> int:
        """Bytes that it holds alone; others that come and go do not change them."""
        return self._bytes("Private_Clean:", "Private_Dirty:")

    def _bytes(self, *names: str) -> int:
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text(encoding="ascii")
        lines = (line.split() for line in rollup.splitlines())
        return sum(int(line[1]) * 1024 for line in lines if line[0] in names)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

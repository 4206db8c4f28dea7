"""What the live tests share: where the system is, how to wait for it, and what curl printed."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PORTS = {
    "video": 8001,
    "speech": 8002,
    "chat": 8003,
    "survey": 8004,
    "integrated": 9000,
    "observatory": 9001,
}
GATEWAY = "http://localhost:9000"
OBSERVATORY = "http://localhost:9001"
START_SECONDS = 120.0


def clean_environment() -> dict[str, str]:
    """The environment without what would change the system under test."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AFFECTSCOPE_", "COVERAGE"))
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def health(port: int) -> dict[str, Any] | None:
    try:
        found = httpx.get(f"http://127.0.0.1:{port}/health", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return None
    document: dict[str, Any] = found.json()
    return document


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until something holds; returns how long that took."""
    begin = time.monotonic()
    while not holds():
        passed = time.monotonic() - begin
        assert passed < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - begin


def all_pass() -> bool:
    found = [health(PORTS[name]) for name in ("integrated", "observatory")]
    return all(one is not None and one["status"] == "pass" for one in found)


@dataclass
class Answer:
    """What curl printed."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """The slug of a problem answer, which must be a well-formed one."""
        assert self.headers["content-type"] == "application/problem+json", self.body[:300]
        document = self.json
        assert document["status"] == self.status
        assert document["detail"]
        assert "Traceback" not in self.body.decode()
        return str(document["type"]).removeprefix("urn:affectscope:problem:")


def write_sound(path: Path, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pictures(path: Path, count: int) -> list[np.ndarray[Any, Any]]:
    """The pictures of a video, again and again."""
    with av.open(str(path)) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [found[index % len(found)] for index in range(count)]


def write_video(path: Path, images: list[np.ndarray[Any, Any]]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))

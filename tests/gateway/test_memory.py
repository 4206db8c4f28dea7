"""A large upload passes through the gateway without staying in it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import psutil
import pytest
from fastapi import Request
from starlette.responses import JSONResponse, Response

MEGABYTE = 1024 * 1024
SIZE = 300 * MEGABYTE
GROWTH = 50 * MEGABYTE


@pytest.fixture
def sink(small_service, serve) -> str:
    """A service that counts what arrives."""
    service = small_service("video")

    @service.app.post("/analyze-video")
    async def analyze_video(request: Request) -> Response:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
        return JSONResponse({"size": size})

    return serve(service.app)


@pytest.fixture
def gateway_process(sink) -> Iterator[tuple[str, psutil.Process]]:
    """The gateway as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    code = (
        "from affectscope.gateway import create\n"
        "from affectscope.service import run_service\n"
        "run_service(create())\n"
    )
    environment = {
        **os.environ,
        "AFFECTSCOPE_GATEWAY_PORT": port,
        "AFFECTSCOPE_VIDEO_URL": sink,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL
    )
    yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    process.terminate()
    process.wait(10)


def test_memory_does_not_depend_on_the_upload(gateway_process, until):
    url, process = gateway_process

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/livez", trust_env=False).is_success
        except httpx.ConnectError:
            return False

    until(answers)
    peak = before = process.memory_info().rss
    chunk = os.urandom(MEGABYTE)

    def body() -> Iterator[bytes]:
        nonlocal peak
        for _ in range(SIZE // MEGABYTE):
            yield chunk
            peak = max(peak, process.memory_info().rss)

    answer = httpx.post(f"{url}/analyze-video", content=body(), timeout=60, trust_env=False)

    assert answer.json() == {"size": SIZE}
    assert peak - before < GROWTH

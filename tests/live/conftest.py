"""The whole system as its processes, on the standard ports, asked from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from affectscope.samples import sample

# Tests are imported by their path, so what they share must be findable by its name.
sys.path.insert(0, str(Path(__file__).parent))

from live_system import (
    PORTS,
    ROOT,
    START_SECONDS,
    Answer,
    all_pass,
    clean_environment,
    health,
    pictures,
    wait_until,
    write_sound,
    write_video,
)


@pytest.fixture(scope="session", autouse=True)
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """``affectscope up``, ready."""
    folder = tmp_path_factory.mktemp("system")
    log = folder / "log"
    for name, port in PORTS.items():
        assert health(port) is None, f"port {port} of {name} is taken: stop what runs there"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "affectscope", "up"],
            cwd=ROOT,
            env={
                **clean_environment(),
                "AFFECTSCOPE_OBSERVATORY_FOLDER": str(folder / "observatory"),
                # All traces, so that a test finds the one that it made.
                "AFFECTSCOPE_OBSERVATORY_KEEP_SHARE": "1",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(
                lambda: process.poll() is not None or all_pass(), START_SECONDS, "the system is up"
            )
            assert process.poll() is None, log.read_text()[-3000:]
            yield
            assert process.poll() is None, log.read_text()[-3000:]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    for port in PORTS.values():
        assert health(port) is None, "a process outlived the system"


Curl = Callable[..., Answer]
Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def curl(inputs: Path) -> Curl:
    """Run curl in the folder of the inputs."""

    def run(*arguments: str) -> Answer:
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "--dump-header", "-", "-m", "100", *arguments],
            cwd=inputs,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        rest = done.stdout
        head = b""
        # One block of headers for each interim answer, the last one for the answer itself.
        while rest.startswith(b"HTTP/"):
            head, _, rest = rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        return Answer(int(first.split()[1]), headers, rest)

    return run


@pytest.fixture(scope="session")
def shell(inputs: Path) -> Shell:
    """Run a command line of the contract, to the letter, in the folder of the inputs."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**clean_environment(), "PATH": path}
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            ["bash", "-c", line],
            cwd=inputs,
            env=environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of inputs: the shipped samples, long ones, and media without any evidence."""
    folder = tmp_path_factory.mktemp("inputs")
    speech = sample("speech").read_bytes()
    (folder / "your_audio.wav").write_bytes(speech)
    (folder / "video.mp4").write_bytes(sample("video").read_bytes())
    (folder / "chat.json").write_bytes(sample("chat").read_bytes())
    (folder / "survey.json").write_bytes(sample("survey").read_bytes())
    (folder / "empty").write_bytes(b"")
    (folder / "noise.mp4").write_bytes(os.urandom(20_000))
    (folder / "cut.mp4").write_bytes(sample("video").read_bytes()[:20_000])
    (folder / "text.txt").write_text("not a video")
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
    write_sound(folder / "silence.wav", np.zeros(5 * 16_000, np.int16))
    samples = np.frombuffer(speech[44:], np.int16)
    write_sound(folder / "long.wav", np.tile(samples, 8))
    black = np.zeros((240, 320, 3), np.uint8)
    write_video(folder / "black.mp4", [black] * 20)
    write_video(folder / "long.mp4", pictures(sample("video"), 400))
    messages = [
        {"speaker": "a", "time": i, "text": f"number {i} makes me happy"} for i in range(3000)
    ]
    (folder / "long.json").write_text(json.dumps({"messages": messages}))
    return folder

"""A live camera is answered picture by picture, however bad its pictures or slow its client."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection

from affectscope.service import Service
from affectscope.service.live import MOST_BAD
from affectscope.video.app import VideoSettings, create
from affectscope.video.live import LIVE_VIDEO, Newest, Shot
from tests.service.apps import until
from tests.service.live_parts import client, ended, heard, metric, serving, slug
from tests.service.test_server import free_port

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


def message(time: float, image: np.ndarray, kind: str = ".jpg") -> bytes:
    return struct.pack("<d", time) + cv2.imencode(kind, image[:, :, ::-1])[1].tobytes()


@asynccontextmanager
async def camera(**settings: object) -> AsyncIterator[tuple[ClientConnection, Service]]:
    """Serve the video service and connect to it; it has said that it is ready."""
    found = VideoSettings.model_validate({"observatory_url": "", **settings})
    service = create(found)
    async with serving(service) as (address, _), client(address, LIVE_VIDEO) as web:
        ready = await heard(web)
        assert ready == {
            "type": "ready",
            "most_bytes": found.live_message_bytes,
            "most_pixels": 4_000_000,
        }
        yield web, service


async def frame(web: ClientConnection) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what is said up to the next frame, and that."""
    before = []
    while (said := await heard(web))["type"] != "frame":
        before.append(said)
    return before, said


class TestAnswers:
    async def test_a_face_keeps_its_track(self, portrait) -> None:
        async with camera() as (web, service):
            for index in range(3):
                moved = np.roll(portrait, 4 * index, axis=1)
                await web.send(message(10 + index / 15, moved))
                before, said = await frame(web)

                assert [one["track"]["id"] for one in before] == ["face-1"][: 1 - min(index, 1)]
                assert [one["track"] for one in said["faces"]] == ["face-1"]
                assert said["time"] == 10 + index / 15
                assert (said["quality"], said["dropped"]) == ([], 0)
                assert said["latency_ms"] > 0
                segment = said["faces"][0]["segment"]
                assert segment["start"] == segment["end"] == 10 + index / 15
                assert segment["frame"] == index
                assert sum(segment["affect"]["scores"].values()) == pytest.approx(1)
                assert segment["box"]["width"] == pytest.approx(200, abs=60)

        labels = {"endpoint": LIVE_VIDEO}
        assert metric(service, "affectscope_live_answer_seconds_count", **labels) == 3
        for stage in ("decode", "detect", "infer"):
            assert metric(service, "affectscope_stage_seconds_count", stage=stage) == 3
        confidence = "affectscope_prediction_confidence_count"
        assert metric(service, confidence, modality="face") == 3

    async def test_webp_and_a_purpose(self, portrait) -> None:
        async with camera() as (web, _):
            await web.send('{"purpose": "research"}')
            await web.send(message(-5.0, portrait, ".webp"))
            _, said = await frame(web)

        assert (said["time"], len(said["faces"])) == (-5.0, 1)

    async def test_a_picture_without_evidence(self, portrait) -> None:
        async with camera() as (web, _):
            await web.send(message(0.0, np.zeros_like(portrait)))
            assert (await frame(web))[1]["quality"] == ["black"]
            await web.send(message(1.0, np.full_like(portrait, 128)))
            _, said = await frame(web)

        assert (said["quality"], said["faces"]) == (["no-face"], [])

    async def test_pictures_of_different_sizes(self, portrait, crowd) -> None:
        async with camera() as (web, _):
            await web.send(message(0.0, crowd))
            opened, said = await frame(web)
            await web.send(message(0.1, portrait))
            await frame(web)

        assert len(said["faces"]) == len(opened) == 4


class TestHaste:
    """What comes too fast is dropped, oldest first."""

    async def test_the_newest_of_many_is_looked_at(self, portrait) -> None:
        async with camera() as (web, service):
            for index in range(40):
                await web.send(message(index / 100, portrait))
            answers = []
            while not answers or answers[-1]["time"] < 0.39:
                answers.append((await frame(web))[1])

        dropped = sum(one["dropped"] for one in answers)
        assert dropped > 0
        assert len(answers) + dropped == 40
        fate = {"endpoint": LIVE_VIDEO, "fate": "dropped"}
        assert metric(service, "affectscope_live_messages_total", **fate) == dropped
        fate["fate"] = "answered"
        assert metric(service, "affectscope_live_messages_total", **fate) == len(answers)

    async def test_only_one_waits(self) -> None:
        newest = Newest()
        replaced = [newest.put(Shot(float(time), b"", 0.0)) for time in range(5)]
        for number in range(2 * MOST_BAD):
            newest.tell(str(number))

        problems, shot = await newest.take()
        assert replaced == [False, True, True, True, True]
        assert shot == Shot(4.0, b"", 0.0)
        assert problems == [str(number) for number in range(MOST_BAD, 2 * MOST_BAD)]
        newest.tell("more")
        assert await newest.take() == (["more"], None)

    async def test_a_camera_that_leaves_takes_its_thread_along(self, portrait) -> None:
        def threads() -> int:
            return sum(one.name.startswith("video-live") for one in threading.enumerate())

        assert await until(lambda: threads() == 0)
        async with camera() as (web, _):
            await web.send(message(0.0, portrait))
            await frame(web)
            assert threads() == 1
        assert await until(lambda: threads() == 0)


class TestBadMessages:
    @pytest.mark.parametrize(
        ("bad", "kind", "words"),
        [
            ("later text", "malformed-request", "'later text'; valid after the first message"),
            (b"", "malformed-request", "0 bytes; valid: 8 bytes of time and a picture"),
            (b"1234567", "malformed-request", "7 bytes"),
            (struct.pack("<d", 5.0), "empty-input", "no bytes; valid: a JPEG or WebP picture"),
            (struct.pack("<d", 5.0) + b"hello", "unsupported-media-type", "68 65 6c 6c 6f"),
            (struct.pack("<d", 5.0) + b"\xff\xd8\xff\xe0", "undecodable-media", "damaged"),
            (
                struct.pack("<d", math.nan) + b"x",
                "invalid-value",
                "the time is nan; valid: seconds",
            ),
            (struct.pack("<d", math.inf) + b"x", "invalid-value", "the time is inf"),
            (struct.pack("<d", 1.7e12) + b"x", "invalid-value", "1700000000000.0; valid: seconds"),
            (struct.pack("<d", 1.0) + b"x", "invalid-value", "later than 1.0"),
            (struct.pack("<d", 0.5) + b"x", "invalid-value", "later than 1.0"),
            (bytes(100_001), "payload-too-large", "100001 bytes; valid: at most 100000"),
        ],
    )
    async def test_one_is_told_and_forgiven(self, portrait, bad, kind, words) -> None:
        async with camera(live_message_bytes=100_000) as (web, _):
            await web.send(message(1.0, portrait))
            await frame(web)
            await web.send(bad)
            said = await heard(web)
            assert said["type"] == "error"
            assert slug(said) == kind
            assert words in said["problem"]["detail"]
            await web.send(message(6.0, portrait))
            assert (await frame(web))[1]["time"] == 6.0

    async def test_many_end_the_connection(self) -> None:
        async with camera() as (web, _):
            for number in range(MOST_BAD):
                await web.send(struct.pack("<d", float(number)) + b"no picture")
                if number < MOST_BAD - 1:
                    assert (await heard(web))["time"] == number
            said, code, reason = await ended(web)

        assert [slug(one) for one in said] == ["unsupported-media-type"]
        assert (code, reason) == (4415, "Unsupported media type")

    @pytest.mark.parametrize("purpose", ["workplace", "education"])
    async def test_purposes_that_forbid_faces(self, purpose: str) -> None:
        async with camera() as (web, _):
            await web.send(f'{{"purpose": "{purpose}"}}')
            said, code, _ = await ended(web)

        assert [slug(one) for one in said] == ["purpose-refused"]
        assert code == 4403


async def test_a_service_that_stops_says_so(portrait) -> None:
    service = create(VideoSettings.model_validate({"observatory_url": ""}))
    async with serving(service) as (address, server), client(address, LIVE_VIDEO) as web:
        await heard(web)
        await web.send(message(0.0, portrait))
        await frame(web)
        server.should_exit = True
        assert (await ended(web))[1] == 1001


async def test_a_process_that_is_told_to_stop(portrait, tmp_path) -> None:
    port, log = free_port(), tmp_path / "log"
    environment = {**os.environ, "AFFECTSCOPE_VIDEO_PORT": str(port)}
    environment["AFFECTSCOPE_OBSERVATORY_URL"] = ""
    serve = [sys.executable, "-m", "affectscope", "serve", "video"]
    with log.open("wb") as out:
        process = subprocess.Popen(serve, env=environment, stderr=out)
    try:
        assert await until(lambda: b"ready" in log.read_bytes(), 60)
        async with client(f"127.0.0.1:{port}", LIVE_VIDEO) as web:
            await heard(web)
            good = message(0.0, portrait)
            damaged = bytearray(message(1.0, portrait))
            damaged[3000:3100] = bytes(100)
            for one in (good, bytes(damaged)):
                await web.send(one)
                while (await heard(web))["type"] == "track":
                    pass
            process.send_signal(signal.SIGTERM)
            assert (await ended(web))[1] == 1001
        assert await asyncio.to_thread(process.wait, 20) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()

    said = log.read_text()
    assert "Corrupt JPEG" not in said  # what a decoder would write past the log
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert [one["code"] for one in lines if one["event"] == "live connection"] == ["1001"]


async def test_the_interface_tells_of_it() -> None:
    app = create(VideoSettings()).app
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
        document = (await web.get("/openapi.json")).json()

    assert LIVE_VIDEO in document["info"]["description"]


async def test_the_client_of_the_documents_runs(capsys) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "live.md").read_text(), re.DOTALL)
    (block,) = (one for one in blocks if LIVE_VIDEO in one)
    async with serving(create(VideoSettings.model_validate({"observatory_url": ""}))) as (
        address,
        _,
    ):
        code = compile(block.replace("localhost:8001", address), "live.md", "exec")
        await asyncio.to_thread(exec, code, {"__name__": "live"})

    lines = [line for line in capsys.readouterr().out.splitlines() if "face" in line]
    assert "a new face: face-1" in lines
    assert lines.count("face-1 happiness") > 20


async def test_cameras_at_once_do_not_share_what_they_see(portrait) -> None:
    service = create(VideoSettings.model_validate({"observatory_url": ""}))
    async with (
        serving(service) as (address, _),
        client(address, LIVE_VIDEO) as first,
        client(address, LIVE_VIDEO) as second,
    ):
        for web in (first, second):
            await heard(web)
        await asyncio.gather(first.send(message(0, portrait)), second.send(message(7, portrait)))
        for web, time in ((first, 0.0), (second, 7.0)):
            opened, said = await frame(web)
            assert [one["track"]["id"] for one in opened] == ["face-1"]
            assert said["time"] == time

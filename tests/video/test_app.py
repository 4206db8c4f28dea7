"""The service's one endpoint."""

from __future__ import annotations

import io
import json
import zipfile

import cv2
import httpx
import pytest

from affectscope.media import read_frames
from affectscope.samples import sample
from affectscope.video.app import VideoSettings, create

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def app():
    return create(VideoSettings()).app


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", timeout=60
    ) as client:
        yield client


async def post(client: httpx.AsyncClient, content: bytes | None = None, **options):
    data = sample("video").read_bytes() if content is None else content
    return await client.post("/analyze-video", files={"video_file": ("film.mp4", data)}, **options)


async def test_an_analysis(client: httpx.AsyncClient) -> None:
    answer = await post(client, params={"fps": 2, "purpose": "research"})

    body = answer.json()
    assert answer.status_code == 200
    assert [len(track["segments"]) for track in body["session"]["tracks"]] == [12]
    assert {"decode", "detect", "infer"} <= set(body["timing"])
    assert body["warnings"] == []


async def test_a_profile(client: httpx.AsyncClient) -> None:
    body = (await post(client, params={"fps": 1, "profile": "true"})).json()

    assert any(one["name"].endswith("find") for one in body["profile"]["functions"])


async def test_a_stream(client: httpx.AsyncClient) -> None:
    answer = await post(client, params={"fps": 1}, headers={"Accept": "application/x-ndjson"})

    kinds = [json.loads(line)["type"] for line in answer.text.splitlines()]
    assert kinds == ["media", "track", *["segment"] * 6, "face", "end"]


@pytest.mark.parametrize("fps", ["0", "-1", "61", "nan", "many"])
async def test_a_rate_out_of_range(client: httpx.AsyncClient, fps: str) -> None:
    answer = await post(client, params={"fps": fps})

    assert answer.status_code == 422
    assert "fps" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b"", 422, "empty-input"),
        (b"some text", 415, "unsupported-media-type"),
        (b"#EXTM3U\nfile:///etc/passwd", 415, "unsupported-media-type"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", 422, "undecodable-media"),
    ],
)
async def test_bad_files(client: httpx.AsyncClient, content: bytes, status: int, slug: str) -> None:
    answer = await post(client, content)

    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (status, slug)


async def test_sound_is_the_wrong_kind(client: httpx.AsyncClient) -> None:
    assert (await post(client, sample("speech").read_bytes())).status_code == 415


async def test_the_field_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/analyze-video", files={"file": b"x"})

    assert answer.status_code == 422
    assert "video_file" in answer.json()["detail"]


@pytest.mark.parametrize("purpose", ["workplace", "education"])
async def test_purposes_that_forbid_faces(client: httpx.AsyncClient, purpose: str) -> None:
    assert (await post(client, params={"purpose": purpose})).status_code == 403


async def test_the_interface_is_documented(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    operation = paths["/analyze-video"]["post"]

    assert "fps" in {parameter["name"] for parameter in operation["parameters"]}
    assert "video_file" in json.dumps(operation["requestBody"])


async def test_a_zip_of_numbered_images(client: httpx.AsyncClient) -> None:
    data = io.BytesIO()
    with read_frames(sample("video"), 1.0) as reader, zipfile.ZipFile(data, "w") as archive:
        for frame in reader:
            image = cv2.imencode(".jpg", frame.image[:, :, ::-1])[1].tobytes()
            archive.writestr(f"take/{frame.index}.jpg", image)

    answer = await post(client, data.getvalue(), params={"fps": 60, "sequence_rate": 4})

    [track] = answer.json()["session"]["tracks"]
    assert [one["start"] for one in track["segments"]] == [index / 4 for index in range(6)]


@pytest.mark.parametrize("rate", ["0", "1001", "nan", "many"])
async def test_a_rate_of_images_out_of_range(client: httpx.AsyncClient, rate: str) -> None:
    answer = await post(client, params={"sequence_rate": rate})

    assert answer.status_code == 422
    assert "sequence_rate" in answer.json()["detail"]


async def test_a_zip_of_a_chat(client: httpx.AsyncClient) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("_chat.txt", "31/01/2026, 10:00 - Ann: hello")

    answer = await post(client, data.getvalue())

    assert answer.status_code == 415
    assert "no images" in answer.json()["detail"]

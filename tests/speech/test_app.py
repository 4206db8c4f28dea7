"""The speech service takes and refuses what it should."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from affectscope.samples import sample
from affectscope.speech.app import SpeechSettings, create
from tests.speech.signals import at, silence, spoken, write_channels, write_wav

pytestmark = pytest.mark.anyio


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create(SpeechSettings()).app),
        base_url="http://localhost",
        timeout=60,
    )


async def test_the_sample_is_heard_and_judged() -> None:
    async with client() as web:
        answer = await web.post(
            "/analyze-speech", files={"audio_file": sample("speech").read_bytes()}
        )

    body = answer.json()
    assert answer.status_code == 200
    assert "happy" in body["session"]["transcript"][0]["text"]
    assert {"decode", "detect", "transcribe", "infer"} <= set(body["timing"])


async def test_the_words_can_be_left_out() -> None:
    async with client() as web:
        answer = await web.post(
            "/analyze-speech?transcribe=false",
            files={"audio_file": sample("speech").read_bytes()},
        )

    assert answer.json()["session"]["transcript"] == []
    assert "transcribe" not in answer.json()["timing"]


async def test_channels_can_be_mixed(tmp_path: Path) -> None:
    path = write_channels(tmp_path / "a.wav", spoken(), at(7, spoken()))
    async with client() as web:
        answers = [
            await web.post(
                f"/analyze-speech?transcribe=false{query}", files={"audio_file": path.read_bytes()}
            )
            for query in ("", "&channels=mix", "&channels=left")
        ]

    tracks = [len(answer.json()["session"]["tracks"]) for answer in answers[:2]]
    assert tracks == [2, 1]
    assert answers[2].status_code == 422
    assert "'auto', 'mix' or 'split'" in answers[2].json()["detail"]


async def test_silence_is_an_answer_with_a_warning(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", silence(1))
    async with client() as web:
        answer = await web.post("/analyze-speech", files={"audio_file": path.read_bytes()})

    assert answer.status_code == 200
    assert answer.json()["session"]["quality"] == {"voice": ["silent"]}
    assert [one["code"] for one in answer.json()["warnings"]] == ["silent"]


@pytest.mark.parametrize("purpose", ["workplace", "education"])
async def test_a_voice_at_work_is_refused(purpose: str) -> None:
    async with client() as web:
        answer = await web.post(
            f"/analyze-speech?purpose={purpose}", files={"audio_file": b"never read"}
        )

    assert answer.status_code == 403
    assert "Article 5(1)(f)" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("files", "status", "slug"),
    [
        ({"audio_file": b""}, 422, "empty-input"),
        ({"audio_file": b"hello there " * 50}, 415, "unsupported-media-type"),
        ({"sound": b"x"}, 422, "missing-field"),
    ],
)
async def test_bad_uploads_are_problems(files: dict[str, bytes], status: int, slug: str) -> None:
    async with client() as web:
        answer = await web.post("/analyze-speech", files=files)

    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (status, slug)

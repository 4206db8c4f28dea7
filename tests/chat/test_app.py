"""The chat service takes and refuses what it should."""

from __future__ import annotations

import json

import httpx
import pytest

from affectscope.chat.app import ChatSettings, create
from affectscope.samples import sample


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create(ChatSettings()).app),
        base_url="http://localhost",
        timeout=60,
    )


@pytest.mark.anyio
async def test_the_sample_is_judged() -> None:
    async with client() as web:
        answer = await web.post("/analyze-chat", json=json.loads(sample("chat").read_text()))

    assert answer.status_code == 200
    assert set(answer.json()) == {"session", "timing", "warnings"}
    assert answer.json()["timing"]["infer"] > 0


@pytest.mark.anyio
async def test_work_and_education_may_use_text() -> None:
    async with client() as web:
        answer = await web.post("/analyze-chat?purpose=workplace", json={"text": "fine"})

    assert answer.json()["session"]["purpose"] == "workplace"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("content", "status", "slug"),
    [
        (b"", 422, "empty-input"),
        (b"{", 400, "malformed-request"),
        (b'{"text": NaN}', 422, "invalid-value"),
        (b"[" * 100_000, 400, "malformed-request"),
        (b'{"\\ud800": 1}', 422, "invalid-value"),
        (b'{"messages": [{"text": "a", "time": 1' + b"0" * 400 + b"}]}", 422, "invalid-value"),
        (json.dumps({"messages": [{"text": "x"}] * 10_001}).encode(), 413, "payload-too-large"),
        (json.dumps({"text": "x" * 1_000_000}).encode(), 413, "payload-too-large"),
    ],
)
async def test_hostile_bodies_are_problems(content: bytes, status: int, slug: str) -> None:
    async with client() as web:
        answer = await web.post(
            "/analyze-chat", content=content, headers={"content-type": "application/json"}
        )

    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (status, slug)


@pytest.mark.anyio
async def test_another_content_type_is_refused() -> None:
    async with client() as web:
        answer = await web.post("/analyze-chat", content=b"hello")

    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.anyio
async def test_long_chats_stream_line_by_line() -> None:
    messages = [{"text": "hello", "time": i} for i in range(300)]
    async with client() as web:
        answer = await web.post(
            "/analyze-chat",
            json={"messages": messages},
            headers={"accept": "application/x-ndjson"},
        )

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["type"] for line in lines] == [
        "track",
        *(["segment"] * 300),
        "conversation",
        "end",
    ]

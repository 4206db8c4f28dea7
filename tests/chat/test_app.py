"""The chat service takes and refuses what it should."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import threading
import time
import zipfile
from collections import Counter
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from affectscope.chat.app import ChatService, ChatSettings, create
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


WHATSAPP = (
    "31/01/2026, 10:00 - Ann: We won, I am so happy!\n"
    "31/01/2026, 10:01 - Ben: Great, thank you\nfor telling me\n"
)


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


def ndjson(count: int) -> bytes:
    return b"".join(
        json.dumps({"speaker": "AB"[i % 2], "time": i, "text": "I like it"}).encode() + b"\n"
        for i in range(count)
    )


class TestBatch:
    @pytest.mark.anyio
    async def test_a_long_conversation_is_answered_line_by_line_with_progress(self) -> None:
        async with client() as web:
            answer = await web.post("/analyze-chat-batch", content=ndjson(700))

        assert answer.headers["content-type"] == "application/x-ndjson"
        found = lines(answer)
        kinds = Counter(line["type"] for line in found)
        assert kinds["segment"] == 700
        assert [line["done"] for line in found if line["type"] == "progress"] == [
            *(32, 288, 544, 700)
        ]
        assert [line["type"] for line in found[-2:]] == ["conversation", "end"]

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("content", "name", "kind"),
        [
            (WHATSAPP.encode(), "chat.txt", "text/plain"),
            (b"speaker,time,text\nAnn,0,I am glad\nBen,1,me too\n", "chat.csv", "text/csv"),
            (
                b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>I am glad\n\n"
                b"00:03.000 --> 00:04.000\n<v Ben>me too\n",
                *("call.vtt", "text/vtt"),
            ),
            (gzip.compress(ndjson(2), mtime=0), "chat.jsonl.gz", "application/gzip"),
            (
                b'[{"type": "message", "user": "U1", "ts": "1700000000.1", "text": "I am glad"},'
                b'{"type": "message", "user": "U2", "ts": "1700000001.1", "text": "me too"}]',
                *("2026-01-31.json", "application/json"),
            ),
        ],
    )
    @pytest.mark.parametrize("path", ["/analyze-chat-batch", "/analyze-chat"])
    async def test_exports_are_taken_as_files(
        self, path: str, content: bytes, name: str, kind: str
    ) -> None:
        async with client() as web:
            answer = await web.post(
                path,
                files={"chat_file": (name, content, kind)},
                headers={"accept": "application/x-ndjson"},
            )

        segments = [line["segment"] for line in lines(answer) if line["type"] == "segment"]
        assert (answer.status_code, len(segments)) == (200, 2)

    @pytest.mark.anyio
    async def test_an_export_may_be_the_body_itself(self) -> None:
        async with client() as web:
            answer = await web.post("/analyze-chat-batch", content=WHATSAPP.encode())

        segments = [line["segment"] for line in lines(answer) if line["type"] == "segment"]
        assert [one["start"] for one in segments] == [0, 60]

    @pytest.mark.anyio
    async def test_a_zip_of_several_needs_part(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            file.writestr("one.csv", "text\nI am glad\n")
            file.writestr("two.csv", "text\nI am sad\n")
        async with client() as web:
            refused = await web.post("/analyze-chat-batch", content=packed.getvalue())
            taken = await web.post("/analyze-chat-batch?part=two.csv", content=packed.getvalue())

        assert refused.status_code == 422
        assert "one.csv, two.csv" in refused.json()["detail"]
        assert [r["segment"]["text"] for r in lines(taken) if r["type"] == "segment"] == [
            "I am sad"
        ]

    @pytest.mark.anyio
    async def test_what_cannot_be_read_is_a_problem_that_names_the_line(self) -> None:
        async with client() as web:
            answer = await web.post("/analyze-chat-batch", content=ndjson(40) + b'{"text": 1}\n')

        assert answer.status_code == 422
        assert "line 41" in answer.json()["detail"]

    @pytest.mark.anyio
    async def test_a_profile_is_refused_before_the_body_is_read(self) -> None:
        async with client() as web:
            answer = await web.post("/analyze-chat-batch?profile=true", content=ndjson(2))

        assert answer.status_code == 422
        assert "/analyze-chat" in answer.json()["detail"]

    @pytest.mark.anyio
    async def test_too_many_at_once_are_told_to_come_back(self) -> None:
        release = threading.Event()
        service = create(ChatSettings())
        assert isinstance(service, ChatService)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://localhost", timeout=60
        ) as web:
            held = [asyncio.ensure_future(service._bulk.run(release.wait)) for _ in range(4)]
            await asyncio.sleep(0)
            refused = await web.post("/analyze-chat-batch", content=ndjson(2))
            small = await web.post("/analyze-chat", json={"text": "I am glad"})
            release.set()
            await asyncio.gather(*held)
            taken = await web.post("/analyze-chat-batch", content=ndjson(2))

        assert (refused.status_code, small.status_code, taken.status_code) == (503, 200, 200)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"].endswith(":overloaded")

    @pytest.mark.anyio
    async def test_a_client_that_leaves_ends_the_work(self) -> None:
        service = create(ChatSettings())
        assert isinstance(service, ChatService)
        left = asyncio.Event()
        sent = asyncio.Event()
        body = iter([{"type": "http.request", "body": ndjson(20_000), "more_body": False}])

        async def receive() -> dict[str, object]:
            for message in body:
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                sent.set()

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/analyze-chat-batch",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "http_version": "1.1",
        }
        asking = asyncio.ensure_future(service.app(scope, receive, send))
        await asyncio.wait_for(sent.wait(), 60)
        left.set()
        await asyncio.wait_for(asking, 30)
        deadline = time.monotonic() + 30
        while service._bulk._pending and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

        assert service._bulk._pending == 0


@pytest.mark.anyio
async def test_explain_weighs_every_word() -> None:
    async with client() as web:
        answer = await web.post("/analyze-chat?explain=true", json={"text": "Thank you, Ann"})

    (segment,) = answer.json()["session"]["tracks"][0]["segments"]
    assert [word["text"] for word in segment["explanation"]] == ["Thank", "you", ",", "Ann"]
    assert set(segment["explanation"][0]["weights"]) == set(segment["affect"]["present"])


@pytest.mark.anyio
async def test_small_requests_at_once_are_all_answered() -> None:
    async with client() as web:
        answers = await asyncio.gather(
            *(web.post("/analyze-chat", json={"text": f"I am glad {i}"}) for i in range(20))
        )

    assert [answer.status_code for answer in answers] == [200] * 20


@pytest.mark.anyio
async def test_the_document_describes_file_body_and_parameters() -> None:
    async with client() as web:
        paths = (await web.get("/openapi.json")).json()["paths"]

    batch, single = paths["/analyze-chat-batch"]["post"], paths["/analyze-chat"]["post"]
    assert set(batch["requestBody"]["content"]) == {"application/x-ndjson", "multipart/form-data"}
    assert set(single["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    names = {parameter["name"] for parameter in single["parameters"]}
    assert {"purpose", "explain", "part"} <= names

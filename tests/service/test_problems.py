"""Whatever goes wrong, the answer is one problem document with the id of its request."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import HTTPException, Query

from affectscope.errors import ALL, AffectscopeError, Unavailable
from tests.service.apps import client, make

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", ALL)
async def test_every_error_of_the_tree(kind: type[AffectscopeError]) -> None:
    service, _ = make()

    @service.app.get("/broken")
    async def broken() -> None:
        raise kind("what is wrong", found="x", status="not this one")

    async with client(service) as web:
        answer = await web.get("/broken")
        metrics = (await web.get("/metrics")).text

    body = answer.json()
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body == {
        "type": f"urn:affectscope:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "what is wrong",
        "found": "x",
        "request_id": answer.headers["x-request-id"],
    }
    assert ("retry-after" in answer.headers) == issubclass(kind, Unavailable)
    assert f'test_errors_total{{endpoint="/broken",error_type="{kind.slug}"}} 1.0' in metrics


@pytest.mark.parametrize(
    ("status", "slug"),
    [(404, "not-found"), (409, "request-error"), (413, "payload-too-large"), (502, "internal")],
)
async def test_a_bare_status_becomes_the_nearest_problem(status: int, slug: str) -> None:
    service, _ = make()

    @service.app.get("/bare")
    async def bare() -> None:
        raise HTTPException(status, "for a reason", headers={"x-more": "1"})

    async with client(service) as web:
        answer = await web.get("/bare")

    assert answer.json()["type"].endswith(slug)
    assert answer.headers["x-more"] == "1"


@pytest.mark.parametrize(
    ("query", "slug", "named"),
    [
        ("", "missing-field", "level is missing"),
        ("?level=high", "invalid-value", "level is 'high'"),
        ("?level=" + 500 * "9", "invalid-value", "level is '999"),
        ("?level=7", "invalid-value", "less than or equal to 5"),
    ],
)
async def test_a_parameter_is_named_with_its_value(query: str, slug: str, named: str) -> None:
    service, _ = make()

    @service.app.get("/limited")
    async def limited(level: Annotated[int, Query(le=5)]) -> int:
        return level

    async with client(service) as web:
        answer = await web.get("/limited" + query)

    body = answer.json()
    assert answer.status_code == 422
    assert body["type"].endswith(slug)
    assert named in body["detail"]
    assert body["field"] == "level"
    assert len(body["detail"]) < 300


async def test_a_defect_after_the_first_byte_cuts_the_answer_off() -> None:
    service, _ = make()

    class Halfway:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise ZeroDivisionError("a defect")

    service.app.mount("/halfway", Halfway())
    async with client(service) as web:
        await web.get("/halfway/")
        metrics = (await web.get("/metrics")).text

    assert 'error_type="internal"} 1.0' in metrics


async def test_work_that_is_stopped_with_the_service_says_so() -> None:
    service, _ = make()
    began = asyncio.Event()
    sent: list[Any] = []

    @service.app.get("/long")
    async def long() -> None:
        began.set()
        await asyncio.sleep(60)

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/long",
        "raw_path": b"/long",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }
    task = asyncio.ensure_future(service.app(scope, receive, send))  # type: ignore[arg-type]
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert sent[0]["status"] == 503
    assert b"being stopped" in sent[1]["body"]


async def test_a_foreign_page_cannot_open_a_socket() -> None:
    service, _ = make()
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/anything",
        "raw_path": b"/anything",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"origin", b"https://evil.example")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "ws",
        "subprotocols": [],
        "asgi": {"version": "3.0"},
    }
    await service.app(scope, receive, send)  # type: ignore[arg-type]

    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "Foreign origin"}]

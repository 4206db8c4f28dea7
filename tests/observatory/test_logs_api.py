"""The endpoint for lines of logs: any text may be searched for, and no question hurts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from affectscope.observatory.otlp_logs import LogLine
from tests.observatory.store_parts import NOW, Stores, stores_with_client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with stores_with_client(tmp_path) as (stores, client):
        fill(stores)
        yield client


def fill(stores: Stores) -> None:
    stores.logs.add(
        [
            LogLine(NOW, "chat", 1, "request finished", None, None, '{"endpoint":"/analyze-chat"}'),
            LogLine(NOW + 1, "chat", 3, "größer; DROP TABLE log", b"\1" * 16, None, "{}"),
            LogLine(NOW + 2, "video", 2, "request slow", None, None, "{}"),
        ]
    ).result()


async def events(api: httpx.AsyncClient, **query: object) -> list[str]:
    answer = await api.get("/api/logs", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [line["event"] for line in answer.json()["logs"]]


async def test_filters_join(api):
    assert await events(api, query="request") == ["request slow", "request finished"]
    assert await events(api, query="request", service="chat") == ["request finished"]
    assert await events(api, level="error") == ["größer; DROP TABLE log"]
    assert await events(api, trace_id="01" * 16) == ["größer; DROP TABLE log"]
    assert await events(api, start=NOW + 1, end=NOW + 2) == ["größer; DROP TABLE log"]
    assert await events(api, query="analyze-chat") == ["request finished"]


@pytest.mark.parametrize(
    "words",
    [
        "'; DROP TABLE log; --",
        '"',
        '""""',
        "* ^ : NEAR(a b)",
        "\0",
        "(" * 400,
        "👩‍🚀",
        "-",
        "OR AND",
    ],
)
async def test_no_text_is_an_error(api, words: str):
    await events(api, query=words)

    assert len(await events(api)) == 3


@pytest.mark.parametrize(
    "query",
    [
        {"query": "x" * 501},
        {"level": "loud"},
        {"limit": 501},
        {"limit": "all"},
        {"start": "inf"},
        {"start": 2, "end": 1},
        {"trace_id": "5"},
        {"service": "s" * 257},
        {"before": -1},
    ],
)
async def test_what_cannot_be_asked_is_named(api, query):
    answer = await api.get("/api/logs", params=query)

    assert answer.status_code == 422
    assert next(reversed(query)) in answer.text


async def test_the_next_page_begins_where_the_last_one_ended(api):
    first = (await api.get("/api/logs", params={"limit": 2})).json()

    assert first["next"] == NOW + 1
    assert await events(api, limit=2, before=first["next"]) == ["request finished"]
    assert (await api.get("/api/logs", params={"before": NOW + 1})).json()["next"] is None


async def test_strangers_may_not(api):
    answer = await api.get("/api/logs", headers={"x-forwarded-for": "203.0.113.9"})

    assert answer.status_code == 403

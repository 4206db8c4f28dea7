"""The scraper goes on whatever its targets do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from affectscope.observatory import scrape
from affectscope.observatory.database import Database
from affectscope.observatory.frames import SCHEMA, MetricStore
from affectscope.observatory.matchers import Matcher
from affectscope.observatory.scrape import Scraper, ServiceStatus, read_health

pytestmark = pytest.mark.anyio

Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
HEALTH = {
    "status": "pass",
    "version": "1.2",
    "uptime_seconds": 5,
    "checks": {"models": [{"status": "pass"}]},
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "observatory.db", (SCHEMA,))
    yield database
    database.close()


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """Serve with a function that gets the path of each request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await handler(head.split(b" ", 2)[1].decode(), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        listening.close()


def answer(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK") -> None:
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    writer.write(head.encode() + body)


async def well(path: str, writer: asyncio.StreamWriter) -> None:
    body = b"ticks 7\n" if path == "/metrics" else json.dumps(HEALTH).encode()
    answer(writer, body)
    await writer.drain()


async def one_round(
    database: Database, handler: Handler, rounds: int = 1
) -> tuple[MetricStore, ServiceStatus]:
    """Scrape one target, and another beside it that is well."""
    store = MetricStore(database)
    async with server(handler) as url, server(well) as other:
        # An answer may take as long as the interval: the one that is well has to make it, also
        # while the machine is busy with the other tests.
        scraper = Scraper(store, [("toy", "Toy", url + "/"), ("good", "Good", other)], interval=2.0)
        await until(scraper, rounds)
    toy, good = scraper.statuses()
    assert good.state == "pass"
    assert last(store, "ticks", "good") == 7
    return store, toy


async def until(scraper: Scraper, rounds: int = 1) -> None:
    """Let a scraper run until every target was asked so often."""
    seen: dict[str, set[float]] = {status.name: set() for status in scraper.statuses()}
    running = asyncio.create_task(scraper.run())
    async with asyncio.timeout(10):
        while min(len(times) for times in seen.values()) < rounds:
            await asyncio.sleep(0.01)
            for status in scraper.statuses():
                if status.last_scrape is not None:
                    seen[status.name].add(status.last_scrape)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def last(store: MetricStore, name: str, service: str) -> float | None:
    matchers = [Matcher("__name__", "=", name), Matcher("service", "=", service)]
    found = store.select(matchers, 0, time.time() + 5)
    return float(found[0][2][-1]) if found else None


async def test_a_target_that_is_well(database: Database) -> None:
    store, status = await one_round(database, well)

    assert last(store, "up", "toy") == 1
    assert last(store, "ticks", "toy") == 7
    seconds = last(store, "scrape_duration_seconds", "toy")
    assert seconds is not None
    assert 0 < seconds < 1
    assert (status.state, status.version, status.uptime_seconds) == ("pass", "1.2", 5.0)
    assert status.detail == ""
    assert status.url[-1] != "/"
    assert status.last_scrape is not None
    assert abs(status.last_scrape - time.time()) < 5


async def refuse(path: str, writer: asyncio.StreamWriter) -> None:
    answer(writer, b"no", "500 Internal Server Error")


async def hang(path: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def drip(path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.05)


async def huge(path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"a 1\n" * 10_000)
        await writer.drain()


async def broken(path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nticks 1\n")
    await writer.drain()


async def no_http(path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n")
    await writer.drain()


async def slam(path: str, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("handler", "detail"),
    [
        (refuse, "no health document"),
        (hang, "no answer within"),
        (drip, "no answer within"),
        (huge, "more than 100000 bytes"),
        (broken, "RemoteProtocolError"),
        (no_http, "RemoteProtocolError"),
        (slam, "Error"),
    ],
)
async def test_a_target_that_is_not(
    handler: Handler, detail: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "MOST_BYTES", 100_000)
    monkeypatch.setattr(scrape, "_MOST_HEALTH_BYTES", 100_000)

    store, status = await one_round(database, handler)

    assert last(store, "up", "toy") == 0
    assert last(store, "ticks", "toy") is None
    assert status.state == "unreachable"
    assert detail in status.detail


async def test_nobody_listens(database: Database) -> None:
    store = MetricStore(database)
    targets = [
        ("dead", "Dead", "http://127.0.0.1:9"),
        ("odd", "Odd", "http://[::"),
        ("x", "X", "no"),
    ]
    scraper = Scraper(store, targets, interval=0.2)
    assert [status.detail for status in scraper.statuses()] == ["not asked yet"] * 3

    await until(scraper)

    assert [last(store, "up", name) for name in ("dead", "odd", "x")] == [0, 0, 0]
    assert {status.state for status in scraper.statuses()} == {"unreachable"}


async def test_rubbish_is_up_and_counted(database: Database) -> None:
    async def rubbish(path: str, writer: asyncio.StreamWriter) -> None:
        answer(writer, b"\xff\xfe\x00 }{ 1\nticks 3\n" if path == "/metrics" else b"[[[")

    store, status = await one_round(database, rubbish)

    assert last(store, "up", "toy") == 1
    assert last(store, "ticks", "toy") == 3
    assert status.state == "unreachable"


async def test_metrics_may_fail_alone(database: Database) -> None:
    async def half(path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/health":
            await well(path, writer)
        else:
            await refuse(path, writer)

    store, status = await one_round(database, half)

    assert last(store, "up", "toy") == 0
    assert (status.state, status.detail) == ("warn", "metrics: answered with status 500")


async def test_a_target_comes_back(database: Database) -> None:
    asked = [0]

    async def sometimes(path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/metrics":
            asked[0] += 1
            if asked[0] == 1:
                return
        await well(path, writer)

    store, _ = await one_round(database, sometimes, 2)

    matchers = [Matcher("__name__", "=", "ticks"), Matcher("service", "=", "toy")]
    ((_, _, values),) = store.select(matchers, 0, time.time())
    assert np.isnan(values[0])
    assert values[1] == 7


async def test_a_store_that_fails_ends_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MetricStore(database)
    calls, again = [0], asyncio.Event()

    def fail(*args: object) -> bool:
        calls[0] += 1
        if calls[0] > 1:
            loop.call_soon_threadsafe(again.set)
        raise RuntimeError("the database is closed")

    loop = asyncio.get_running_loop()

    monkeypatch.setattr(store, "append_row", fail)
    async with server(well) as url:
        scraper = Scraper(store, [("toy", "Toy", url)], interval=0.1)
        running = asyncio.create_task(scraper.run())
        await asyncio.wait_for(again.wait(), 30)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(
    ("document", "state", "detail"),
    [
        ({"status": "pass"}, "pass", ""),
        (
            {
                "status": "warn",
                "checks": {
                    "memory": [{"status": "warn", "output": "close to the limit"}],
                    "queue": [{"status": "pass"}],
                    "disk": [{"status": "fail"}],
                    "odd": 3,
                    "odder": ["x"],
                },
            },
            "warn",
            "memory: close to the limit; disk: fail",
        ),
        ({"status": "odd"}, "unreachable", "no health document"),
        ([], "unreachable", "no health document"),
        (
            {"status": "fail", "version": 3, "uptime_seconds": "long", "checks": []},
            "fail",
            "",
        ),
    ],
)
async def test_health_documents(document: object, state: str, detail: str) -> None:
    status = read_health(json.dumps(document).encode(), ServiceStatus("toy", "Toy", "http://x"))

    assert (status.state, status.detail) == (state, detail)
    assert status.uptime_seconds is None
    assert status.version is None


async def test_deep_health_documents() -> None:
    status = read_health(b"[" * 100_000, ServiceStatus("toy", "Toy", "http://x"))

    assert status.state == "unreachable"

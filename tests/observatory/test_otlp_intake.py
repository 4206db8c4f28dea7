"""From bodies to stores: what is counted, what waits, and what a full disk or an end does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from affectscope.errors import MalformedRequest, Overloaded
from affectscope.observatory import otlp_intake
from affectscope.observatory.logs import LogQuery
from affectscope.observatory.otlp import Form
from affectscope.observatory.traces import TraceQuery
from tests.observatory.store_parts import (
    Stores,
    log_request,
    proto_span,
    trace_request,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(tmp_path)
    yield stores
    stores.close()


def spans(first: int, count: int) -> bytes:
    made = (
        proto_span(trace_id=number.to_bytes(16, "big")) for number in range(first, first + count)
    )
    return trace_request("chat", *made).SerializeToString()


def kept(stores: Stores) -> int:
    return len(stores.traces.find(TraceQuery(limit=10_000)))


def broken(error: Exception) -> Future[int]:
    failed: Future[int] = Future()
    failed.set_exception(error)
    return failed


async def test_everything_that_is_taken_is_counted_and_kept(stores):
    for first in range(1, 1_001, 100):
        await stores.intake.traces(spans(first, 100), "", Form.PROTOBUF)
    lines = log_request("chat", *(f"line {number}" for number in range(700)))
    await stores.intake.logs(lines.SerializeToString(), "", Form.PROTOBUF)
    stores.settle()

    assert (stores.intake.spans, stores.intake.lines, stores.intake.refused) == (1_000, 700, 0)
    assert kept(stores) == 1_000
    assert len(stores.logs.find(LogQuery(limit=10_000))) == 700


async def test_many_senders_at_once_lose_nothing(stores):
    await asyncio.gather(
        *(stores.intake.traces(spans(1 + 50 * n, 50), "", Form.PROTOBUF) for n in range(20)),
        *(
            stores.intake.logs(
                log_request("chat", *(f"{n}-{m}" for m in range(50))).SerializeToString(),
                "",
                Form.PROTOBUF,
            )
            for n in range(20)
        ),
    )
    stores.settle()

    assert kept(stores) == 1_000
    assert len({one["event"] for one in stores.logs.find(LogQuery(limit=10_000))}) == 1_000


async def test_a_body_that_cannot_be_read_leaves_nothing_behind(stores):
    with pytest.raises(MalformedRequest):
        await stores.intake.traces(b"\xff" * 100, "", Form.PROTOBUF)
    with pytest.raises(MalformedRequest):
        await stores.intake.logs(b"\xff", "gzip", Form.PROTOBUF)

    stores.intake.admit()
    assert (stores.intake.spans, stores.intake.lines) == (0, 0)


class TestFullDisk:
    async def test_traces_wait_and_are_tried_again_after_a_pause(self, stores, monkeypatch):
        full = sqlite3.OperationalError("database or disk is full")
        tries: list[int] = []
        add = stores.traces.add

        def fails_twice(chunk):
            tries.append(len(chunk))
            return broken(full) if len(tries) < 3 else add(chunk)

        monkeypatch.setattr(stores.traces, "add", fails_twice)
        await stores.intake.traces(spans(1, 10), "", Form.PROTOBUF)
        stores.settle()
        stores.settle(1.0)
        assert (len(tries), kept(stores)) == (1, 0)
        stores.settle(5.0)
        stores.settle(5.0)

        assert tries == [10, 10, 10]
        assert kept(stores) == 10

    async def test_new_spans_are_refused_once_too_many_wait(self, stores, monkeypatch):
        monkeypatch.setattr(otlp_intake, "_MOST_UNWRITTEN", 20_000)
        full = sqlite3.OperationalError("database or disk is full")
        monkeypatch.setattr(stores.traces, "add", lambda chunk: broken(full))
        for number in range(1, 31):
            await stores.intake.traces(spans(number, 1), "", Form.PROTOBUF)
            stores.settle()
            if number == 10:
                stores.intake.admit()
        with pytest.raises(Overloaded, match="wait to be written") as refused:
            stores.intake.admit()

        assert refused.value.retry_after == 5.0

    async def test_lines_that_cannot_be_written_are_told_and_not_counted(self, stores, monkeypatch):
        monkeypatch.setattr(
            stores.logs, "add", lambda lines: broken(sqlite3.OperationalError("disk I/O error"))
        )
        with pytest.raises(Overloaded, match="disk I/O error"):
            await stores.intake.logs(
                log_request("chat", "x").SerializeToString(), "", Form.PROTOBUF
            )

        assert stores.intake.lines == 0


class TestEnd:
    async def test_what_waits_for_its_decision_is_kept_at_the_end(self, stores):
        await stores.intake.traces(spans(1, 10), "", Form.PROTOBUF)
        assert kept(stores) == 0
        stores.intake.close()

        assert kept(stores) == 10

    async def test_nothing_is_taken_afterwards(self, stores):
        stores.intake.close()
        with pytest.raises(Overloaded, match="being stopped"):
            await stores.intake.traces(spans(1, 1), "", Form.PROTOBUF)

    async def test_it_decides_and_writes_by_itself_while_it_runs(self, stores):
        running = asyncio.create_task(stores.intake.run())
        await stores.intake.traces(spans(1, 3), "", Form.PROTOBUF)
        stores.clock.now += 60
        for _ in range(500):
            await asyncio.sleep(0.02)
            if await asyncio.to_thread(kept, stores):
                break
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert kept(stores) == 3

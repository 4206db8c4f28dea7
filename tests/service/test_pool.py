"""Work waits its turn, within bounds, and knows which request it is for."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from affectscope.errors import Overloaded, Unavailable
from affectscope.service.pool import WorkerPool
from affectscope.telemetry import Timings
from tests.service.apps import until

pytestmark = pytest.mark.anyio
WHO: ContextVar[str] = ContextVar("who", default="nobody")


@pytest.fixture
async def pool() -> object:
    pool = WorkerPool("test", workers=1, queue_limit=1)
    yield pool
    pool.close()


async def test_a_job_sees_its_callers_context(pool: WorkerPool) -> None:
    WHO.set("somebody")

    assert await pool.run(WHO.get) == "somebody"


async def test_waiting_is_a_stage(pool: WorkerPool) -> None:
    go = threading.Event()
    first = asyncio.ensure_future(pool.run(lambda: go.wait(10)))
    with Timings().activate() as timings:
        second = asyncio.ensure_future(pool.run(lambda: None))
    await asyncio.sleep(0.1)
    go.set()
    await asyncio.gather(first, second)

    assert timings.seconds["queue"] > 0.05


async def test_a_full_queue_says_so(pool: WorkerPool) -> None:
    go = threading.Event()
    waiting = [asyncio.ensure_future(pool.run(lambda: go.wait(10))) for _ in range(2)]
    await asyncio.sleep(0)
    assert (pool.depth, pool.full) == (1, True)

    with pytest.raises(Overloaded, match="2 analyses") as refused:
        await pool.run(lambda: None)

    assert 1 <= refused.value.retry_after <= 30
    go.set()
    await asyncio.gather(*waiting)
    assert await until(lambda: not pool.full)


async def test_who_gives_up_gives_up_a_place_in_the_queue(pool: WorkerPool) -> None:
    go = threading.Event()
    ran = threading.Event()
    first = asyncio.ensure_future(pool.run(lambda: go.wait(10)))
    second = asyncio.ensure_future(pool.run(ran.set))
    await asyncio.sleep(0.05)

    second.cancel()

    assert await until(lambda: pool.depth == 0)
    go.set()
    await first
    assert await pool.run(ran.is_set) is False


async def test_who_gives_up_leaves_a_running_job_its_worker(pool: WorkerPool) -> None:
    go = threading.Event()
    began = threading.Event()
    first = asyncio.ensure_future(pool.run(lambda: (began.set(), go.wait(10))))
    assert await until(began.is_set)

    first.cancel()
    await asyncio.sleep(0.05)
    second = asyncio.ensure_future(pool.run(lambda: None))
    await asyncio.sleep(0.05)

    assert pool.depth == 1
    go.set()
    await second


async def test_an_error_reaches_the_caller(pool: WorkerPool) -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await pool.run(broken)

    assert await until(lambda: not pool.full)


async def test_a_closed_pool_says_so(pool: WorkerPool) -> None:
    pool.close()

    with pytest.raises(Unavailable, match="stopped"):
        await pool.run(lambda: None)
    assert not pool.full

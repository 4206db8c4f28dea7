"""Jobs: one at a time, kept when they end, and never longer than they may."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

import psutil
import pytest

from affectscope.errors import AffectscopeError, BackendTimeout, NotFound, Overloaded
from affectscope.gateway.load.jobs import Jobs
from affectscope.gateway.load.plan import parse_plan

SOAK = parse_plan({"mode": "soak", "test_type": "survey", "rate": 20})


class Kept(list[dict[str, Any]]):
    """Takes down the runs that would go to the observatory."""

    async def keep(self, run: dict[str, Any]) -> None:
        self.append(run)


def test_a_stopped_run_is_kept_with_what_it_found(quick_server) -> None:
    async def run() -> Kept:
        kept = Kept()
        jobs = Jobs({"survey": quick_server}, 60, kept.keep)
        job = jobs.start(SOAK)
        while not job.document()["points"]:
            await asyncio.sleep(0.05)
        await jobs.stop(job)
        await asyncio.sleep(0)
        return kept

    (found,) = asyncio.run(run())
    assert (found["state"], found["partial"]) == ("stopped", True)
    assert found["summary"]["succeeded"] > 2
    assert found["histograms"]["all"]["corrected"]
    assert found["end"] > found["start"]


def test_one_at_a_time(quick_server) -> None:
    async def run() -> None:
        jobs = Jobs({"survey": quick_server}, 60, Kept().keep)
        first = jobs.start(SOAK)
        with pytest.raises(Overloaded, match="one at a time"):
            jobs.start(SOAK)
        await jobs.stop(first)
        second = jobs.start(SOAK)
        assert [job.id for job in jobs.list()] == [second.id, first.id]
        await jobs.close()
        assert second.state == "stopped"
        with pytest.raises(NotFound):
            jobs.get("none")

    asyncio.run(run())


def test_a_generator_that_dies_leaves_what_it_told_last(quick_server, generators) -> None:
    async def run() -> dict[str, Any]:
        kept = Kept()
        jobs = Jobs({"survey": quick_server}, 60, kept.keep)
        job = jobs.start(SOAK)
        while not job.document()["points"]:
            await asyncio.sleep(0.05)
        (process,) = generators()
        process.kill()
        await job.ended.wait()
        await asyncio.sleep(0.05)
        return kept[0]

    found = asyncio.run(run())
    assert found["state"] == "failed"
    assert "load generator failed" in found["detail"]
    assert found["partial"] is True
    assert found["summary"]["succeeded"] > 2


def test_the_closed_form_is_given_up_in_time(server_that, generators) -> None:
    def hangs(_: float) -> tuple[int, bytes]:
        time.sleep(3)
        return 200, b"{}"

    async def run() -> Exception | None:
        jobs = Jobs({"survey": server_that(hangs)}, 1.0, Kept().keep)
        job = jobs.start(parse_plan({"test_type": "survey", "iterations": 1000}))
        await job.ended.wait()
        return job.error

    error = asyncio.run(run())
    assert isinstance(error, BackendTimeout)
    assert "longer than 1 s" in error.detail
    assert generators() == []


def test_a_generator_that_breaks_is_an_error() -> None:
    async def run() -> Exception | None:
        jobs = Jobs({"survey": "http://127.0.0.1:port"}, 60, Kept().keep)
        job = jobs.start(SOAK)
        await job.ended.wait()
        return job.error

    error = asyncio.run(run())
    assert isinstance(error, AffectscopeError)
    assert "load generator failed: ValueError" in error.detail


def test_the_generator_dies_with_the_gateway(quick_server) -> None:
    code = f"""
import asyncio
from affectscope.gateway.load.jobs import Jobs
from affectscope.gateway.load.plan import parse_plan

async def keep(run):
    pass

async def main():
    jobs = Jobs({{"survey": {quick_server!r}}}, 60, keep)
    job = jobs.start(parse_plan({{"mode": "soak", "test_type": "survey", "rate": 5}}))
    while not job.document()["points"]:
        await asyncio.sleep(0.05)
    print("loading", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == b"loading\n"
        (generator,) = psutil.Process(gateway.pid).children()
        os.kill(gateway.pid, signal.SIGKILL)

        with suppress(psutil.NoSuchProcess):
            generator.wait(30)
        assert not generator.is_running()

"""Load tests as jobs: started, watched, stopped, and handed on to be kept; one at a time."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from affectscope.errors import AffectscopeError, BackendTimeout, NotFound, Overloaded
from affectscope.gateway.backends import BackendName
from affectscope.gateway.load.job import Job, State
from affectscope.gateway.load.plan import Plan
from affectscope.gateway.load.process import Generator
from affectscope.telemetry import get_logger

_REMEMBERED = 20
"""Jobs that have ended and can still be asked for here; the observatory keeps all."""

_STOP_SECONDS = 8.0
"""How long a generator may take to end after it was asked to."""

_CLOSE_SECONDS = 2.0
_MARGIN_SECONDS = 60.0
_log = get_logger()

Keep = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
"""Takes a run that has ended."""


class Jobs:
    """Runs load tests.

    Args:
        urls: Address of each service by name.
        longest: Seconds after which a test of the closed form is given up.
        keep: Takes each run that has ended.
    """

    def __init__(self, urls: Mapping[BackendName, str], longest: float, keep: Keep) -> None:
        self._urls = urls
        self._longest = longest
        self._keep = keep
        self._jobs: dict[str, Job] = {}
        self._generator: Generator | None = None
        self._task: asyncio.Task[None] | None = None
        self._keeping: set[asyncio.Task[None]] = set()

    def list(self) -> list[Job]:
        """Return the jobs that are remembered, newest first."""
        return [*self._jobs.values()][::-1]

    def get(self, id: str) -> Job:
        """Return a job.

        Raises:
            NotFound: There is none.
        """
        if id not in self._jobs:
            raise NotFound(
                f"there is no load test {id!r:.60} here; the observatory keeps those that have ended"
            )
        return self._jobs[id]

    def start(self, plan: Plan) -> Job:
        """Start a load test.

        Raises:
            Overloaded: Another one is running.
        """
        if self._task is not None and not self._task.done():
            raise Overloaded(
                "a load test is running; there is one at a time, so that they do not disturb each "
                "other",
                retry_after=10.0,
            )
        job = Job(secrets.token_hex(8), plan, time.time())
        self._jobs[job.id] = job
        for old in list(self._jobs)[:-_REMEMBERED]:
            del self._jobs[old]
        self._generator = Generator(self._order(job))
        self._task = asyncio.create_task(self._run(job, self._generator))
        return job

    async def stop(self, job: Job, patience: float = _STOP_SECONDS) -> None:
        """Stop a job, where it still runs, and wait until it has ended."""
        if not job.running:
            return
        job.state = "stopping"
        if self._generator is not None:
            self._generator.stop()
        try:
            async with asyncio.timeout(patience):
                await job.ended.wait()
        except TimeoutError:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])

    async def close(self) -> None:
        """End whatever runs, and what it found so far is kept; to be called when the gateway ends."""
        for job in self._jobs.values():
            await self.stop(job, _CLOSE_SECONDS)
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=_CLOSE_SECONDS)

    def _order(self, job: Job) -> dict[str, Any]:
        """Return what a generator is told to do."""
        targets = {
            name: url for name, url in self._urls.items() if job.plan.test_type in ("all", name)
        }
        return {"run": job.id, "plan": job.plan.document(), "targets": targets}

    async def _run(self, job: Job, generator: Generator) -> None:
        limit = self._limit(job.plan)
        state: State = "finished"
        detail: str | None = None
        failure: AffectscopeError | None = None
        try:
            async with asyncio.timeout(limit):
                await generator.start()
                async for told in generator.lines():
                    if "progress" in told:
                        job.take_progress(told["progress"])
                    else:
                        job.take_result(told["result"])
            state = "stopped" if job.state == "stopping" else "finished"
        except TimeoutError:
            detail = f"the load test took longer than {limit:g} s and was stopped; ask for less"
            state, failure = "failed", BackendTimeout(detail)
        except AffectscopeError as error:
            state, detail, failure = "failed", error.detail, error
        except asyncio.CancelledError:
            state, detail = "stopped", "the load generator did not end when it was asked to"
        except Exception as error:
            _log.exception("a load test broke")
            state, detail = "failed", f"{type(error).__name__} in the gateway"
            failure = AffectscopeError(detail)
        finally:
            self._generator = None
            await generator.close()
        job.end(state, detail, failure)
        task = asyncio.create_task(self._keep(job.run()))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    def _limit(self, plan: Plan) -> float:
        """Return the seconds after which a generator is taken to hang."""
        if plan.mode == "closed":
            return self._longest
        trials = 4 * plan.numbers.get("trial_seconds", 0.0)
        return plan["duration"] + trials + 2 * plan["timeout"] + _MARGIN_SECONDS

"""The endpoints for load tests."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Request
from starlette.responses import JSONResponse, Response

from affectscope.errors import Unavailable
from affectscope.gateway.load import documents
from affectscope.gateway.load.closed import contract_form
from affectscope.gateway.load.job import Job
from affectscope.gateway.load.jobs import Jobs
from affectscope.gateway.load.plan import parse_plan
from affectscope.gateway.relay import client_gone, first_of
from affectscope.service import Service, problem_responses

LOAD_TEST = "/load-test"
LOAD_TESTS = "/load-tests"
WATCHED = "/load-tests/{id}"
"""Asked again and again while a test runs, which is worth no line of the log."""

_BODY_LIMIT = 64 * 1024
_ABANDONED_SECONDS = 1.0
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: problem_responses(403)[403] | {"description": "There is none; the observatory may know it"}
}
Id = Annotated[str, Path(max_length=64, description="Of a load test.", examples=["9f2c51d0c7a9"])]


def add_load_routes(service: Service, jobs: Jobs) -> None:
    """Add `/load-test` and `/load-tests`.

    Args:
        service: Gets the endpoints.
        jobs: Runs the tests.
    """
    app = service.app

    @app.post(
        LOAD_TEST,
        tags=["monitoring"],
        responses={202: documents.started(), **problem_responses(400, 403, 413, 415, 422, 503)},
        openapi_extra=documents.plan_body(),
    )
    async def load_test(request: Request) -> Response:
        """Send the shipped samples to the services, from a process of its own.

        With `test_type` and `iterations` alone it waits and answers how long requests took: to one
        service after the other, one at a time; the first to each is a warm-up and is not counted.

        With a `mode` requests start at a rate, whether or not others were answered, and the test is
        a job: the answer is its `id`, and `/load-tests/{id}` tells and stops it. For operators only.
        """
        service.require_operator(request)
        plan = parse_plan(await service.read_json(request, limit=_BODY_LIMIT))
        job = jobs.start(plan)
        if plan.mode != "closed":
            headers = {"Location": f"{LOAD_TESTS}/{job.id}"}
            return JSONResponse(job.entry(), 202, headers=headers)
        try:
            await first_of(_end(job), client_gone(request))
        finally:
            await jobs.stop(job, _ABANDONED_SECONDS)
        return JSONResponse(contract_form(job.document()))

    @app.get(
        LOAD_TESTS,
        tags=["monitoring"],
        responses={200: documents.listed(), **problem_responses(403)},
    )
    async def list_load_tests(request: Request) -> dict[str, Any]:
        """List the load tests of this gateway since it was started, newest first; the last twenty.

        All that have ended are in the observatory, under `/api/load-tests`.
        """
        service.require_operator(request)
        return {"load_tests": [job.entry() for job in jobs.list()]}

    @app.get(
        WATCHED,
        tags=["monitoring"],
        responses={200: documents.job(), **problem_responses(403), **_NOT_FOUND},
    )
    async def one_load_test(request: Request, id: Id) -> Response:
        """Show a load test: its state, its progress, and the figures so far."""
        service.require_operator(request)
        return JSONResponse(jobs.get(id).document())

    @app.delete(
        WATCHED,
        tags=["monitoring"],
        responses={200: documents.job(), **problem_responses(403), **_NOT_FOUND},
    )
    async def stop_load_test(request: Request, id: Id) -> Response:
        """Stop a load test; answers when it has ended, with the figures until then.

        One that has ended already is answered as it is.
        """
        service.require_operator(request)
        job = jobs.get(id)
        await jobs.stop(job)
        return JSONResponse(job.document())


async def _end(job: Job) -> None:
    """Wait until a job has ended.

    Raises:
        AffectscopeError: It did not end well.
    """
    await job.ended.wait()
    if job.error is not None:
        raise job.error
    if job.state != "finished":
        raise Unavailable(f"load test {job.id} was stopped")

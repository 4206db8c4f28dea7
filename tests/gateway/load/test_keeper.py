"""Runs go to the observatory as well as may be, and nobody waits for it."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from affectscope.gateway.load.keeper import RunKeeper


def test_a_run_arrives_with_proof_of_where_it_comes_from(serve) -> None:
    got: list[tuple[str | None, dict[str, str]]] = []

    async def take(request: Request) -> Response:
        got.append((request.headers.get("x-proof"), json.loads(await request.body())))
        return Response(status_code=202)

    url = serve(Starlette(routes=[Route("/api/load-tests", take, methods=["POST"])]))

    asyncio.run(RunKeeper(url, {"x-proof": "yes"}).keep({"id": "r1"}))

    assert got == [("yes", {"id": "r1"})]


def test_it_is_tried_again(serve) -> None:
    statuses = [503, 202]

    async def take(_: Request) -> Response:
        return Response(status_code=statuses.pop(0))

    url = serve(Starlette(routes=[Route("/api/load-tests", take, methods=["POST"])]))

    asyncio.run(RunKeeper(url, {}).keep({"id": "r1"}))

    assert statuses == []


@pytest.mark.parametrize("somewhere", [True, False])
def test_without_an_observatory_nothing_breaks(refused, somewhere) -> None:
    asyncio.run(RunKeeper(refused if somewhere else None, {}).keep({"id": "r1"}))

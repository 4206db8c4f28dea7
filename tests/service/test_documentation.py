"""The documents of all services work without a network and describe every endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import affectscope.chat.app
import affectscope.gateway.app
import affectscope.speech.app
import affectscope.survey.app
import affectscope.video.app
from affectscope.affect import PURPOSES
from affectscope.service import Service
from affectscope.service.answers import PROFILE_FORMATS
from tests.service.apps import client

pytestmark = pytest.mark.anyio
CREATE = {
    "video": affectscope.video.app.create,
    "speech": affectscope.speech.app.create,
    "chat": affectscope.chat.app.create,
    "survey": affectscope.survey.app.create,
    "gateway": affectscope.gateway.app.create,
}


@pytest.fixture(params=CREATE.values(), ids=CREATE.keys())
def service(request: pytest.FixtureRequest) -> Service:
    create: Callable[[], Service] = request.param
    return create()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


async def test_the_page_needs_only_this_service(service: Service) -> None:
    async with client(service) as web:
        page = await web.get("/docs")
        linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        answers = {path: await web.get(path) for path in linked}

    assert linked
    assert all(path.startswith("/docs/assets/") for path in linked)
    assert all(answer.status_code == 200 for answer in answers.values())
    assert "default-src 'self'" in page.headers["content-security-policy"]


async def test_every_endpoint_says_what_it_does_and_how_it_fails(service: Service) -> None:
    document = service.app.openapi()

    for path, operation in operations(document):
        assert operation.get("description"), path
        if path.startswith("/analyze"):
            problems = {status for status in operation["responses"] if status >= "400"}
            assert {"400", "403", "408", "413", "415", "422", "500", "503"} <= problems
            assert all(
                "application/problem+json" in operation["responses"][status]["content"]
                for status in problems
            )


async def test_every_reference_leads_somewhere(service: Service) -> None:
    document = service.app.openapi()

    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found: Any = document
        for name in reference.split("/"):
            found = found[name]
        assert found


async def test_the_choices_are_those_that_are_checked(service: Service) -> None:
    for path, operation in operations(service.app.openapi()):
        choices = {
            one["name"]: one["schema"].get("enum") for one in operation.get("parameters", ())
        }
        if path.startswith("/analyze"):
            assert choices["purpose"] == list(PURPOSES)
            assert choices["profile_format"] == list(PROFILE_FORMATS)

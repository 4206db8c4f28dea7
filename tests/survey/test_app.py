"""The survey service takes and refuses what it should."""

from __future__ import annotations

import httpx
import pytest

from affectscope.samples import sample
from affectscope.survey.app import SurveySettings, create


def client() -> httpx.AsyncClient:
    app = create(SurveySettings()).app
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=10
    )


@pytest.mark.anyio
async def test_the_sample_is_scored() -> None:
    async with client() as web:
        answer = await web.post(
            "/analyze-survey",
            content=sample("survey").read_bytes(),
            headers={"content-type": "application/json"},
        )

    (result,) = answer.json()["session"]["surveys"]
    assert answer.status_code == 200
    assert result["instrument"] == "phq-9"
    assert result["score"] == sum(result["answers"])


@pytest.mark.anyio
async def test_a_safety_notice_is_a_warning_too() -> None:
    async with client() as web:
        answer = await web.post(
            "/analyze-survey", json={"instrument": "phq-9", "answers": [0] * 8 + [2]}
        )

    assert [one["code"] for one in answer.json()["warnings"]] == ["safety-notice"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "slug", "named"),
    [
        ({"answers": [1]}, "missing-field", "instrument"),
        ({"instrument": "phq-9"}, "missing-field", "answers"),
        ({"instrument": 9, "answers": []}, "invalid-value", "valid: phq-9"),
        ({"instrument": "phq-9", "answers": "111111111"}, "invalid-value", "a list"),
        ({"instrument": "phq-9", "answers": [9] * 9}, "invalid-value", "0 to 3"),
        ({"instrument": "gad-7", "answers": [0] * 7, "respondent": ""}, "invalid-value", "name"),
        ({"instrument": "gad-7", "answers": [0] * 7, "time": True}, "invalid-value", "seconds"),
        ({"instrument": "gad-7", "answers": [0] * 7, "time": 10**400}, "invalid-value", "time"),
        ({"x" * 50_000: 1}, "missing-field", "instrument"),
        ([], "invalid-value", "a JSON object"),
    ],
)
async def test_bad_bodies_are_named(body: object, slug: str, named: str) -> None:
    async with client() as web:
        answer = await web.post("/analyze-survey", json=body)

    problem = answer.json()
    assert answer.status_code == 422
    assert problem["type"].endswith(slug)
    assert named in problem["detail"]
    assert len(problem["detail"]) < 250


@pytest.mark.anyio
async def test_the_instruments_are_listed_with_their_sources() -> None:
    async with client() as web:
        listed = (await web.get("/instruments")).json()

    assert [one["name"] for one in listed] == ["phq-9", "gad-7", "who-5"]
    assert all(one["sources"] for one in listed)
    assert [len(one["keys"]) for one in listed] == [9, 7, 5]

"""What the endpoints for alerts answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from affectscope.observatory.alerts import store as stores
from affectscope.observatory.alerts.api import add_alert_routes
from affectscope.observatory.alerts.center import AlertCenter
from affectscope.observatory.database import Database
from affectscope.service import Service, ServiceSettings
from tests.observatory.alerts.alert_parts import BEGIN, Answers, Clock, down
from tests.service.apps import client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(center: AlertCenter) -> AsyncIterator[httpx.AsyncClient]:
    service = Service(
        "toy", settings=ServiceSettings(), title="Toy", description="Toy.", endpoints=[]
    )
    add_alert_routes(service, center)
    async with client(service) as found:
        yield found


class TestEndpoints:
    async def test_alerts(
        self, api: httpx.AsyncClient, center: AlertCenter, answers: Answers, clock: Clock
    ) -> None:
        answers.found["down"] = down("chat")
        clock.now = BEGIN + 40
        center.evaluate()
        found = (await api.get("/api/alerts")).json()

        (alert,) = found["alerts"]
        mark = alert.pop("fingerprint")
        assert alert == {
            "name": "Down",
            "labels": {"alertname": "Down", "severity": "page", "service": "chat"},
            "severity": "page",
            "state": "firing",
            "since": BEGIN + 40,
            "value": 1.0,
            "summary": "chat is down",
            "description": "It is.",
            "silenced_by": None,
            "acknowledged": None,
        }
        assert [(rule["name"], rule["state"]) for rule in found["rules"]] == [
            ("Down", "firing"),
            ("Broken", "error"),
        ]
        assert found["rules"][1]["error"] == "ValueError: broken"

        body = {"by": "Ada", "note": "mine"}
        taken = await api.post(f"/api/alerts/{mark}/acknowledge", json=body)
        assert taken.json() == {"by": "Ada", "at": BEGIN + 40, "note": "mine"}
        (alert,) = (await api.get("/api/alerts")).json()["alerts"]
        assert alert["acknowledged"] == taken.json()
        assert (await api.post("/api/alerts/none/acknowledge", json=body)).status_code == 404
        assert (await api.post(f"/api/alerts/{mark}/acknowledge", json={})).status_code == 422

    async def test_history(
        self,
        api: httpx.AsyncClient,
        center: AlertCenter,
        answers: Answers,
        clock: Clock,
        database: Database,
    ) -> None:
        answers.found["down"] = down("chat")
        clock.now = BEGIN + 40
        center.evaluate()
        database.write(lambda connection: None).result()
        (line,) = (await api.get("/api/alerts/history")).json()["history"]

        assert (line["name"], line["started"], line["ended"]) == ("Down", BEGIN + 40, None)
        early = await api.get("/api/alerts/history", params={"end": BEGIN, "limit": 5})
        assert early.json() == {"history": []}

    async def test_silences(
        self, api: httpx.AsyncClient, center: AlertCenter, answers: Answers, clock: Clock
    ) -> None:
        body: dict[str, Any] = {"matchers": {"service": "chat"}, "end": BEGIN + 600, "by": "Ada"}
        made = await api.post("/api/silences", json=body)
        assert made.status_code == 201
        silence = made.json()
        assert silence == {**body, "id": silence["id"], "start": BEGIN, "comment": ""}
        assert (await api.get("/api/silences")).json() == {"silences": [silence]}

        answers.found["down"] = down("chat")
        clock.now = BEGIN + 40
        assert center.evaluate() == []
        (alert,) = (await api.get("/api/alerts")).json()["alerts"]
        assert alert["silenced_by"] == silence["id"]

        assert (await api.delete(f"/api/silences/{silence['id']}")).status_code == 204
        assert (await api.delete(f"/api/silences/{silence['id']}")).status_code == 404

    @pytest.mark.parametrize(
        "change",
        [
            {"end": BEGIN - 1},
            {"end": BEGIN + 367 * 86_400},
            {"matchers": {}},
            {"matchers": {"service": "re:["}},
            {"by": ""},
            {"more": 1},
            {"comment": "a" * 2000},
        ],
    )
    async def test_silences_that_make_no_sense(
        self, api: httpx.AsyncClient, change: dict[str, Any]
    ) -> None:
        body = {"matchers": {"service": "chat"}, "end": BEGIN + 600, "by": "Ada", **change}

        assert (await api.post("/api/silences", json=body)).status_code == 422

    async def test_too_many_silences(
        self, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stores, "MOST_SILENCES", 0)
        body = {"matchers": {"service": "chat"}, "end": BEGIN + 600, "by": "Ada"}

        assert (await api.post("/api/silences", json=body)).status_code == 503

    async def test_objectives_and_charts(self, api: httpx.AsyncClient) -> None:
        assert (await api.get("/api/objectives")).json() == {"objectives": []}
        (board,) = (await api.get("/api/charts")).json()["dashboards"]
        assert board["variables"] == [
            {"name": "service", "label": "Service", "query_label": "service"},
            {"name": "window", "label": "Window", "query_label": ""},
        ]
        assert board["rows"][0]["charts"][0]["queries"] == [
            {"expr": 'rate(a{service="$service"}[$window])', "legend": "{{service}}"}
        ]

    async def test_only_operators(self, center: AlertCenter) -> None:
        service = Service(
            "toy", settings=ServiceSettings(), title="Toy", description="Toy.", endpoints=[]
        )
        add_alert_routes(service, center)
        async with client(service, client=("10.0.0.1", 5)) as api:
            for path in ("alerts", "alerts/history", "silences", "objectives", "charts"):
                assert (await api.get(f"/api/{path}")).status_code == 403
            assert (await api.delete("/api/silences/1")).status_code == 403
            # Refused before anything of it is read.
            assert (await api.post("/api/silences", content=b"no JSON")).status_code == 403

    async def test_a_body_of_any_length_is_not_read(self, api: httpx.AsyncClient) -> None:
        answer = await api.post("/api/silences", json={"by": "a" * 100_000})

        assert answer.status_code == 413

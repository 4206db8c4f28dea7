"""Only known hosts and own pages may ask, and only operators for what operators do."""

from __future__ import annotations

import pytest

from tests.service.apps import client, make

pytestmark = pytest.mark.anyio
SECRET = "between us"
AWAY = {"client": ("10.0.0.7", 1234)}


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["localhost", "localhost:8001", "127.0.0.1:9", "[::1]:8001", "LOCALHOST"]
    )
    async def test_this_machine_is_known(self, host: str) -> None:
        service, _ = make()
        async with client(service) as web:
            assert (await web.get("/livez", headers={"host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "localhost.evil.example",
            "",
            "127.0.0.2",
            "localhost:x",
            "localhost:80@evil.example",
            "[::1",
            "localhost, evil.example",
        ],
    )
    async def test_others_are_not(self, host: str) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.get("/livez", headers={"host": host})

        assert answer.status_code == 421
        assert answer.json()["type"].endswith("unknown-host")

    async def test_names_can_be_added(self) -> None:
        service, _ = make(allowed_hosts="affect.lab, other.lab")
        async with client(service) as web:
            assert (await web.get("/livez", headers={"host": "affect.lab:80"})).status_code == 200


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "null",
            "http://localhost.evil",
            "http://localhost:1@evil.example",
            "http://[::1",
            "file://localhost",
            "",
        ],
    )
    async def test_a_foreign_page_may_not_post(self, origin: str) -> None:
        service, slow = make()
        async with client(service) as web:
            answer = await web.post("/analyze-test", json={}, headers={"origin": origin})

        assert answer.status_code == 403
        assert answer.json()["type"].endswith("foreign-origin")
        assert slow.yielded == 0

    async def test_an_own_page_may(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.post(
                "/analyze-test", json={}, headers={"origin": "http://localhost:9000"}
            )

        assert answer.status_code == 200

    async def test_reading_is_left_to_the_browser(self) -> None:
        service, _ = make()
        async with client(service) as web:
            answer = await web.get("/livez", headers={"origin": "https://evil.example"})

        assert answer.status_code == 200


class TestOperators:
    async def report(
        self, headers: dict[str, str], *, away: bool = False, **settings: object
    ) -> int:
        service, _ = make(**settings)
        async with client(service, **(AWAY if away else {})) as web:
            return (await web.get("/profile-report", headers=headers)).status_code

    async def test_a_direct_peer_on_this_machine_is_one(self) -> None:
        assert await self.report({}) == 200

    async def test_a_peer_elsewhere_is_not(self) -> None:
        assert await self.report({}, away=True) == 403

    @pytest.mark.parametrize(
        "header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "via", "x-real-ip"]
    )
    async def test_who_came_through_a_proxy_is_not(self, header: str) -> None:
        assert await self.report({header: "127.0.0.1"}) == 403

    async def test_the_token_makes_one_from_anywhere(self) -> None:
        right = {"authorization": "Bearer s3cret", "x-forwarded-for": "10.0.0.7"}

        assert await self.report(right, away=True, admin_token="s3cret") == 200
        assert await self.report(right, away=True) == 403

    @pytest.mark.parametrize(
        "value", ["Bearer wrong", "Basic s3cret", "s3cret", "Bearer", "Bearer é"]
    )
    async def test_anything_else_does_not(self, value: str) -> None:
        service, _ = make(admin_token="s3cret")
        async with client(service, **AWAY) as web:
            answer = await web.get(
                "/profile-report", headers={"authorization": value.encode("latin-1")}
            )

        assert answer.status_code == 403

    async def test_the_gateway_says_who_is_one(self) -> None:
        vouched = {"x-affectscope-internal": SECRET, "x-affectscope-operator": "1"}
        plain = {"x-affectscope-internal": SECRET}

        assert await self.report(vouched, internal_secret=SECRET) == 200
        assert await self.report(plain, internal_secret=SECRET) == 403

    @pytest.mark.parametrize("secret", [None, "another"])
    async def test_nobody_else_can_say_so(self, secret: str | None) -> None:
        claimed = {"x-affectscope-internal": SECRET, "x-affectscope-operator": "1"}

        assert await self.report(claimed, internal_secret=secret) == 403

    @pytest.mark.parametrize(
        ("configured", "sent", "status"),
        [(SECRET, SECRET, 200), (SECRET, "another", 403), (SECRET, None, 200), (None, SECRET, 200)],
    )
    async def test_a_wrong_secret_is_refused_whatever_is_asked(
        self, configured: str | None, sent: str | None, status: int
    ) -> None:
        service, _ = make(internal_secret=configured)
        headers = {} if sent is None else {"x-affectscope-internal": sent}
        async with client(service) as web:
            answer = await web.post("/analyze-test", json={}, headers=headers)

        assert answer.status_code == status

    async def test_monitoring_stays_open(self) -> None:
        service, _ = make()
        async with client(service, **AWAY) as web:
            for path in ("/metrics", "/health", "/livez"):
                assert (await web.get(path)).status_code == 200

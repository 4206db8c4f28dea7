"""The gateway knows how the services are, and says so at once."""

from __future__ import annotations

import socket

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from affectscope.gateway.backends import BACKENDS


class TestHealth:
    """A lost service is a warning of the gateway, never its failure."""

    def test_all_services_are_there(self, small_service, serve, make_gateway, client, until):
        urls = {f"{one.name}_url": serve(small_service(one.name).app) for one in BACKENDS}
        url, gateway = make_gateway(**urls)
        until(lambda: gateway.watch.healthy)

        health = client.get(f"{url}/health").json()

        assert health["status"] == "pass"
        assert list(health["backends"]) == ["video", "speech", "chat", "survey"]
        for name, one in health["backends"].items():
            assert one["state"] == "pass"
            assert 0 < one["latency_seconds"] < 1
            assert one["url"] == urls[f"{name}_url"]

    def test_one_service_is_gone(self, small_service, serve, make_gateway, client, until):
        url, gateway = make_gateway(chat_url=serve(small_service("chat").app))
        until(lambda: gateway.watch.report()["chat"]["state"] == "pass")

        answer = client.get(f"{url}/health")

        assert (answer.status_code, answer.json()["status"]) == (200, "warn")
        lost = answer.json()["backends"]["video"]
        assert lost["state"] == "unreachable"
        assert lost["latency_seconds"] is None
        assert "ConnectError" in lost["detail"]
        assert client.get(f"{url}/readyz").status_code == 200
        assert client.get(f"{url}/livez").status_code == 200

    def test_a_service_comes_back(self, small_service, serve, make_gateway, until):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        _, gateway = make_gateway(chat_url=f"http://127.0.0.1:{port}")
        until(lambda: "ConnectError" in str(gateway.watch.report()["chat"].get("detail")))
        with socket.create_server(("127.0.0.1", port)) as silent:
            until(lambda: gateway.watch.silent_seconds("chat") > 0)
            silent.close()

        until(lambda: gateway.watch.silent_seconds("chat") == 0)

    @pytest.mark.parametrize(
        ("response", "state"),
        [
            (JSONResponse({"status": "warn"}), "warn"),
            (JSONResponse({"status": "fail"}, status_code=503), "fail"),
            (JSONResponse({"status": "fine"}), "unreachable"),
            (JSONResponse([]), "unreachable"),
            (PlainTextResponse("hello"), "unreachable"),
        ],
    )
    def test_the_state_is_what_the_service_says(self, serve, make_gateway, until, response, state):
        _, gateway = make_gateway(chat_url=serve(response))

        until(lambda: gateway.watch.report()["chat"].get("detail") != "not asked yet")

        until(lambda: gateway.watch.report()["chat"]["state"] == state)
        assert not gateway.watch.healthy

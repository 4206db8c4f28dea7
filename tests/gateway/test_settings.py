"""Where the services are is said by the environment."""

from __future__ import annotations

import pytest

from affectscope.errors import InvalidValue
from affectscope.gateway import GatewaySettings
from affectscope.gateway.backends import BACKENDS
from affectscope.service import read_settings


def test_the_standard_addresses():
    settings = GatewaySettings()

    assert settings.port == 9000
    assert settings.urls() == {
        backend.name: f"http://127.0.0.1:{backend.port}" for backend in BACKENDS
    }


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_address_has_its_variable(monkeypatch, backend):
    monkeypatch.setenv(backend.variable, "http://10.0.0.7:81/base/")

    assert GatewaySettings().url(backend) == "http://10.0.0.7:81/base"


def test_a_bad_address_is_named(monkeypatch):
    monkeypatch.setenv("AFFECTSCOPE_CHAT_URL", "somewhere")

    with pytest.raises(InvalidValue, match=r"AFFECTSCOPE_CHAT_URL.*somewhere"):
        read_settings(GatewaySettings)


def test_a_service_that_moves_is_followed(monkeypatch):
    monkeypatch.setenv("AFFECTSCOPE_CHAT_PORT", "8103")
    monkeypatch.setenv("AFFECTSCOPE_ADMIN_TOKEN", "t0ken")

    assert GatewaySettings(host="0.0.0.0").urls()["chat"] == "http://127.0.0.1:8103"
    assert GatewaySettings(host="::1").urls()["chat"] == "http://[::1]:8103"
    assert GatewaySettings(host="10.0.0.7").urls()["video"] == "http://10.0.0.7:8001"

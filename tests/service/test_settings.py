"""Settings come from the environment, are checked, and are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from affectscope.chat.app import ChatSettings
from affectscope.errors import InvalidValue
from affectscope.gateway.settings import GatewaySettings
from affectscope.observatory.settings import ObservatorySettings
from affectscope.service import ServiceSettings, is_loopback, read_settings
from affectscope.speech.app import SpeechSettings
from affectscope.survey.app import SurveySettings
from affectscope.video.app import VideoSettings

ALL = (
    *(VideoSettings, SpeechSettings, ChatSettings, SurveySettings),
    *(GatewaySettings, ObservatorySettings),
)
ROOT = Path(__file__).parents[2]


def variables(cls: type[ServiceSettings]) -> dict[str, str]:
    """Return the variable that each field of a class is read from."""
    found = {}
    for name, field in cls.model_fields.items():
        alias = field.validation_alias
        choices = [str(one) for one in alias.choices] if hasattr(alias, "choices") else []
        own = [one for one in choices if one.startswith("AFFECTSCOPE_")]
        if own:
            found[name] = own[0]
        elif alias is None:
            found[name] = f"AFFECTSCOPE_{name.upper()}"
    return found


@pytest.mark.parametrize("cls", ALL)
def test_every_variable_is_documented(cls: type[ServiceSettings]) -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

    assert [name for name in sorted(variables(cls).values()) if f"`{name}`" not in text] == []


def test_documented_defaults_are_the_real_ones() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(AFFECTSCOPE_\w+)` \| `([^`]+)` \|", text, re.MULTILINE))

    for cls in ALL:
        for name, field in cls.model_fields.items():
            variable = variables(cls).get(name, "")
            if isinstance(field.default, (int, float, str)) and variable in documented:
                assert documented[variable] == _written(field.default), variable


def _written(value: float | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def test_a_platforms_own_port_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8080")
    monkeypatch.setenv("HOST", "0.0.0.0")

    assert [read_settings(cls).port for cls in ALL] == [8001, 8002, 8003, 8004, 9000, 9001]
    assert read_settings(ChatSettings).host == "127.0.0.1"
    assert ChatSettings(port=8103).port == 8103


@pytest.mark.parametrize(
    ("cls", "port"), list(zip(ALL, [8001, 8002, 8003, 8004, 9000, 9001], strict=True))
)
def test_ports_are_those_of_the_contract(cls: type[ServiceSettings], port: int) -> None:
    assert read_settings(cls).port == port


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTSCOPE_CHAT_PORT", "8103")
    monkeypatch.setenv("AFFECTSCOPE_WORKERS", "5")
    monkeypatch.setenv("AFFECTSCOPE_ALLOWED_HOSTS", "a.lab, B.lab,")
    monkeypatch.setenv("AFFECTSCOPE_ADMIN_TOKEN", "")

    settings = read_settings(ChatSettings)

    assert (settings.port, settings.workers) == (8103, 5)
    assert settings.allowed_hosts == ("a.lab", "b.lab")
    assert settings.admin_token is None
    assert read_settings(SurveySettings).port == 8004


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFFECTSCOPE_WORKERS", "none"),
        ("AFFECTSCOPE_WORKERS", "0"),
        ("AFFECTSCOPE_CHAT_PORT", "70000"),
        ("AFFECTSCOPE_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidValue, match=f"{name} is '{value}'"):
        read_settings(ChatSettings)


def test_open_to_others_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTSCOPE_HOST", "0.0.0.0")
    with pytest.raises(InvalidValue, match="AFFECTSCOPE_ADMIN_TOKEN"):
        read_settings(ChatSettings)

    monkeypatch.setenv("AFFECTSCOPE_ADMIN_TOKEN", "s3cret")
    settings = read_settings(ChatSettings)
    assert not settings.loopback_only
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "::ffff:127.0.0.1"]
)
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.evil"])
def test_anything_else_is_not(host: str) -> None:
    assert not is_loopback(host)

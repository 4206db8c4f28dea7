"""The processes are those of the contract, on ports that can be moved and are checked."""

from __future__ import annotations

import os
import socket

import pytest

from affectscope.errors import InvalidValue
from affectscope.supervisor import NAMES, processes, taken_ports


def test_names_and_ports_are_those_of_the_contract() -> None:
    assert {spec.name: spec.port for spec in processes()} == {
        "video": 8001,
        "speech": 8002,
        "chat": 8003,
        "survey": 8004,
        "gateway": 9000,
        "observatory": 9001,
    }
    assert set(NAMES) == {spec.name for spec in processes()}


def test_ports_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFECTSCOPE_CHAT_PORT", "8103")

    chat = next(spec for spec in processes() if spec.name == "chat")

    assert chat.address("/health") == "http://127.0.0.1:8103/health"
    assert chat.command[-2:] == ["serve", "chat"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8004/"),
        ("10.0.0.5", "http://10.0.0.5:8004/"),
        ("::1", "http://[::1]:8004/"),
        ("", "http://127.0.0.1:8004/"),
    ],
)
def test_they_are_asked_where_they_listen(
    monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    monkeypatch.setenv("AFFECTSCOPE_HOST", host)

    survey = next(spec for spec in processes() if spec.name == "survey")

    assert survey.address("/") == address


@pytest.mark.parametrize("value", ["0", "65536", "x", "-1", ""])
def test_a_bad_port_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AFFECTSCOPE_VIDEO_PORT", value)

    with pytest.raises(InvalidValue, match=f"AFFECTSCOPE_VIDEO_PORT is '{value}'"):
        processes()


def test_a_taken_port_is_reported_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        monkeypatch.setenv("AFFECTSCOPE_SURVEY_PORT", str(port))
        survey = [spec for spec in processes() if spec.name == "survey"]

        (sentence,) = taken_ports(survey)

    assert f"port {port} (Survey Analysis) is already taken by" in sentence
    assert str(os.getpid()) in sentence
    assert taken_ports(survey) == []

"""WebSocket connections are counted, identified and logged, whatever becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from affectscope.telemetry import Telemetry, current_request

Work = Callable[[Any, Any, Any], Awaitable[None]]


def serve(
    application: Work, incoming: list[dict[str, Any]], *headers: tuple[bytes, bytes], **options: Any
) -> tuple[Telemetry, list[dict[str, Any]]]:
    """Serve one connection; returns the telemetry, and what was sent."""
    telemetry = Telemetry("test", "test", "1", [], **options)
    telemetry.live.prepare("/live")
    sent: list[dict[str, Any]] = []
    waiting = iter(incoming)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/live", "headers": list(headers)}
    asyncio.run(telemetry.middleware(application)(scope, receive, send))
    return telemetry, sent


class Route:
    path = "/live"


def speak(*messages: dict[str, Any], until: str = "websocket.disconnect") -> Work:
    """Return an application that accepts, sends messages, and reads until one of a type comes."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = Route()
        await send({"type": "websocket.accept"})
        for message in messages:
            await send(message)
        while (await receive())["type"] != until:
            pass

    return application


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    found = {"service": "test", "endpoint": "/live", **labels}
    return telemetry.registry.get_sample_value(f"affectscope_live_{name}", found)


LEFT = {"type": "websocket.disconnect", "code": 1001}


class TestConnections:
    @pytest.mark.parametrize(
        ("end", "code"),
        [
            (LEFT, "1001"),
            ({"type": "websocket.disconnect", "code": 4711}, "other"),
            ({"type": "websocket.disconnect"}, "1006"),
        ],
    )
    def test_how_the_client_left(self, end: dict[str, Any], code: str) -> None:
        telemetry, _ = serve(speak(), [end])

        assert value(telemetry, "ended_total", code=code) == 1
        assert value(telemetry, "connections") == 0

    def test_how_the_application_closed(self) -> None:
        telemetry, _ = serve(speak({"type": "websocket.close", "code": 4403}), [LEFT])

        assert value(telemetry, "ended_total", code="4403") == 1
        assert value(telemetry, "ended_total", code="1001") is None

    def test_a_refusal(self) -> None:
        async def refuse(scope: Any, receive: Any, send: Any) -> None:
            scope["route"] = Route()
            await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b""})

        async def close(scope: Any, receive: Any, send: Any) -> None:
            scope["route"] = Route()
            await send({"type": "websocket.close"})

        assert value(serve(refuse, [])[0], "ended_total", code="503") == 1
        assert value(serve(close, [])[0], "ended_total", code="403") == 1

    def test_it_is_open_while_it_is(self) -> None:
        seen = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            scope["route"] = Route()
            await send({"type": "websocket.accept"})
            seen.append(current_request())
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            serve(application, [])

        assert seen[0] is not None

    def test_its_identity_is_the_clients(self) -> None:
        _, sent = serve(speak(), [LEFT], (b"x-request-id", b"mine"))

        assert sent == [{"type": "websocket.accept", "headers": [(b"x-request-id", b"mine")]}]

    def test_its_end_is_one_line(self) -> None:
        message = {"type": "websocket.receive", "text": "private"}
        answer = {"type": "websocket.send", "text": "private"}
        with capture_logs() as lines:
            serve(speak(answer), [message, message, LEFT])
        with capture_logs() as none:
            serve(speak(), [LEFT], access_log=False)

        assert none == []
        assert [one["event"] for one in lines] == ["live connection"]
        assert (lines[0]["endpoint"], lines[0]["code"]) == ("/live", "1001")
        assert (lines[0]["received_messages"], lines[0]["sent_messages"]) == (2, 1)
        assert "private" not in str(lines)


class TestMessages:
    def test_what_becomes_of_them(self) -> None:
        telemetry = Telemetry("test", "test", "1", [])
        telemetry.live.prepare("/live")
        telemetry.live.count("/live", "dropped", 3)
        telemetry.live.answered("/live", 0.03)

        fates = {
            fate: value(telemetry, "messages_total", fate=fate)
            for fate in ("answered", "dropped", "refused")
        }
        assert fates == {"answered": 1, "dropped": 3, "refused": 0}
        assert value(telemetry, "answer_seconds_bucket", le="0.025") == 0
        assert value(telemetry, "answer_seconds_bucket", le="0.05") == 1

"""WebSocket connections are let in, limited, told what is wrong, and closed with a reason."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from websockets.exceptions import InvalidStatus

from affectscope.errors import (
    AffectscopeError,
    InvalidValue,
    MalformedRequest,
    MissingField,
    Overloaded,
    PayloadTooLarge,
    PurposeRefused,
    RequestTimeout,
    Unavailable,
)
from affectscope.service import LiveConnection, LiveSettings
from affectscope.service.live import MOST_BAD, close_code, problem_message, read_purpose
from tests.service.apps import until
from tests.service.live_parts import PATH, client, ended, heard, make, metric, serving, slug

pytestmark = pytest.mark.anyio


class TestOptions:
    """The first message may say why."""

    @pytest.mark.parametrize(
        ("text", "purpose"),
        [
            ("{}", "unspecified"),
            ('{"purpose": "research"}', "research"),
            ('{"purpose": "medical", "justification": "a study"}', "medical"),
        ],
    )
    def test_what_is_valid(self, text: str, purpose: str) -> None:
        assert read_purpose(text, ("face",)) == purpose

    @pytest.mark.parametrize(
        ("text", "error", "words"),
        [
            ("", MalformedRequest, "empty"),
            ("purpose=research", MalformedRequest, "not JSON"),
            ("[]", MalformedRequest, "a list"),
            ('{"purpose": 1}', InvalidValue, "purpose is 1; valid: text"),
            ('{"purpose": "fun"}', InvalidValue, "valid: unspecified, research"),
            ('{"goal": "x"}', InvalidValue, "valid: justification, purpose"),
            ('{"purpose": "safety"}', MissingField, "needs a justification"),
            ('{"purpose": "workplace"}', PurposeRefused, "AI Act"),
            ('{"purpose": "education"}', PurposeRefused, "AI Act"),
            (json.dumps({"purpose": "x" * 20_000}), PayloadTooLarge, "at most 16384"),
        ],
    )
    def test_what_is_not(self, text: str, error: type[AffectscopeError], words: str) -> None:
        with pytest.raises(error, match=words):
            read_purpose(text, ("face",))

    def test_text_may_be_of_any_purpose(self) -> None:
        assert read_purpose('{"purpose": "workplace"}', ("text",)) == "workplace"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PurposeRefused("x"), 4403),
        (PayloadTooLarge("x"), 4413),
        (Overloaded("x"), 1013),
        (Unavailable("x"), 1013),
        (AffectscopeError("x"), 1011),
    ],
)
def test_close_codes(error: AffectscopeError, code: int) -> None:
    assert close_code(error) == code


def test_a_problem_with_what_is_no_character() -> None:
    assert json.loads(problem_message(InvalidValue("\ud800"), number=1))["number"] == 1


class TestConversation:
    async def test_messages_go_both_ways(self) -> None:
        service = make()
        async with serving(service) as (address, _), client(address) as web:
            await web.send("{}")
            assert await web.recv() == '"unspecified"'
            await web.send(b"abc")
            assert await web.recv() == b"abc"
            assert metric(service, "affectscope_live_connections", endpoint=PATH) == 1

        assert metric(service, "affectscope_live_connections", endpoint=PATH) == 0
        assert metric(service, "affectscope_live_ended_total", endpoint=PATH, code="1000") == 1

    async def test_the_handshake_names_the_request(self) -> None:
        async with (
            serving(make()) as (address, _),
            client(address, additional_headers={"x-request-id": "mine"}) as web,
        ):
            assert web.response is not None
            assert web.response.headers["x-request-id"] == "mine"
            await web.send('{"purpose": "workplace"}')
            assert (await heard(web))["problem"]["request_id"] == "mine"

    async def test_a_purpose_that_is_refused(self) -> None:
        async with serving(make()) as (address, _), client(address) as web:
            await web.send('{"purpose": "education"}')
            said, code, reason = await ended(web)

        assert [slug(one) for one in said] == ["purpose-refused"]
        assert (code, reason) == (4403, "Refused for this purpose")

    async def test_some_bad_messages_are_forgiven_and_many_are_not(self) -> None:
        service = make()
        async with serving(service) as (address, _), client(address) as web:
            for _ in range(3):
                for _ in range(MOST_BAD - 1):
                    await web.send("bad")
                    assert (await heard(web))["number"] == 7
                await web.send(b"good")
                assert await web.recv() == b"good"
            for _ in range(MOST_BAD):
                await web.send("bad")
            said, code, _ = await ended(web)

        assert [slug(one) for one in said] == ["invalid-value"] * MOST_BAD
        assert code == 4422
        refused = metric(service, "affectscope_live_messages_total", endpoint=PATH, fate="refused")
        assert refused == 4 * MOST_BAD - 3

    async def test_a_large_message_gets_a_reason_and_a_huge_one_does_not(self) -> None:
        service = make(live_message_bytes=2000)
        async with serving(service) as (address, _):
            async with client(address) as web:
                await web.send(bytes(2001))
                said, code, _ = await ended(web)
                assert (
                    said[0]["problem"]["detail"]
                    == "the message has 2001 bytes; valid: at most 2000"
                )
                assert code == 4413
            async with client(address) as web:
                await web.send(bytes(8001))
                assert (await ended(web))[:2] == ([], 1009)

    async def test_silence_ends_it(self) -> None:
        async with (
            serving(make(live_idle_seconds=0.1)) as (address, _),
            client(address) as web,
        ):
            said, code, _ = await ended(web)

        assert said[0]["problem"]["detail"] == "no message arrived for 0.1 seconds"
        assert code == 4408

    async def test_a_defect_is_not_told(self) -> None:
        async with serving(make()) as (address, _), client(address) as web:
            await web.send("defect")
            said, code, _ = await ended(web)

        assert "ZeroDivision" not in json.dumps(said)
        assert (slug(said[0]), code) == ("internal", 1011)

    async def test_what_can_be_tried_again(self) -> None:
        async with serving(make()) as (address, _), client(address) as web:
            await web.send("unavailable")
            said, code, _ = await ended(web)

        assert (slug(said[0]), code) == ("model-unavailable", 1013)

    async def test_a_client_that_takes_nothing_is_given_up(self) -> None:
        service = make(live_stalled_seconds=0.2)
        async with serving(service) as (address, _):
            web = await client(address, max_queue=1)
            await web.send("flood")
            closed = {"endpoint": PATH, "code": "4408"}
            assert await until(lambda: metric(service, "affectscope_live_ended_total", **closed))
            assert metric(service, "affectscope_live_connections", endpoint=PATH) == 0
            web.transport.abort()

    async def test_a_client_that_is_lost(self) -> None:
        service = make()
        async with serving(service) as (address, _):
            web = await client(address)
            web.transport.abort()
            gone = {"endpoint": PATH, "code": "1005"}
            assert await until(lambda: metric(service, "affectscope_live_ended_total", **gone))

    async def test_a_client_that_is_lost_while_it_is_answered(self) -> None:
        service = make()
        async with serving(service) as (address, _):
            web = await client(address, max_queue=1)
            await web.send("flood")
            await asyncio.sleep(0.1)
            web.transport.abort()
            assert await until(
                lambda: metric(service, "affectscope_live_connections", endpoint=PATH) == 0
            )


class TestDoor:
    """Who comes in, and how all leave together."""

    async def test_one_too_many_is_told_when_to_come_back(self) -> None:
        service = make(live_connections=1)
        async with serving(service) as (address, _):
            async with client(address):
                with pytest.raises(InvalidStatus) as refusal:
                    await client(address)
            assert await until(
                lambda: metric(service, "affectscope_live_connections", endpoint=PATH) == 0
            )
            async with client(address):
                pass

        answer = refusal.value.response
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["content-type"] == "application/problem+json"
        assert b"1 live connections are open" in answer.body
        assert metric(service, "affectscope_live_ended_total", endpoint=PATH, code="503") == 1

    async def test_options_do_not_stand_in_the_address(self) -> None:
        async with serving(make()) as (address, _):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, f"{PATH}?purpose=workplace")

        assert refusal.value.response.status_code == 422
        assert b"options are the first message" in refusal.value.response.body

    async def test_all_are_told_that_the_service_stops(self) -> None:
        service = make()
        async with serving(service) as (address, server):
            first, second = await client(address), await client(address)
            server.should_exit = True
            assert (await ended(first))[1:] == (1001, "")
            assert (await ended(second))[1:] == (1001, "")

        assert metric(service, "affectscope_live_ended_total", endpoint=PATH, code="1001") == 2

    async def test_a_stopping_service_lets_nobody_in(self) -> None:
        service = make()
        async with serving(service) as (address, _):
            await service.prepare_stop()
            with pytest.raises(InvalidStatus) as refusal:
                await client(address)

        assert refusal.value.response.status_code == 503
        assert b"being stopped" in refusal.value.response.body


class TestSecurity:
    """The same rules as for other requests, and the same answers."""

    @pytest.mark.parametrize(
        ("headers", "status", "kind"),
        [
            ({"Origin": "https://evil.example"}, 403, "foreign-origin"),
            ({"Origin": "null"}, 403, "foreign-origin"),
            ({"x-affectscope-internal": "guess"}, 403, "not-permitted"),
        ],
    )
    async def test_who_is_refused(self, headers: dict[str, str], status: int, kind: str) -> None:
        service = make(internal_secret="between us")
        async with serving(service) as (address, _):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, additional_headers=headers)

        answer = refusal.value.response
        assert answer.status_code == status
        assert json.loads(answer.body)["type"].endswith(kind)
        ended_as = {"endpoint": "unmatched", "code": str(status)}
        assert metric(service, "affectscope_live_ended_total", **ended_as) == 1

    async def test_an_unknown_host(self) -> None:
        async with serving(make()) as (address, _):
            host, port = address.split(":")
            web = socket.create_connection((host, int(port)))
            web.sendall(
                f"GET {PATH} HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            answer = await asyncio.to_thread(web.recv, 65536)
            web.close()

        assert answer.startswith(b"HTTP/1.1 421")

    async def test_pages_of_this_machine_may(self) -> None:
        async with (
            serving(make()) as (address, _),
            client(address, origin="http://localhost:8080") as web,
        ):
            await web.send(b"x")
            assert await web.recv() == b"x"

    async def test_an_address_without_a_socket(self) -> None:
        service = make()
        async with serving(service) as (address, _):
            with pytest.raises(InvalidStatus) as refusal:
                await client(address, "/nowhere")

        assert refusal.value.response.status_code == 403
        nowhere = {"endpoint": "unmatched", "code": "403"}
        assert metric(service, "affectscope_live_ended_total", **nowhere) == 1


async def test_a_client_may_be_allowed_to_be_silent() -> None:
    class Slow:
        async def receive(self) -> dict[str, str]:
            await asyncio.sleep(0.2)
            return {"type": "websocket.receive", "text": "at last"}

    settings = LiveSettings.model_validate({"live_idle_seconds": 0.05})
    connection = LiveConnection(Slow(), settings, lambda: None)  # type: ignore[arg-type]

    assert await connection.receive(patient=True) == "at last"
    with pytest.raises(RequestTimeout, match=r"no message arrived for 0\.05 seconds"):
        await connection.receive()

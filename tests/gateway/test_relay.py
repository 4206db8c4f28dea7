"""Requests pass to the services and answers pass back, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from affectscope.chat.app import ChatSettings
from affectscope.chat.app import create as create_chat
from affectscope.errors import AffectscopeError, BackendTimeout, Overloaded
from affectscope.gateway.relay import first_of, problem_slug
from affectscope.service import INTERNAL_HEADER, OPERATOR_HEADER


class Echo:
    """A service that answers what it was sent."""

    def __init__(self, service, serve) -> None:
        self.seen: list[dict[str, object]] = []

        @service.app.post("/analyze-chat")
        async def analyze_chat(request: Request) -> Response:
            body = await request.body()
            self.seen.append(
                {
                    "headers": dict(request.headers),
                    "query": request.url.query,
                    "body": body.decode(),
                }
            )
            return JSONResponse({"size": len(body)}, status_code=201)

        self.url = serve(service.app)


@pytest.fixture
def echo(small_service, serve) -> Echo:
    return Echo(small_service("chat"), serve)


class TestPassingOn:
    """What the client sends reaches the service, and what it answers reaches the client."""

    def test_body_query_status_and_answer(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url)

        answer = client.post(f"{url}/analyze-chat?purpose=research&x=%2F", content=b"hello")

        assert (answer.status_code, answer.json()) == (201, {"size": 5})
        assert echo.seen[0]["body"] == "hello"
        assert echo.seen[0]["query"] == "purpose=research&x=%2F"

    def test_a_body_of_unknown_length(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url)

        answer = client.post(f"{url}/analyze-chat", content=iter([b"a" * 100_000] * 20))

        assert answer.json() == {"size": 2_000_000}

    def test_only_known_headers_pass(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url)
        forged = {
            OPERATOR_HEADER: "1",
            "Authorization": "Bearer x",
            "Cookie": "a=b",
            "Origin": "http://localhost",
            "X-Forwarded-For": "1.2.3.4",
            "Connection": "keep-alive, x-hop",
            "X-Hop": "1",
            "Content-Type": "text/plain",
            "Accept-Language": "pl",
        }

        client.post(f"{url}/analyze-chat", content=b"x", headers=forged)

        found = echo.seen[0]["headers"]
        assert found["content-type"] == "text/plain"
        assert found["accept-language"] == "pl"
        assert found["forwarded"] == "for=unknown"
        for name in (OPERATOR_HEADER, "authorization", "cookie", "origin", "x-hop"):
            assert name not in found
        assert "x-forwarded-for" not in found

    def test_the_gateway_vouches_for_an_operator(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url, internal_secret="s3cret")

        client.post(f"{url}/analyze-chat", content=b"x")

        found = echo.seen[0]["headers"]
        assert (found[INTERNAL_HEADER], found[OPERATOR_HEADER]) == ("s3cret", "1")

    def test_a_stranger_with_a_guessed_secret_is_refused(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url, internal_secret="s3cret")

        answer = client.post(
            f"{url}/analyze-chat", content=b"x", headers={INTERNAL_HEADER: "guess"}
        )

        assert answer.status_code == 403
        assert echo.seen == []

    def test_headers_that_are_no_text(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url)

        client.post(f"{url}/analyze-chat", content=b"x", headers={"User-Agent": b"caf\xe9"})

        assert echo.seen[0]["headers"]["user-agent"] == "caf\xe9"

    def test_a_query_that_cannot_be_sent(self, echo, make_gateway):
        url, _ = make_gateway(chat_url=echo.url)
        host, port = url.removeprefix("http://").split(":")
        line = b"POST /analyze-chat?x=%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        with socket.create_connection((host, int(port))) as peer:
            peer.settimeout(5)
            peer.sendall(line % (b"a" * 66_000))

            assert peer.recv(100).startswith(b"HTTP/1.1 400 ")

    def test_request_id_and_trace_go_along(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url)
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = {"X-Request-ID": "mine-1", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}

        answer = client.post(f"{url}/analyze-chat", content=b"x", headers=headers)

        found = echo.seen[0]["headers"]
        assert answer.headers["x-request-id"] == found["x-request-id"] == "mine-1"
        assert found["traceparent"].split("-")[1] == trace
        assert found["traceparent"].split("-")[2] != "b7ad6b7169203331"

    def test_a_profile_is_for_operators(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url)

        answer = client.post(
            f"{url}/analyze-chat?profile=true", content=b"x", headers={"Forwarded": "for=1.2.3.4"}
        )

        assert answer.json()["type"] == "urn:affectscope:problem:not-permitted"
        assert echo.seen == []
        assert client.post(f"{url}/analyze-chat?profile=true", content=b"x").status_code == 201


class TestLongConversations:
    """They go to the chat service by the way that it has for them."""

    def test_lines_and_progress_come_through(self, serve, make_gateway, client):
        chat = serve(create_chat(ChatSettings(observatory_url="")).app)
        url, _ = make_gateway(chat_url=chat)
        body = b"".join(b'{"speaker": "Ann", "text": "ok"}\n' for _ in range(300))

        answer = client.post(f"{url}/analyze-chat-batch", content=body)

        kinds = Counter(json.loads(line)["type"] for line in answer.text.splitlines())
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert (kinds["segment"], kinds["progress"], kinds["end"]) == (300, 3, 1)

    def test_a_problem_of_theirs_keeps_its_slug(self, serve, make_gateway, client, until):
        chat = serve(create_chat(ChatSettings(observatory_url="")).app)
        url, gateway = make_gateway(chat_url=chat)

        answer = client.post(f"{url}/analyze-chat-batch", content=b'{"text": 1}\n')

        assert (answer.status_code, answer.json()["type"]) == (
            *(422, "urn:affectscope:problem:invalid-value"),
        )
        line = b'integrated_errors_total{endpoint="/analyze-chat-batch",error_type="invalid-value"}'
        until(lambda: line + b" 1.0" in gateway.telemetry.exposition(None)[0])


class TestAnswers:
    """Large and slow answers stream; problems pass unchanged and are counted by their slug."""

    def test_a_problem_passes_unchanged_and_is_counted(
        self, small_service, serve, make_gateway, client, until
    ):
        service = small_service("chat")

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            raise Overloaded("too much", retry_after=7, depth=3)

        url, _ = make_gateway(chat_url=serve(service.app))

        answer = client.post(f"{url}/analyze-chat", json={})

        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "too much"
        assert answer.json()["depth"] == 3
        counted = 'integrated_errors_total{endpoint="/analyze-chat",error_type="overloaded"} 1.0'
        until(lambda: counted in client.get(f"{url}/metrics").text)

    def test_lines_arrive_as_they_are_written(self, small_service, serve, make_gateway, client):
        service, go = small_service("chat"), threading.Event()

        async def lines() -> AsyncIterator[bytes]:
            yield b'{"type":"media"}\n'
            await asyncio.to_thread(go.wait, 10)
            yield b'{"type":"end"}\n'

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            return StreamingResponse(lines(), media_type="application/x-ndjson")

        url, _ = make_gateway(chat_url=serve(service.app))

        with client.stream("POST", f"{url}/analyze-chat", json={}) as answer:
            arriving = answer.iter_lines()
            first = next(arriving)
            go.set()
            rest = list(arriving)

        assert (first, rest) == ('{"type":"media"}', ['{"type":"end"}'])

    def test_a_large_answer(self, small_service, serve, make_gateway, client):
        service = small_service("chat")

        @service.app.post("/analyze-chat")
        async def analyze_chat() -> Response:
            return Response(b"x" * 5_000_000, media_type="application/json")

        url, _ = make_gateway(chat_url=serve(service.app))

        answer = client.post(f"{url}/analyze-chat", json={})

        assert len(answer.content) == int(answer.headers["content-length"]) == 5_000_000

    @pytest.mark.parametrize(
        ("body", "slug"),
        [
            (b'{"type": "urn:affectscope:problem:empty-input"}', "empty-input"),
            (b'{"type": "about:blank"}', "invalid-value"),
            (b"[]", "invalid-value"),
            (b"<html>", "invalid-value"),
        ],
    )
    def test_the_slug_of_a_problem(self, body, slug):
        assert problem_slug(422, body) == slug


class TestClients:
    """Clients that leave, stall or send too much."""

    def test_a_client_that_leaves_ends_the_work(self, small_service, serve, make_gateway, until):
        service, began, left = small_service("chat"), threading.Event(), threading.Event()

        @service.app.post("/analyze-chat")
        async def analyze_chat(request: Request) -> Response:
            await request.body()
            began.set()
            while not await request.is_disconnected():
                await asyncio.sleep(0.02)
            left.set()
            return Response()

        url, gateway = make_gateway(chat_url=serve(service.app))

        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/analyze-chat", json={}, timeout=3, trust_env=False)

        assert began.is_set()
        assert left.wait(5)
        gone = 'endpoint="/analyze-chat",error_type="client-closed-request"} 1.0'
        until(lambda: gone in gateway.telemetry.exposition(None)[0].decode())

    def test_a_client_that_leaves_while_sending(self, echo, make_gateway, until):
        url, gateway = make_gateway(chat_url=echo.url)
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as peer:
            peer.sendall(
                b"POST /analyze-chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
            )
            time.sleep(0.2)

        gone = 'endpoint="/analyze-chat",error_type="client-closed-request"} 1.0'
        until(lambda: gone in gateway.telemetry.exposition(None)[0].decode())
        assert echo.seen == []

    def test_a_client_that_stalls(self, echo, make_gateway):
        url, _ = make_gateway(chat_url=echo.url, body_idle_seconds=0.3)
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as peer:
            peer.settimeout(5)
            peer.sendall(
                b"POST /analyze-chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
            )

            assert peer.recv(100).startswith(b"HTTP/1.1 408 ")

    def test_an_announced_upload_above_the_limit(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url, upload_limit_bytes=1000)

        answer = client.post(f"{url}/analyze-chat", content=b"x" * 1001)

        assert answer.json()["type"] == "urn:affectscope:problem:payload-too-large"
        assert echo.seen == []

    def test_an_unannounced_upload_above_the_limit(self, echo, make_gateway, client):
        url, _ = make_gateway(chat_url=echo.url, upload_limit_bytes=1000)

        answer = client.post(f"{url}/analyze-chat", content=iter([b"x" * 600, b"x" * 600]))

        assert answer.status_code == 413
        assert answer.json()["limit"] == 1000
        assert echo.seen == []


class TestFirstOf:
    """Work goes on unless something makes it pointless."""

    def test_the_result(self):
        async def work() -> int:
            return 1

        async def never() -> AffectscopeError:
            await asyncio.sleep(60)
            return AffectscopeError("no")

        assert asyncio.run(first_of(work(), never())) == 1

    def test_an_end_cancels_the_work(self):
        cancelled: list[bool] = []

        async def work() -> int:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise
            return 1

        async def end() -> AffectscopeError:
            await asyncio.sleep(0)
            return BackendTimeout("late")

        with pytest.raises(BackendTimeout, match="late"):
            asyncio.run(first_of(work(), end()))
        assert cancelled == [True]

"""What the services do: analyses of the shipped samples, and requests through real applications."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.asgi import call, json_headers, request_scope
from benchmarks.gate.telemetry_workloads import nowhere
from benchmarks.gate.work import Make, Work

FRAMES_A_SECOND = 2.0
_ANSWER = b'{"status": "pass"}'


def _drain(records: Iterable[object]) -> None:
    for _ in records:
        pass


async def survey_score(inner: int, stack: AsyncExitStack) -> Work:
    """The sample questionnaire, scored."""
    from affectscope.samples import sample
    from affectscope.survey.analyzer import SurveyAnalyzer

    document = json.loads(sample("survey").read_text(encoding="utf-8"))
    analyzer = SurveyAnalyzer()

    async def run() -> None:
        for _ in range(inner):
            _drain(analyzer.stream(document["instrument"], document["answers"]))

    return Work(run, asyncio.get_running_loop())


async def survey_request(inner: int, stack: AsyncExitStack) -> Work:
    """The sample questionnaire through the whole survey service: the way of every request."""
    from affectscope.samples import sample
    from affectscope.survey.app import create
    from affectscope.telemetry import configure_logging

    configure_logging("survey", stream=nowhere())
    service = create()
    await stack.enter_async_context(service.app.router.lifespan_context(service.app))
    body = sample("survey").read_bytes()

    async def run() -> None:
        for _ in range(inner):
            scope = request_scope("/analyze-survey", method="POST", headers=json_headers(body))
            status, said = await call(service.app, scope, body)
            assert status == 200, said

    return Work(run, asyncio.get_running_loop())


async def gateway_relay(inner: int, stack: AsyncExitStack) -> Work:
    """The sample questionnaire through the gateway, to a service that answers at once."""
    from affectscope.gateway.app import create
    from affectscope.gateway.settings import GatewaySettings
    from affectscope.samples import sample
    from affectscope.telemetry import configure_logging

    configure_logging("integrated", stream=nowhere())
    server = await asyncio.start_server(_answer_at_once, "127.0.0.1", 0)
    await stack.enter_async_context(server)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    names = ("video", "speech", "chat", "survey")
    settings = {"probe_seconds": 3600.0, **{f"{name}_url": address for name in names}}
    gateway = create(GatewaySettings.model_validate(settings))
    await stack.enter_async_context(gateway.app.router.lifespan_context(gateway.app))
    body = sample("survey").read_bytes()

    async def run() -> None:
        for _ in range(inner):
            scope = request_scope("/analyze-survey", method="POST", headers=json_headers(body))
            status, said = await call(gateway.app, scope, body)
            assert status == 200, said

    return Work(run, asyncio.get_running_loop())


async def _answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request on a connection, whatever it asks."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"transfer-encoding: chunked" in head:
                await reader.readuntil(b"0\r\n\r\n")
            elif b"content-length: " in head:
                length = head.split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def analysis(kind: str) -> Make:
    """An analyzer on its sample, models loaded; speech without its words, which take seconds."""

    async def make(inner: int, stack: AsyncExitStack) -> Work:
        stream = _stream(kind)

        async def run() -> None:
            for _ in range(inner):
                _drain(stream())

        return Work(run, asyncio.get_running_loop())

    return make


def _stream(kind: str) -> Any:
    from affectscope.samples import sample

    if kind == "chat":
        from affectscope.chat.analyzer import ChatAnalyzer
        from affectscope.chat.messages import parse_messages

        document = json.loads(sample("chat").read_text(encoding="utf-8"))
        chat = ChatAnalyzer()
        chat.load()
        return lambda: chat.stream(parse_messages(document))
    if kind == "speech":
        from affectscope.speech.analyzer import SpeechAnalyzer

        speech = SpeechAnalyzer()
        return lambda: speech.stream(sample("speech"), transcribe=False)
    if kind == "video":
        from affectscope.video.analyzer import VideoAnalyzer

        video = VideoAnalyzer()
        video.load()
        return lambda: video.stream(sample("video"), fps=FRAMES_A_SECOND)
    raise ValueError(f"no analysis of {kind!r}; valid: chat, speech, video")


def startup(kind: str) -> Make:
    """A service from nothing to ready to serve, modules imported."""

    async def make(inner: int, stack: AsyncExitStack) -> Work:
        create = importlib.import_module(f"affectscope.{kind}.app").create
        configure_logging = importlib.import_module("affectscope.telemetry").configure_logging
        configure_logging(kind, stream=nowhere())

        async def run() -> None:
            for _ in range(inner):
                service = create()
                async with service.app.router.lifespan_context(service.app):
                    while not service.health.ready:
                        assert service.health.failure is None, service.health.failure
                        # Looks often, so that what is measured is the start and not the looking.
                        await asyncio.sleep(0.0005)

        return Work(run, asyncio.get_running_loop())

    return make

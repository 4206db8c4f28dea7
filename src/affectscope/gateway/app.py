"""The gateway: one address for all services, and one request for any mix of modalities."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response
from starlette.websockets import WebSocket

from affectscope.affect import check_purpose
from affectscope.gateway.backends import BACKENDS, CHAT_BATCH, SPEECH_LIVE, VIDEO_LIVE, Backend
from affectscope.gateway.lines import Lines
from affectscope.gateway.live import LiveRelay
from affectscope.gateway.load.api import LOAD_TEST, WATCHED, add_load_routes
from affectscope.gateway.load.jobs import Jobs
from affectscope.gateway.load.keeper import RunKeeper
from affectscope.gateway.occasion import DOCUMENTS, FILES, Occasion, modalities
from affectscope.gateway.page import content_security_policy, index_page
from affectscope.gateway.parts import Asker
from affectscope.gateway.relay import Relay, client_gone, first_of, request_headers
from affectscope.gateway.settings import GatewaySettings
from affectscope.gateway.watch import Watch
from affectscope.service import (
    INTERNAL_HEADER,
    OPERATOR_HEADER,
    LiveConnection,
    LiveDoor,
    Service,
    analysis_responses,
    flag,
    is_operator,
    json_schema,
    multipart_schema,
    read_settings,
)
from affectscope.telemetry import outgoing_headers

ANALYZE = "/analyze"


class Gateway(Service):
    """The service in front of the others.

    Args:
        settings: What the environment says.
    """

    settings: GatewaySettings

    def __init__(self, settings: GatewaySettings) -> None:
        super().__init__(
            "integrated",
            settings=settings,
            title="Affectscope: Integrated Backend",
            description="One address for all services, and one request for any mix of modalities. "
            f"The WebSockets at `{VIDEO_LIVE.endpoint}` and `{SPEECH_LIVE.endpoint}` are passed on to "
            "the video and the speech service; `docs/live.md` tells of them.",
            endpoints=[
                *(backend.endpoint for backend in (*BACKENDS, CHAT_BATCH)),
                ANALYZE,
                LOAD_TEST,
            ],
            quiet=(WATCHED,),
        )
        self.watch = Watch(
            settings.urls(),
            interval=settings.probe_seconds,
            timeout=settings.probe_timeout_seconds,
        )
        self.lines = Lines(settings, self.watch)
        trust = self.trust()
        keeper = RunKeeper(settings.observatory, trust | {OPERATOR_HEADER: "1"} if trust else {})
        self.load_tests = Jobs(settings.urls(), settings.load_test_seconds, keeper.keep)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Watch the services and hold connections to them, beside what every service does."""
        async with super().lifespan(app):
            watching = asyncio.create_task(self.watch.run())
            try:
                yield
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching
                await self.load_tests.close()
                await self.lines.close()

    async def report(self) -> tuple[str, dict[str, Any]]:
        """Return the health document with the services behind; a lost one is a warning."""
        status, document = await super().report()
        if status == "pass" and not self.watch.healthy:
            status = "warn"
        return status, {**document, "status": status, "backends": self.watch.report()}

    def trust(self) -> dict[str, str]:
        """Return the headers by which other services know this one for one of their system."""
        secret = self.settings.internal_secret
        return {} if secret is None else {INTERNAL_HEADER: secret.get_secret_value()}

    def own_headers(self, request: HTTPConnection) -> dict[str, str]:
        """Return what the gateway says to a service about a request: identity, trace, trust.

        Raises:
            NotPermitted: The request asks for a profile and does not come from an operator.
        """
        if flag(request.query_params.get("profile"), "profile"):
            self.require_operator(request)
        headers = outgoing_headers() | self.trust()
        if is_operator(request.scope, self.settings):
            headers[OPERATOR_HEADER] = "1"
        else:
            # Where no secret is shared, this alone tells a service on loopback that its peer, the
            # gateway, speaks for somebody else.
            headers["forwarded"] = "for=unknown"
        return headers


def create(settings: GatewaySettings | None = None) -> Service:
    """Make the gateway; settings come from the environment where none are given."""
    # It would write a line for every look at a service's health.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    gateway = Gateway(settings or read_settings(GatewaySettings))
    for backend in (*BACKENDS, CHAT_BATCH):
        _add_relay(gateway, backend)
    for live in (VIDEO_LIVE, SPEECH_LIVE):
        _add_live(gateway, live)
    _add_analyze(gateway)
    add_load_routes(gateway, gateway.load_tests)
    _add_page(gateway)
    return gateway


def _add_relay(gateway: Gateway, backend: Backend) -> None:
    """Offer a service's analysis under the gateway's address."""

    @gateway.app.post(
        backend.endpoint,
        tags=["analysis"],
        name=backend.endpoint.strip("/").replace("-", "_"),
        summary=backend.title,
        description=f"Passed on to the {backend.name} service, whose own documents say more.",
        responses=analysis_responses(),
        openapi_extra=_body(backend),
    )
    async def relay(request: Request) -> Response:
        headers = request_headers(request.headers.raw, gateway.own_headers(request))
        return Relay(request, gateway.lines, backend, headers=headers, settings=gateway.settings)


def _add_live(gateway: Gateway, backend: Backend) -> None:
    """Offer a service's live connections under the gateway's address."""
    door = LiveDoor(gateway, gateway.settings, backend.endpoint)

    @gateway.app.websocket(backend.endpoint, name=backend.endpoint.strip("/").replace("-", "_"))
    async def relay(websocket: WebSocket) -> None:
        async def work(connection: LiveConnection) -> None:
            headers = gateway.own_headers(websocket)
            await LiveRelay(gateway.lines, backend, gateway.settings, headers, connection).run()

        await door.serve(websocket, work)


def _body(backend: Backend) -> dict[str, Any]:
    """Return how a service's body is documented here; its own documents say more."""
    if backend.field:
        return multipart_schema({backend.field: "The file."}, required=(backend.field,))
    if backend is not CHAT_BATCH:
        return json_schema({"type": "object"}, {})
    document = multipart_schema(
        {"chat_file": "A conversation; the body may also be it."}, required=("chat_file",)
    )
    document["requestBody"]["content"]["application/x-ndjson"] = {"schema": {"type": "string"}}
    return document


def _add_analyze(gateway: Gateway) -> None:
    """Offer the analysis of any mix of modalities."""

    @gateway.app.post(
        ANALYZE,
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=multipart_schema(
            {"video_file": "A video or an image.", "audio_file": "A voice."},
            {
                "chat": 'JSON, as `/analyze-chat` takes it: `{"messages": [...]}` or `{"text"}`.',
                "survey": 'JSON, as `/analyze-survey` takes it: `{"instrument", "answers"}`.',
                "purpose": "Why; `workplace` and `education` refuse face and voice.",
                "justification": "Recorded; needed for `medical` and `safety`.",
            },
        ),
    )
    async def analyze(request: Request) -> Response:
        """Analyse everything of one occasion: side by side, on one clock, fused.

        A video's sound is analysed as a voice, unless `audio_file` brings a better one, and what
        was said is judged as text. A part that fails gives a warning, and the rest is answered.
        """
        headers = gateway.own_headers(request)
        gateway.pool.admit()
        async with gateway.form(
            request,
            files=FILES,
            texts=(*DOCUMENTS, "purpose", "justification"),
            any_of=(*FILES, *DOCUMENTS),
        ) as form:
            query = dict(request.query_params)
            query |= {
                name: form.texts[name]
                for name in ("purpose", "justification")
                if name in form.texts
            }
            justification = query.get("justification")
            purpose = check_purpose(
                query.get("purpose", "unspecified"), justification, modalities(form)
            )
            asker = Asker(gateway.lines, gateway.run, headers, query)
            occasion = Occasion(
                asker, gateway.run, form, purpose=purpose, justification=justification
            )
            document = await first_of(occasion.analyse(), client_gone(request))
        return Response(document, media_type="application/json")


def _add_page(gateway: Gateway) -> None:
    """Offer the page at `/`."""
    page = index_page(gateway.settings.urls(), gateway.settings.observatory)
    headers = {
        "Content-Security-Policy": content_security_policy(page),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }

    @gateway.app.get("/", include_in_schema=False)
    async def index() -> Response:
        return HTMLResponse(page, headers=headers)

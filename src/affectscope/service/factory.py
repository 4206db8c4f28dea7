"""The one factory that makes every HTTP application of the system."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response

from affectscope import __version__
from affectscope.errors import AffectscopeError, Unavailable
from affectscope.service.answers import WORK, Analysis, Produce, Wishes, wishes
from affectscope.service.bodies import parse_object, read_body
from affectscope.service.documentation import add_documentation, problem_responses
from affectscope.service.health import MEDIA_TYPE, Health
from affectscope.service.pool import WorkerPool
from affectscope.service.problems import UnexpectedErrors, add_handlers
from affectscope.service.security import Gatekeeper, require_operator
from affectscope.service.settings import ServiceSettings
from affectscope.service.upload_folder import UploadFolder
from affectscope.service.uploads import Form, FormReader, Upload
from affectscope.telemetry import Telemetry, get_logger

T = TypeVar("T")
_log = get_logger()

JSON_LIMIT = 64 * 1024 * 1024
"""Bytes of a JSON body, where the upload limit is not lower still."""


class Service:
    """One HTTP service: an application with everything that all of them share.

    Attributes:
        name: Such as ``video``.
        app: The FastAPI application; add endpoints to it.
        settings: What the environment says.
        telemetry: Its metrics and profiles.
        pool: Where it computes.
        health: What it knows of itself.
        owns_process: Whether nothing else runs in this process; `run_service` says so.
        before_stop: Called when it is told to stop, while connections are still open.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: ServiceSettings,
        title: str,
        description: str,
        endpoints: Collection[str],
        prefix: str | None = None,
        warm_up: Callable[[], object] | None = None,
        quiet: Collection[str] = (),
    ) -> None:
        self.name = name
        self.settings = settings
        self.telemetry = Telemetry(name, prefix or name, __version__, list(endpoints), quiet=quiet)
        self.pool = WorkerPool(name, settings.workers, settings.queue_limit)
        self.health = Health(name, self.telemetry, self.pool)
        self.owns_process = False
        self.before_stop: list[Callable[[], Awaitable[None]]] = []
        self._warm_up = warm_up
        self._profiling = asyncio.Lock()
        self._uploads = UploadFolder(name)
        self.telemetry.queue(lambda: self.pool.depth, settings.queue_limit)
        self.app = FastAPI(
            title=title,
            description=description,
            version=__version__,
            docs_url=None,
            redoc_url=None,
            openapi_tags=[{"name": "analysis"}, {"name": "monitoring"}],
            lifespan=self.lifespan,
        )
        add_handlers(self.app)
        add_documentation(self.app)
        self._add_routes()
        # The last one added is the outermost: everything is measured, refusals too.
        self.app.add_middleware(Gatekeeper, settings=settings)
        self.app.add_middleware(UnexpectedErrors)
        self.app.add_middleware(self.telemetry.middleware)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Run what runs beside the requests; a service with more of that extends it."""
        self.telemetry.start()
        warming = asyncio.ensure_future(self._become_ready())
        try:
            yield
        finally:
            await self.prepare_stop()
            warming.cancel()
            self.pool.close()
            self.telemetry.stop()
            self._uploads.remove()

    async def prepare_stop(self) -> None:
        """Do what is to be done while connections are still open; doing it again changes nothing."""
        for one in self.before_stop:
            await one()

    async def _become_ready(self) -> None:
        """Load what the service needs, beside the first requests."""
        try:
            await asyncio.to_thread(self._uploads.sweep)
            if self._warm_up is not None:
                await asyncio.to_thread(self._warm_up)
            if self.owns_process:
                await asyncio.to_thread(_settle)
        except AffectscopeError as error:
            self.health.failure = error.detail
            _log.error("not ready", reason=error.detail)
            return
        except Exception as error:
            self.health.failure = f"{type(error).__name__} while loading"
            _log.exception("not ready")
            return
        self.health.ready = True
        _log.info("ready")

    def _add_routes(self) -> None:
        app, telemetry = self.app, self.telemetry

        @app.get("/metrics", tags=["monitoring"], response_class=PlainTextResponse)
        async def metrics(request: Request) -> Response:
            """Prometheus metrics; OpenMetrics with exemplars where `Accept` asks for it."""
            body, media_type = telemetry.exposition(request.headers.get("accept"))
            return Response(body, headers={"content-type": media_type})

        @app.get("/health", tags=["monitoring"], responses={503: {"description": "Failing"}})
        async def health() -> Response:
            """State, uptime, process, memory and CPU, and every check by name."""
            status, document = await self.report()
            return JSONResponse(
                document, status_code=503 if status == "fail" else 200, media_type=MEDIA_TYPE
            )

        @app.get("/livez", tags=["monitoring"], response_class=PlainTextResponse)
        async def livez() -> Response:
            """Whether the event loop turns; does no work and asks nobody."""
            return PlainTextResponse("ok\n")

        @app.get(
            "/readyz",
            tags=["monitoring"],
            response_class=PlainTextResponse,
            responses=problem_responses(503),
        )
        async def readyz() -> Response:
            """Whether requests will be served without waiting for models."""
            if not self.health.ready:
                raise Unavailable(self.health.failure or "models are being loaded")
            return PlainTextResponse("ready\n")

        @app.get("/profile-report", tags=["monitoring"], responses=problem_responses(403))
        async def profile_report(request: Request) -> dict[str, Any]:
            """Where the time of this service goes: stages, and functions seen by the sampler."""
            self.require_operator(request)
            return await asyncio.to_thread(telemetry.profile_report)

    async def report(self) -> tuple[str, dict[str, Any]]:
        """Return the status and the health document; a gateway adds to it."""
        return self.health.report()

    def require_operator(self, request: HTTPConnection) -> None:
        """Let an operator through.

        Raises:
            NotPermitted: Anybody else.
        """
        require_operator(request.scope, self.settings)

    async def run(self, job: Callable[[], T]) -> T:
        """Compute something in the worker pool.

        Raises:
            Overloaded: The queue is full.
        """
        return await self.pool.run(job)

    @asynccontextmanager
    async def form(
        self,
        request: Request,
        *,
        files: Collection[str],
        texts: Collection[str] = (),
        any_of: Collection[str] = (),
    ) -> AsyncIterator[Form]:
        """Receive a multipart body; its files are removed afterwards.

        Args:
            request: Whose body it is.
            files: Names of fields with files.
            texts: Names of fields with text.
            any_of: Fields of which one at least must be there; all `files` where empty.

        Raises:
            RequestError: The body is not one that can be used; the kinds are `FormReader.read`'s.
        """
        folder = await asyncio.to_thread(self._uploads.path)
        reader = FormReader(folder, files, texts)
        settings = self.settings
        form = reader.form
        try:
            await reader.read(request, settings.upload_limit_bytes, settings.body_idle_seconds)
            wanted = tuple(any_of or files)
            if not any(name in form.files or name in form.texts for name in wanted):
                raise reader.missing(*wanted)
            yield form
        finally:
            await self._discard(request, [upload.path for upload in form.files.values()])

    async def _discard(self, request: Request, paths: Sequence[Path]) -> None:
        """Remove files once nothing works on them; a streamed answer goes on for long."""

        def remove(_: object) -> asyncio.Future[None]:
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(None, self._uploads.discard, paths)

        work: asyncio.Future[Any] | None = request.scope.get(WORK)
        if work is None or work.done():
            await remove(work)
        else:
            work.add_done_callback(remove)

    @asynccontextmanager
    async def upload(
        self, request: Request, field: str, *, modalities: tuple[str, ...] = ()
    ) -> AsyncIterator[Upload]:
        """Receive one file; it is removed afterwards.

        What would refuse the analysis anyway is found before the file arrives.

        Args:
            request: Whose body it is.
            field: Name of the field with the file.
            modalities: What will be analysed, for the purpose gate.

        Raises:
            AffectscopeError: As `answer` says of a refusal, and as `form` says.
        """
        self._wishes(request, modalities)
        self.pool.admit()
        async with self.form(request, files=(field,)) as form:
            yield form.files[field]

    async def read_json(self, request: Request, limit: int = JSON_LIMIT) -> Mapping[str, object]:
        """Receive a JSON object; a large one is parsed in a worker thread.

        Raises:
            RequestError: The body is not one that can be used.
        """
        limit = min(limit, self.settings.upload_limit_bytes)
        body = await read_body(request, limit, self.settings.body_idle_seconds)
        if len(body) < 16 * 1024:
            return parse_object(body)
        return await self.run(lambda: parse_object(body))

    async def answer(
        self, request: Request, produce: Produce, *, modalities: tuple[str, ...]
    ) -> Response:
        """Run an analyzer and answer with its session, or stream its records.

        Args:
            request: The request, whose body has arrived.
            produce: Makes the generator of records; called in a worker thread.
            modalities: What is analysed, for the purpose gate.

        Raises:
            AffectscopeError: Refused, overloaded, or whatever the analyzer raised.
        """
        wanted = self._wishes(request, modalities)
        return await Analysis(
            *(request, self.pool, produce, wanted, self._profiling),
            self.telemetry.predictions,
        ).answer()

    def _wishes(self, request: Request, modalities: tuple[str, ...]) -> Wishes:
        """Return what the request asks for, where it may.

        Raises:
            RequestError: As `wishes` says; or a profile is not for this client.
        """
        wanted = wishes(request, modalities)
        if wanted.profile is not None:
            self.require_operator(request)
        return wanted


def _settle() -> None:
    """Keep the collector from looking at what was loaded: that stops every request for 20 ms."""
    gc.collect()
    gc.freeze()

"""A small service of its own for the tests: an analyzer that does what the query says."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import Request
from starlette.responses import Response

from affectscope.affect import (
    QualityNoted,
    Record,
    Segment,
    SegmentFound,
    Track,
    TrackOpened,
)
from affectscope.errors import UndecodableMedia
from affectscope.service import Service, ServiceSettings, multipart_schema
from affectscope.telemetry import stage


class Slow:
    """An analyzer of which tests can see how far it came.

    Attributes:
        yielded: Segments that were taken from it.
        closed: Set when its generator was closed or ran to its end.
    """

    def __init__(self) -> None:
        self.yielded = 0
        self.closed = threading.Event()
        self.began = threading.Event()

    def stream(self, count: int, pause: float, fail_at: int) -> Iterator[Record]:
        """Yield `count` segments, one every `pause` seconds; fail at one of them."""
        self.began.set()
        try:
            yield TrackOpened(track=Track(id="t", subject="s", modality="text"))
            for index in range(count):
                if index == fail_at:
                    raise UndecodableMedia("the file is damaged here")
                if index == -fail_at:
                    raise ZeroDivisionError("a defect")
                with stage("infer"):
                    time.sleep(pause)
                self.yielded += 1
                yield SegmentFound(
                    track="t", segment=Segment(start=index, end=index + 1, abstained="dark")
                )
            yield QualityNoted(modality="text", flag="odd", message="something to know")
        finally:
            self.closed.set()

    def read(self, path: Path, count: int, pause: float) -> Iterator[Record]:
        """Yield segments that say of a file, each time anew, how long it is."""
        yield TrackOpened(track=Track(id="t", subject="s", modality="face"))
        for index in range(count):
            time.sleep(pause)
            self.yielded += 1
            size = len(path.read_bytes())
            yield SegmentFound(
                track="t",
                segment=Segment(
                    start=index, end=index + 1, abstained="dark", measures={"bytes": size}
                ),
            )


def make(**settings: object) -> tuple[Service, Slow]:
    """Return a service with three endpoints, and its analyzer."""
    slow = Slow()
    service = Service(
        "test",
        settings=ServiceSettings.model_validate({"workers": 2, "queue_limit": 2, **settings}),
        title="Test",
        description="A service of the tests.",
        endpoints=["/analyze-test"],
    )

    @service.app.post("/analyze-test")
    async def analyze(
        request: Request, count: int = 3, pause: float = 0.0, fail_at: int = 10**9
    ) -> Response:
        await service.read_json(request, 100_000)
        return await service.answer(
            request, lambda: slow.stream(count, pause, fail_at), modalities=("face",)
        )

    @service.app.post(
        "/upload",
        openapi_extra=multipart_schema({"media": "Any file."}, {"note": "Text."}, ("media",)),
    )
    async def upload(request: Request) -> dict[str, object]:
        async with service.form(
            request, files=("media", "other"), texts=("note",), any_of=("media", "note")
        ) as form:
            return {
                "files": {
                    name: [
                        one.filename,
                        one.content_type,
                        one.size,
                        one.path.read_bytes().hex()[:64],
                    ]
                    for name, one in form.files.items()
                },
                "texts": form.texts,
                "paths": [str(one.path) for one in form.files.values()],
            }

    @service.app.post("/file")
    async def file(request: Request, count: int = 3, pause: float = 0.0) -> Response:
        async with service.upload(request, "media", modalities=("face",)) as one:
            return await service.answer(
                request, lambda: slow.read(one.path, count, pause), modalities=("face",)
            )

    @service.app.get("/defect")
    async def defect() -> None:
        raise ZeroDivisionError("a defect")

    return service, slow


def client(service: Service, **options: object) -> httpx.AsyncClient:
    """Return a client that calls the application without a network."""
    transport = httpx.ASGITransport(service.app, raise_app_exceptions=False, **options)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[tuple[str, int]]:
    """Serve on a free port of this machine; yields host and port."""
    config = uvicorn.Config(
        service.app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[:2]
    finally:
        server.should_exit = True
        await task


async def until(condition: object, seconds: float = 10.0) -> bool:
    """Wait until a condition holds; tells whether it ever did."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False

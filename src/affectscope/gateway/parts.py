"""One part of an occasion, analysed by the service that is for it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from affectscope.affect import Notice, Session
from affectscope.errors import ALL, AffectscopeError, Unavailable
from affectscope.gateway.backends import Backend
from affectscope.gateway.lines import RETRY_SECONDS, Lines
from affectscope.gateway.relay import first_of
from affectscope.gateway.slugs import problem_slug

if TYPE_CHECKING:
    import httpx

_CHUNK = 1024 * 1024
_CLASSES = {cls.slug: cls for cls in ALL}
_STANDARD = ("type", "title", "status", "detail", "request_id")


class Answer(BaseModel):
    """What a service answers to an analysis."""

    model_config = ConfigDict(extra="ignore")

    session: Session
    timing: dict[str, Any]
    warnings: tuple[Notice, ...] = ()
    profile: dict[str, Any] | None = None


@dataclass(frozen=True)
class Document:
    """A JSON body."""

    content: bytes

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return "application/json"

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.content)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield self.content


@dataclass(frozen=True)
class Medium:
    """A multipart body with one file, read from disk as it is sent.

    Attributes:
        field: Name of the field.
        path: The file.
        size: Its bytes.
        filename: What the client called it; shown to nobody but the service.
    """

    field: str
    path: Path
    size: int
    filename: str = "upload"
    boundary: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self._head) + self.size + len(self._tail)

    @property
    def _head(self) -> bytes:
        name = self.filename.replace("\\", "_").replace('"', "%22")
        name = name.replace("\r", "%0D").replace("\n", "%0A")
        return (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="{self.field}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body; the disk is read away from the event loop."""
        yield self._head
        with await asyncio.to_thread(self.path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk
        yield self._tail


@dataclass(frozen=True)
class Asker:
    """Asks services on behalf of one request.

    Attributes:
        lines: Connections to the services.
        in_pool: Runs a function in a worker thread.
        headers: Identity, trace and secret of the request.
        query: Query of every service.
    """

    lines: Lines
    in_pool: Callable[[Callable[[], Answer]], Awaitable[Answer]]
    headers: Mapping[str, str]
    query: Mapping[str, str]

    async def ask(self, backend: Backend, body: Document | Medium) -> Answer:
        """Have a service analyse something.

        Raises:
            AffectscopeError: The problem that the service answered, or that it did not answer.
        """
        return await first_of(self._ask(backend, body), self.lines.silence(backend))

    async def _ask(self, backend: Backend, body: Document | Medium) -> Answer:
        headers = {
            **self.headers,
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": body.content_type,
            "content-length": str(body.length),
        }
        async with self.lines.open(
            backend, query=urlencode(self.query), headers=headers, content=body.chunks()
        ) as response:
            content = await response.aread()
        if response.status_code >= 400:
            raise problem_error(response, content)
        return await self.in_pool(lambda: Answer.model_validate_json(content))


def problem_error(response: httpx.Response, content: bytes) -> AffectscopeError:
    """Return the error that a problem answer stands for."""
    cls = _CLASSES.get(problem_slug(response.status_code, content), AffectscopeError)
    try:
        document = json.loads(content)
        detail = str(document.pop("detail"))
        extra = {name: value for name, value in document.items() if name not in _STANDARD}
    except (ValueError, KeyError, TypeError, AttributeError):
        detail, extra = f"a service answered {response.status_code}", {}
    error = cls(detail, **extra)
    if isinstance(error, Unavailable):
        given = response.headers.get("retry-after", "")
        error.retry_after = float(given) if given.isdecimal() else RETRY_SECONDS
    return error

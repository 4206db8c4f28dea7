"""From records to an answer: one JSON document, or one record a line as it is found."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from affectscope.affect import (
    Notice,
    Purpose,
    QualityNoted,
    Record,
    SessionBuilder,
    SurveyScored,
    check_purpose,
)
from affectscope.errors import (
    AffectscopeError,
    ClientGone,
    InvalidValue,
    problem,
)
from affectscope.service.pool import WorkerPool
from affectscope.telemetry import Profile, current_timings, get_logger, profile_call

NDJSON = "application/x-ndjson"
ProfileFormat = Literal["json", "pstats", "collapsed", "speedscope"]
PROFILE_FORMATS: tuple[str, ...] = get_args(ProfileFormat)

_LINES_BYTES = 32 * 1024
_LINES_SECONDS = 0.1
_SLOW_CLIENT_SECONDS = 60.0
_STREAMED = 2**63
_log = get_logger()
Produce = Callable[[], Iterator[Record]]


@dataclass(frozen=True)
class Wishes:
    """What the query and the headers of an analysis ask for."""

    purpose: Purpose
    justification: str | None
    profile: ProfileFormat | None
    streamed: bool


def wishes(request: Request, modalities: tuple[str, ...]) -> Wishes:
    """Read ``purpose``, ``justification``, ``profile``, ``profile_format`` and ``Accept``.

    Raises:
        InvalidValue, MissingField, PurposeRefused: A bad value, or a purpose that forbids this.
    """
    query = request.query_params
    justification = query.get("justification")
    purpose = check_purpose(query.get("purpose", "unspecified"), justification, modalities)
    profile: ProfileFormat | None = None
    if flag(query.get("profile"), "profile"):
        wanted = query.get("profile_format", "json")
        if wanted not in PROFILE_FORMATS:
            raise InvalidValue(
                f"profile_format is {wanted!r:.40}; valid: {', '.join(PROFILE_FORMATS)}",
                field="profile_format",
            )
        profile = cast(ProfileFormat, wanted)
    streamed = NDJSON in request.headers.get("accept", "")
    if streamed and profile:
        raise InvalidValue("profile=true needs a JSON answer; leave out 'Accept: " + NDJSON + "'")
    return Wishes(purpose, justification, profile, streamed)


def flag(value: str | None, name: str) -> bool:
    """Read a yes-or-no query parameter; absent is no.

    Raises:
        InvalidValue: Neither yes nor no.
    """
    if value is None or value.lower() in ("false", "0", "no", "off"):
        return False
    if value.lower() in ("true", "1", "yes", "on"):
        return True
    raise InvalidValue(f"{name} is {value!r:.40}; valid: true, false", field=name)


def render_profile(profile: Profile, form: ProfileFormat, name: str) -> dict[str, Any]:
    """Return a profile as the answer's ``profile`` member.

    ``json`` lists the functions; the other forms are files for other programs, in ``data``
    (``pstats`` in base64).
    """
    listed = profile.to_dict()
    data: object
    match form:
        case "json":
            return listed
        case "pstats":
            data = base64.b64encode(profile.to_pstats()).decode()
        case "collapsed":
            data = profile.to_collapsed()
        case "speedscope":
            data = profile.to_speedscope(name)
    return {"format": form, "wall_seconds": listed["wall_seconds"], "data": data}


def timing() -> dict[str, float]:
    """Return the stages of this request so far, in seconds."""
    timings = current_timings()
    return dict(timings.seconds) if timings is not None else {}


class Analysis:
    """One analysis on its way from an analyzer to a client.

    Args:
        request: The request, whose body has arrived.
        pool: Where the analyzer runs.
        produce: Makes the generator of records; called in the worker thread.
        wishes: What the client asked for.
        profiling: Held while a profile is taken, so that there is one at a time.
    """

    def __init__(
        self,
        request: Request,
        pool: WorkerPool,
        produce: Produce,
        wishes: Wishes,
        profiling: asyncio.Lock,
    ) -> None:
        self._request = request
        self._pool = pool
        self._produce = produce
        self._wishes = wishes
        self._profiling = profiling
        self._gone = threading.Event()

    async def answer(self) -> Response:
        """Run the analysis and return the answer.

        Raises:
            ClientGone: The client went away; the analyzer stops at its next record.
            AffectscopeError: Whatever the analyzer raised.
        """
        if self._wishes.streamed:
            return await self._stream()
        if self._wishes.profile is not None:
            async with self._profiling:
                body = await self._unless_gone(self._pool.run(self._document))
        else:
            body = await self._unless_gone(self._pool.run(self._document))
        return Response(body, media_type="application/json")

    def _records(self) -> Iterator[Record]:
        """Yield the analyzer's records for as long as somebody wants them."""
        records = self._produce()
        try:
            for record in records:
                if self._gone.is_set():
                    raise ClientGone("the client closed the connection")
                yield record
        finally:
            close = getattr(records, "close", None)
            if close is not None:
                close()

    def _document(self) -> bytes:
        """Collect the session and serialise it; runs in a worker thread."""
        builder = SessionBuilder(self._wishes.purpose, self._wishes.justification)
        began = time.perf_counter()
        answer: dict[str, Any] = {}
        if self._wishes.profile is None:
            builder.extend(self._records())
        else:
            _, profile = profile_call(lambda: builder.extend(self._records()))
            path = self._request.url.path
            answer["profile"] = render_profile(profile, self._wishes.profile, path)
        session = builder.build().model_dump_json()
        answer["timing"] = {**timing(), "total": time.perf_counter() - began}
        answer["warnings"] = [one.model_dump() for one in builder.warnings]
        rest = json.dumps(answer, ensure_ascii=False)
        return f'{{"session":{session},{rest[1:]}'.encode()

    async def _unless_gone(self, work: Awaitable[bytes]) -> bytes:
        """Await the work; where the client leaves first, tell the worker to stop."""
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(_disconnected(self._request))
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._gone.set()
                task.add_done_callback(_forget)
                raise ClientGone("the client closed the connection")
            return task.result()
        except asyncio.CancelledError:
            self._gone.set()
            raise
        finally:
            watch.cancel()

    async def _stream(self) -> Response:
        """Answer record by record; an error before the first one still has its own status."""
        lines: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=8)
        loop = asyncio.get_running_loop()

        def put(data: bytes | None) -> None:
            waiting: Future[None] = asyncio.run_coroutine_threadsafe(lines.put(data), loop)
            try:
                waiting.result(_SLOW_CLIENT_SECONDS)
            except TimeoutError:
                waiting.cancel()
                self._gone.set()
                raise ClientGone(
                    f"the client took nothing for {_SLOW_CLIENT_SECONDS:g} seconds"
                ) from None

        work = asyncio.ensure_future(self._pool.run(lambda: self._lines(put)))
        first = asyncio.ensure_future(lines.get())
        await asyncio.wait({work, first}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            work.result()
            first = asyncio.ensure_future(lines.get())

        async def body() -> AsyncIterator[bytes]:
            try:
                data = await first
                while data is not None:
                    yield data
                    data = await lines.get()
            finally:
                self._gone.set()
                work.add_done_callback(_forget)

        return StreamingResponse(body(), media_type=NDJSON)

    def _lines(self, put: Callable[[bytes | None], None]) -> None:
        """Write one line a record, several lines at a time; runs in a worker thread."""
        began = sent = time.perf_counter()
        pending = bytearray()
        warnings: list[Notice] = []
        counter = SessionBuilder(limit=_STREAMED)
        answered = False
        try:
            for record in self._records():
                if isinstance(record, (QualityNoted, SurveyScored)):
                    counter.add(record)
                pending += record.model_dump_json().encode() + b"\n"
                now = time.perf_counter()
                if len(pending) >= _LINES_BYTES or now - sent >= _LINES_SECONDS:
                    put(bytes(pending))
                    answered, sent = True, now
                    pending.clear()
            warnings = counter.warnings
            ending: dict[str, object] = {
                "type": "end",
                "timing": {**timing(), "total": time.perf_counter() - began},
                "warnings": [one.model_dump() for one in warnings],
            }
        except ClientGone:
            raise
        except Exception as error:
            if not answered:
                raise
            # The status is long sent: the last line says what happened instead.
            if not isinstance(error, AffectscopeError):
                _log.exception("unexpected error in a streamed answer")
                error = AffectscopeError("something went wrong here; the answer is not complete")
            ending = {"type": "error", "problem": problem(error)}
        put(bytes(pending) + json.dumps(ending, ensure_ascii=False).encode() + b"\n")
        put(None)


def _forget(task: asyncio.Future[Any]) -> None:
    """Take the result of abandoned work, so that nobody complains that no one did."""
    if not task.cancelled():
        task.exception()


async def _disconnected(request: Request) -> None:
    """Return when the client has gone; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass

"""From records to an answer: one JSON document, or one record a line as it is found."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from affectscope.affect import (
    Purpose,
    QualityNoted,
    Record,
    SegmentFound,
    SessionBuilder,
    SurveyScored,
    TrackOpened,
    check_purpose,
)
from affectscope.errors import AffectscopeError, ClientGone, InvalidValue
from affectscope.service.pool import WorkerPool
from affectscope.service.problems import ERROR_TYPE, problem_document
from affectscope.service.streaming import NDJSON, Lines, LineStream, before_leaving
from affectscope.telemetry import Predictions, Profile, current_timings, get_logger, profile_call

T = TypeVar("T")
ProfileFormat = Literal["json", "pstats", "collapsed", "speedscope"]
PROFILE_FORMATS: tuple[str, ...] = get_args(ProfileFormat)
WORK = "affectscope.work"
"""Key of the scope under which the work on a request is found; what was uploaded lives as long."""

_LINES_BYTES = 32 * 1024
_LINES_SECONDS = 0.1
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


class Analysis:
    """One analysis on its way from an analyzer to a client.

    Args:
        request: The request, whose body has arrived.
        pool: Where the analyzer runs.
        produce: Makes the generator of records; called in the worker thread.
        wishes: What the client asked for.
        profiling: Held while a profile is taken, so that there is one at a time.
        predictions: Where each answer of a model is counted.
    """

    def __init__(
        self,
        request: Request,
        pool: WorkerPool,
        produce: Produce,
        wishes: Wishes,
        profiling: asyncio.Lock,
        predictions: Predictions,
    ) -> None:
        self._request = request
        self._pool = pool
        self._produce = produce
        self._wishes = wishes
        self._profiling = profiling
        self._predictions = predictions
        self._modalities: dict[str, str] = {}
        self._gone = threading.Event()
        self._began = time.perf_counter()

    async def answer(self) -> Response:
        """Run the analysis and return the answer.

        Raises:
            ClientGone: The client went away; the analyzer stops at its next record.
            AffectscopeError: Whatever the analyzer raised.
        """
        if self._wishes.streamed:
            return await self._stream()
        work = self._begin(
            self._pool.run(self._document) if self._wishes.profile is None else self._profiled()
        )
        try:
            await before_leaving(self._request.receive, work)
        finally:
            if not work.done():
                self._gone.set()
                work.cancel()
        return Response(work.result(), media_type="application/json")

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the work, and let uploads be kept until it ends."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(_forget)
        self._request.scope[WORK] = task
        return task

    async def _profiled(self) -> bytes:
        """Run the analysis under the profiler, after all others that asked for it."""
        await self._profiling.acquire()
        work = asyncio.ensure_future(self._pool.run(self._document))
        # Not when the caller gives up: the thread goes on with the profiler for a while.
        work.add_done_callback(lambda _: self._profiling.release())
        work.add_done_callback(_forget)
        return await asyncio.shield(work)

    def _records(self) -> Iterator[Record]:
        """Yield the analyzer's records for as long as somebody wants them."""
        self._stop_if_gone()
        records = self._produce()
        try:
            for record in records:
                self._stop_if_gone()
                self._note(record)
                yield record
        finally:
            close = getattr(records, "close", None)
            if close is not None:
                close()

    def _note(self, record: Record) -> None:
        """Count what a model answered."""
        if isinstance(record, TrackOpened):
            self._modalities[record.track.id] = record.track.modality
        elif isinstance(record, SegmentFound):
            affect = record.segment.affect
            self._predictions.note(
                self._modalities.get(record.track, "unknown"),
                None if affect is None else affect.label,
                None if affect is None else affect.confidence,
            )

    def _stop_if_gone(self) -> None:
        if self._gone.is_set():
            raise ClientGone("the client closed the connection")

    def _timing(self) -> dict[str, float]:
        """Return the stages so far, and the time since the request began, in seconds."""
        timings = current_timings()
        stages = {} if timings is None else dict(timings.seconds)
        total = stages.get("upload", 0.0) + time.perf_counter() - self._began
        return {**stages, "total": total}

    def _document(self) -> bytes:
        """Collect the session and serialise it; runs in a worker thread."""
        builder = SessionBuilder(self._wishes.purpose, self._wishes.justification)
        answer: dict[str, Any] = {}
        if self._wishes.profile is None:
            builder.extend(self._records())
        else:
            _, profile = profile_call(lambda: builder.extend(self._records()))
            path = self._request.url.path
            answer["profile"] = render_profile(profile, self._wishes.profile, path)
        session = builder.build().model_dump_json()
        answer["timing"] = self._timing()
        answer["warnings"] = [one.model_dump() for one in builder.warnings]
        rest = json.dumps(answer, ensure_ascii=False)
        return f'{{"session":{session},{rest[1:]}'.encode()

    async def _stream(self) -> Response:
        """Answer record by record; an error before the first one still has its own status."""
        lines = Lines(self._gone)
        work = self._begin(self._pool.run(lambda: self._write(lines)))
        try:
            await before_leaving(self._request.receive, work, lines.begun)
            if not lines.begun.done():
                work.result()
        except BaseException:
            lines.abandon()
            work.cancel()
            raise
        return LineStream(lines, work)

    def _write(self, lines: Lines) -> None:
        """Write one line a record, several lines at a time; runs in a worker thread."""
        sent = time.perf_counter()
        pending = bytearray()
        counter = SessionBuilder(limit=_STREAMED)
        answered = False
        ending: dict[str, object]
        try:
            for record in self._records():
                if isinstance(record, (QualityNoted, SurveyScored)):
                    counter.add(record)
                pending += record.model_dump_json().encode() + b"\n"
                now = time.perf_counter()
                if len(pending) >= _LINES_BYTES or now - sent >= _LINES_SECONDS:
                    lines.put(bytes(pending))
                    answered, sent = True, now
                    pending.clear()
            warnings = [one.model_dump() for one in counter.warnings]
            ending = {"type": "end", "timing": self._timing(), "warnings": warnings}
        except ClientGone:
            raise
        except Exception as error:
            if not answered:
                raise
            # The status is long sent: the last line says what happened instead.
            if not isinstance(error, AffectscopeError):
                _log.exception("unexpected error in a streamed answer")
                error = AffectscopeError("something went wrong here; the answer is not complete")
            self._request.scope[ERROR_TYPE] = error.slug
            ending = {"type": "error", "problem": problem_document(error)}
        lines.put(bytes(pending) + json.dumps(ending, ensure_ascii=False).encode() + b"\n")
        lines.put(None)


def _forget(task: asyncio.Future[Any]) -> None:
    """Take the result of abandoned work, so that nobody complains that no one did."""
    if not task.cancelled():
        task.exception()

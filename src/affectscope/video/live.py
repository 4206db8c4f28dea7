"""The faces before a live camera: pictures come by a WebSocket, and an answer goes back for each.

At most one picture is looked at and one waits. A newer picture takes the place of the one that
waits, so answers never fall behind the camera, however slow the machine, the network or the client.
"""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final, TypeVar

from affectscope.affect import Record, SegmentFound
from affectscope.errors import AffectscopeError, InvalidValue, MalformedRequest
from affectscope.media import Frame
from affectscope.service import LiveConnection, Service, read_purpose
from affectscope.service.live import MOST_BAD
from affectscope.telemetry import Timings, stage
from affectscope.video.analyzer import VideoAnalyzer
from affectscope.video.detector import borrowed_detector
from affectscope.video.still import MOST_PIXELS, decode_still
from affectscope.video.watch import FaceWatch

T = TypeVar("T")
LIVE_VIDEO: Final = "/live-video"
MODALITIES: Final = ("face",)

LATEST: Final = 1e11
"""Seconds from zero that a capture time may be away; milliseconds since 1970 are further."""

_TIME: Final = struct.Struct("<d")


@dataclass(frozen=True)
class Shot:
    """One picture as it came.

    Attributes:
        time: When it was taken, in seconds on the camera's clock.
        picture: JPEG or WebP.
        arrived: When it arrived, on the clock of `time.perf_counter`.
    """

    time: float
    picture: bytes
    arrived: float


class Newest:
    """What waits to be looked at: the newest shot, and what is to be told of bad messages."""

    def __init__(self) -> None:
        self._shot: Shot | None = None
        self._problems: deque[str] = deque(maxlen=MOST_BAD)
        self._there = asyncio.Event()

    def put(self, shot: Shot) -> bool:
        """Let a shot wait; returns whether one before it had to go."""
        replaced, self._shot = self._shot is not None, shot
        self._there.set()
        return replaced

    def tell(self, problem: str) -> None:
        """Let a problem be told."""
        self._problems.append(problem)
        self._there.set()

    async def take(self) -> tuple[list[str], Shot | None]:
        """Return all problems and the shot, at least one of them."""
        await self._there.wait()
        self._there.clear()
        problems, shot = list(self._problems), self._shot
        self._problems.clear()
        self._shot = None
        return problems, shot


@dataclass(frozen=True)
class Sight:
    """What one picture showed, as JSON.

    Attributes:
        records: New tracks.
        faces: The segments, as a list.
        quality: Flags of the whole picture, as a list.
    """

    records: list[str]
    faces: str
    quality: str


class LiveVideo:
    """One camera.

    Args:
        service: Whose metrics are fed.
        analyzer: Makes what looks at pictures.
        connection: Its client.
    """

    def __init__(
        self, service: Service, analyzer: VideoAnalyzer, connection: LiveConnection
    ) -> None:
        self._telemetry = service.telemetry
        self._analyzer = analyzer
        self._connection = connection
        self._newest = Newest()
        self._dropped = 0
        self._last = -math.inf
        # A thread of its own: the pool's may be busy for minutes with whole videos.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="video-live")
        self._resources = ExitStack()

    async def run(self) -> None:
        """Answer pictures until the client leaves.

        Raises:
            AffectscopeError: Why the connection ends: the client left or is silent, too many bad
                messages, a purpose that refuses faces, no weights.
        """
        try:
            await self._connection.accept()
            watch = await self._compute(self._begin)
            ready = f'{{"type":"ready","most_bytes":{self._connection.most_bytes},'
            await self._connection.send(f'{ready}"most_pixels":{MOST_PIXELS}}}')
            tasks = [asyncio.ensure_future(one) for one in (self._receive(), self._answer(watch))]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                next(task for task in tasks if task.done()).result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            # After what the thread does just now, which cannot be stopped.
            self._thread.submit(self._resources.close)
            self._thread.shutdown(wait=False)

    async def _compute(self, job: Callable[[], T]) -> T:
        """Do something in the camera's own thread, in the caller's context."""
        context = copy_context()
        return await asyncio.wrap_future(self._thread.submit(context.run, job))

    def _begin(self) -> FaceWatch:
        """Borrow a detector for as long as the camera stays; runs in its thread."""
        return self._analyzer.watch(self._resources.enter_context(borrowed_detector()))

    async def _receive(self) -> None:
        """Take what the client sends, as fast as it comes."""
        message = await self._connection.receive()
        if isinstance(message, str):
            read_purpose(message, MODALITIES)
            message = await self._connection.receive()
        while True:
            try:
                shot = self._shot(message)
            except AffectscopeError as error:
                self._newest.tell(self._connection.bad(error))
            else:
                if self._newest.put(shot):
                    self._dropped += 1
                    self._telemetry.live.count(LIVE_VIDEO, "dropped")
            message = await self._connection.receive()

    def _shot(self, message: str | bytes) -> Shot:
        """Read one message; the picture within is looked at later.

        Raises:
            MalformedRequest, PayloadTooLarge, InvalidValue: It is none, or comes out of turn.
        """
        arrived = time.perf_counter()
        if isinstance(message, str):
            raise MalformedRequest(
                f"a message of text: {message!r:.40}; valid after the first message: binary ones, 8 "
                "bytes of time and a picture"
            )
        self._connection.check_size(message)
        if len(message) < _TIME.size:
            raise MalformedRequest(
                f"the message has {len(message)} bytes; valid: 8 bytes of time and a picture"
            )
        (taken,) = _TIME.unpack_from(message)
        if not abs(taken) <= LATEST:
            raise InvalidValue(
                f"the time is {taken!r}; valid: seconds from {-LATEST:g} to {LATEST:g}, as a "
                "little-endian 64-bit float",
                field="time",
            )
        if taken <= self._last:
            raise InvalidValue(
                f"the time is {taken!r}; valid: later than {self._last!r}, that of the picture "
                "before",
                field="time",
            )
        self._last = taken
        return Shot(taken, message[_TIME.size :], arrived)

    async def _answer(self, watch: FaceWatch) -> None:
        """Look at what is newest, and answer."""
        while True:
            problems, shot = await self._newest.take()
            for problem in problems:
                await self._connection.send(problem)
            if shot is not None:
                await self._look(watch, shot)

    async def _look(self, watch: FaceWatch, shot: Shot) -> None:
        timings = Timings()
        try:
            with timings.activate():
                sight = await self._compute(lambda: self._see(watch, shot))
        except AffectscopeError as error:
            if error.status >= 500:
                raise
            await self._connection.send(self._connection.bad(error, time=shot.time))
            return
        self._connection.good()
        self._telemetry.requests.note_stages(timings)
        for record in sight.records:
            await self._connection.send(record)
        seconds = time.perf_counter() - shot.arrived
        dropped, self._dropped = self._dropped, 0
        self._telemetry.live.answered(LIVE_VIDEO, seconds)
        await self._connection.send(
            f'{{"type":"frame","time":{shot.time!r},"faces":{sight.faces},'
            f'"quality":{sight.quality},"latency_ms":{1000 * seconds:.1f},"dropped":{dropped}}}'
        )

    def _see(self, watch: FaceWatch, shot: Shot) -> Sight:
        """Look at one picture; runs in the camera's thread.

        Raises:
            RequestError: It is no picture that can be looked at.
            ModelUnavailable: The weights are missing or altered.
        """
        with stage("decode"):
            image = decode_still(shot.picture)
        black = watch.black
        # An instant: how long a live picture holds is known only when the next one is there.
        frame = Frame(shot.time, shot.time, image, watch.frames)
        records: list[str] = []
        faces: list[str] = []
        for record in self._noted(watch.look(frame)):
            line = record.model_dump_json()
            (faces if isinstance(record, SegmentFound) else records).append(line)
        quality = '["black"]' if watch.black > black else "[]" if faces else '["no-face"]'
        return Sight(records, f"[{','.join(faces)}]", quality)

    def _noted(self, records: Iterator[Record]) -> Iterator[Record]:
        """Count what the model answers."""
        for record in records:
            if isinstance(record, SegmentFound):
                affect = record.segment.affect
                self._telemetry.predictions.note(
                    "face",
                    None if affect is None else affect.label,
                    None if affect is None else affect.confidence,
                )
            yield record

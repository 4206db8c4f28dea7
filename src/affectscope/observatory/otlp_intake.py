"""What comes in by OTLP, from bodies to stores."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from affectscope.errors import Overloaded
from affectscope.observatory.frames import MetricStore
from affectscope.observatory.logs import LogStore
from affectscope.observatory.otlp import Form, read, unpack
from affectscope.observatory.otlp_logs import LogLine, lines_of
from affectscope.observatory.otlp_metrics import MetricReader
from affectscope.observatory.otlp_spans import spans_of
from affectscope.observatory.tail_sampling import SPAN_OVERHEAD, KeptTrace, TailSampler
from affectscope.observatory.traces import TraceStore
from affectscope.telemetry import get_logger

T = TypeVar("T")
_log = get_logger()

_MOST_WAITING = 64 << 20
"""Bytes of bodies that wait to be decoded at once."""

_MOST_UNWRITTEN = 64 << 20
"""Bytes of kept traces that wait to be written."""

_MOST_AT_ONCE = 500
"""Traces that are written by one job."""

_TICK_SECONDS = 0.25
_PAUSE_SECONDS = 5.0
"""Between tries to write to a disk that is full; senders hear the same."""


class Intake:
    """Decodes what arrives, in one thread of its own, and hands it to the stores.

    Lines of logs and metrics are written before the sender hears that they were taken. Spans wait
    in memory for the end of their trace; traces that cannot be written, as on a full disk, are
    tried again, and new spans are refused once 64 MiB wait.

    Args:
        traces: Gets kept traces.
        logs: Gets lines.
        metrics: Gets samples.
        sampler: Decides about traces.
        clock: Seconds, only ever rising.
        wall: Seconds since the epoch.

    Attributes:
        spans: Spans taken since the start.
        lines: Lines taken since the start.
        samples: Samples taken since the start.
        refused: Spans refused because their ids were none.
    """

    def __init__(
        self,
        traces: TraceStore,
        logs: LogStore,
        metrics: MetricStore,
        sampler: TailSampler,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._traces = traces
        self._logs = logs
        self._metrics = MetricReader(metrics)
        self._sampler = sampler
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="otlp")
        self._waiting_bytes = 0
        self._unwritten: deque[list[KeptTrace]] = deque()
        self._unwritten_bytes = 0
        self._not_before = 0.0
        self.spans = 0
        self.lines = 0
        self.samples = 0
        self.refused = 0

    def admit(self) -> None:
        """Refuse a body before it arrives, where it could not be taken.

        Raises:
            Overloaded: Too much waits already.
        """
        if self._waiting_bytes > _MOST_WAITING:
            raise Overloaded(f"{self._waiting_bytes} bytes wait to be decoded", retry_after=1.0)
        unwritten = self._unwritten_bytes + self._sampler.ready_bytes
        if unwritten > _MOST_UNWRITTEN:
            raise Overloaded(
                f"{unwritten} bytes of traces wait to be written",
                retry_after=_PAUSE_SECONDS,
            )

    async def traces(self, body: bytes, encoding: str, form: Form) -> Message:
        """Take spans; return the answer.

        Raises:
            RequestError: The body is none of this kind.
        """

        def job() -> Message:
            request = read(unpack(body, encoding), form, ExportTraceServiceRequest)
            spans, refused = spans_of(request, self._wall())
            with self._lock:
                self._sampler.add(spans, self._clock())
            self.spans += len(spans)
            self.refused += refused
            answer = ExportTraceServiceResponse()
            if refused:
                answer.partial_success.rejected_spans = refused
                answer.partial_success.error_message = "ids of traces have 16 bytes, of spans 8"
            return answer

        with self._holding(len(body)):
            return await self._decode(job)

    async def logs(self, body: bytes, encoding: str, form: Form) -> Message:
        """Take lines; return the answer when they are written.

        Raises:
            RequestError: The body is none of this kind.
            Overloaded: They cannot be written now.
        """

        def job() -> list[LogLine]:
            request = read(unpack(body, encoding), form, ExportLogsServiceRequest)
            return lines_of(request, self._wall())

        with self._holding(len(body)):
            lines = await self._decode(job)
            try:
                self.lines += await asyncio.wrap_future(self._logs.add(lines))
            except sqlite3.Error as error:
                raise Overloaded(
                    f"the lines cannot be written: {error}", retry_after=_PAUSE_SECONDS
                ) from error
        return ExportLogsServiceResponse()

    async def metrics(self, body: bytes, encoding: str, form: Form) -> Message:
        """Take metrics; return the answer.

        Raises:
            RequestError: The body is none of this kind.
        """

        def job() -> Message:
            request = read(unpack(body, encoding), form, ExportMetricsServiceRequest)
            taken, dropped = self._metrics.take(request, self._wall())
            self.samples += taken
            answer = ExportMetricsServiceResponse()
            if dropped:
                answer.partial_success.rejected_data_points = dropped
                answer.partial_success.error_message = "too many series, or samples too old"
            return answer

        with self._holding(len(body)):
            return await self._decode(job)

    def profiled(self, trace_id: str) -> None:
        """Have a trace kept because there is a profile of it."""
        with self._lock:
            self._sampler.profiled(trace_id)

    async def run(self) -> None:
        """Decide and write, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                await asyncio.to_thread(self.tick)
            except Exception:
                # The next traces may fare better.
                _log.exception("traces are not decided")

    def tick(self) -> None:
        """Decide about what is over, and write what is to be kept; blocks."""
        with self._lock:
            kept = self._sampler.due(self._clock())
        self._queue(kept)
        if self._clock() >= self._not_before:
            self._write()

    def close(self) -> None:
        """Decide about everything and write it; blocks, and nothing is taken afterwards."""
        self._decoder.shutdown()
        with self._lock:
            kept = self._sampler.flush()
        self._queue(kept)
        self._write()

    @contextmanager
    def _holding(self, size: int) -> Iterator[None]:
        self._waiting_bytes += size
        try:
            yield
        finally:
            self._waiting_bytes -= size

    async def _decode(self, job: Callable[[], T]) -> T:
        try:
            future = self._decoder.submit(job)
        except RuntimeError as error:
            raise Overloaded("this service is being stopped", retry_after=5.0) from error
        return await asyncio.wrap_future(future)

    def _queue(self, kept: list[KeptTrace]) -> None:
        for first in range(0, len(kept), _MOST_AT_ONCE):
            chunk = kept[first : first + _MOST_AT_ONCE]
            self._unwritten.append(chunk)
            self._unwritten_bytes += _size(chunk)

    def _write(self) -> None:
        while self._unwritten:
            chunk = self._unwritten[0]
            try:
                self._traces.add(chunk).result()
            except sqlite3.Error as error:
                _log.warning("traces cannot be written and wait", reason=str(error))
                self._not_before = self._clock() + _PAUSE_SECONDS
                return
            self._unwritten.popleft()
            self._unwritten_bytes -= _size(chunk)


def _size(chunk: list[KeptTrace]) -> int:
    return sum(len(span.body) + SPAN_OVERHEAD for trace in chunk for span in trace.spans)

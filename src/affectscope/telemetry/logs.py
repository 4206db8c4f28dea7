"""Logging: one line an event, JSON for machines and colour for people, the same for all loggers."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from affectscope.telemetry.propagation import current_request

_FOREIGN = ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
"""Loggers that may come with handlers of their own, which would write each line twice."""

_WRITE_ADDRESSES = ("httpx", "httpcore")
"""Loggers that write the whole address of each call, and so what stands in its query."""


_WITHOUT_LOCALS = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


class _Handler(logging.StreamHandler[TextIO]):
    """Marks the handler that `configure_logging` put in place, to be replaced by the next call."""


def configure_logging(
    service: str,
    stream: TextIO | None = None,
    level: int = logging.INFO,
    collect: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Send all logging of this process to one stream, in one form.

    On a terminal each event is one coloured line; elsewhere it is one JSON object a line with
    `timestamp` (UTC), `level`, `event`, `service`, and inside a request `request_id`, `trace_id`
    and `span_id`. Exceptions become structured fields in JSON; local variables are never written,
    for they may hold what a person said. Loggers of the standard library, such as uvicorn's, go
    the same way. May be called again.

    Args:
        service: Value of the `service` field.
        stream: Where to write; standard error by default.
        level: Least level that is written.
        collect: Given the fields of each line that is written, exceptions as structured fields.
    """
    stream = sys.stderr if stream is None else stream
    coloured = stream.isatty()
    shared: list[Processor] = [
        _Service(service),
        add_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    collecting: list[Processor] = [] if collect is None else [_Collect(collect)]
    rendering = _for_terminals() if coloured else _for_machines()
    structlog.configure(
        processors=[*shared, *collecting, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *collecting,
                *rendering,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [old for old in root.handlers if not isinstance(old, _Handler)]
    root.addHandler(handler)
    root.setLevel(level)
    for name in _FOREIGN:
        foreign = logging.getLogger(name)
        foreign.handlers.clear()
        foreign.propagate = True
    for name in _WRITE_ADDRESSES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def get_logger() -> FilteringBoundLogger:
    """A structlog logger: `get_logger().info("event", key=value)`."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def add_request(logger: object, method: str, event: EventDict) -> EventDict:
    """Processor: the ids of the current request, also in worker threads with its context."""
    context = current_request()
    if context is not None:
        event["request_id"] = context.request_id
        event["trace_id"] = context.trace_id
        event["span_id"] = context.span_id
    return event


class _Service:
    """Processor: the name of the service."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: object, method: str, event: EventDict) -> EventDict:
        event["service"] = self._service
        return event


class _Collect:
    """Processor: hands the fields of a line on."""

    def __init__(self, collect: Callable[[Mapping[str, Any]], None]) -> None:
        self._collect = collect
        self._exceptions = structlog.processors.ExceptionRenderer(_WITHOUT_LOCALS)

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        fields = self._exceptions(logger, method, {**event}) if "exc_info" in event else event
        self._collect(fields)
        return event


def _for_terminals() -> Sequence[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=True, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _for_machines() -> Sequence[Processor]:
    return [
        structlog.processors.ExceptionRenderer(_WITHOUT_LOCALS),
        structlog.processors.JSONRenderer(serializer=_one_line),
    ]


def _one_line(event: EventDict, **options: Any) -> str:
    return json.dumps(event, **options)

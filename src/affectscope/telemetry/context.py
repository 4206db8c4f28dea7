"""Who a request is: its id and its place in a trace, readable anywhere in the request's context."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

NewIds = Callable[[], str]
"""Gives 64 hexadecimal digits: a trace id (32), a span id (16) and a request id (16)."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?",
    re.DOTALL,
)
_NO_TRACE = b"0" * 32
_NO_SPAN = b"0" * 16


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A caller's place in a trace.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits, not all zero.
        span_id: 16 lower-case hexadecimal digits, not all zero: the caller's span.
        sampled: Whether the caller records this trace.
    """

    trace_id: str
    span_id: str
    sampled: bool


class RequestContext:
    """The identifiers of one request.

    Attributes:
        request_id: Taken from `X-Request-ID` where that is well-formed, else new.
        trace_id: Taken from `traceparent` where that is valid, else new.
        span_id: This request's own span.
        parent_span_id: The caller's span, or None.
        sampled: The caller's sampling decision; True where there was no caller.
    """

    __slots__ = ("parent_span_id", "request_id", "sampled", "span_id", "trace_id")

    def __init__(
        self,
        request_id: str,
        trace_id: str,
        span_id: str,
        parent_span_id: str | None = None,
        sampled: bool = True,
    ) -> None:
        self.request_id = request_id
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_span_id = parent_span_id
        self.sampled = sampled

    @property
    def traceparent(self) -> str:
        """The `traceparent` header of a call made on this request's behalf."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[RequestContext | None] = ContextVar(
    "affectscope_request", default=None
)


def current_request() -> RequestContext | None:
    """The request that this code runs for, or None; also in a worker thread with its context."""
    return _current.get()


def set_current(context: RequestContext | None) -> RequestContext | None:
    """Make `context` current; returns what was current before.

    Setting the old value back never fails, whereas a token can't be reset from the foreign context
    in which an abandoned coroutine is closed.
    """
    before = _current.get()
    _current.set(context)
    return before


def outgoing_headers() -> dict[str, str]:
    """Headers that carry the current request's id and trace to another service; {} outside one."""
    context = _current.get()
    if context is None:
        return {}
    return {"x-request-id": context.request_id, "traceparent": context.traceparent}


def random_ids() -> str:
    """New identifiers from the process's random generator, which is seeded by the system."""
    return f"{random.getrandbits(256):064x}"


def parse_traceparent(value: bytes) -> TraceParent | None:
    """Read a W3C `traceparent` header.

    Args:
        value: The raw header value.

    Returns:
        The caller's place in its trace, or None where the header is invalid: unknown form, zero
        ids, version `ff`, or anything after the flags in version `00`.

    Source: https://www.w3.org/TR/trace-context/#traceparent-header
    """
    match = _TRACEPARENT.fullmatch(value)
    if match is None:
        return None
    version, trace, span, flags, rest = match.groups()
    if version == b"ff" or (version == b"00" and rest is not None):
        return None
    if trace == _NO_TRACE or span == _NO_SPAN:
        return None
    return TraceParent(trace.decode(), span.decode(), bool(int(flags, 16) & 1))


def well_formed_request_id(value: bytes) -> bool:
    """Whether a caller's request id may be kept: 1 to 128 of letters, digits, `.`, `_` and `-`."""
    return _REQUEST_ID.fullmatch(value) is not None


def request_context(
    headers: list[tuple[bytes, bytes]], new_ids: NewIds
) -> RequestContext:
    """Identify a request by its headers, filling in what is missing or malformed.

    Args:
        headers: ASGI headers: names in lower case.
        new_ids: Source of new identifiers.
    """
    given: bytes | None = None
    parent: bytes | None = None
    for name, value in headers:
        if name == b"x-request-id":
            given = value if given is None else b""
        elif name == b"traceparent":
            # Two of them contradict each other: neither is believed.
            parent = value if parent is None else b""
    ids = new_ids()
    request_id = ids[48:64]
    if given is not None and _REQUEST_ID.fullmatch(given) is not None:
        request_id = given.decode("ascii")
    trace = None if parent is None else parse_traceparent(parent)
    if trace is None:
        return RequestContext(request_id, ids[:32], ids[32:48])
    return RequestContext(
        request_id, trace.trace_id, ids[32:48], trace.span_id, trace.sampled
    )

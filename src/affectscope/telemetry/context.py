"""Who a request is: its id and its place in a trace, taken from its headers or made anew."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

Headers = Iterable[tuple[bytes, bytes]]

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
    """The identifiers of one request, worked out when they are first asked for.

    Args:
        headers: ASGI headers: names in lower case.
        new_ids: Source of new identifiers, for what is missing or malformed.
        ratio: Share of the traces begun here that are recorded, 0 to 1.
    """

    __slots__ = ("_headers", "_ids", "_parent", "_ratio", "request_id")

    request_id: str
    """From `X-Request-ID` where that is well-formed (1 to 128 of letters, digits, `.`, `_` and
    `-`), else new."""

    def __init__(self, headers: Headers, new_ids: NewIds, ratio: float = 1.0) -> None:
        self._headers = headers
        self._ratio = ratio
        self._ids = new_ids()
        self._parent: TraceParent | Literal["unread"] | None = "unread"
        for name, value in headers:
            if name == b"x-request-id":
                if _REQUEST_ID.fullmatch(value) is not None:
                    self.request_id = value.decode("ascii")
                    return
                break
        self.request_id = self._ids[48:]

    @property
    def parent(self) -> TraceParent | None:
        """The caller's place in its trace, or None where it named none or an invalid one."""
        parent = self._parent
        if parent == "unread":
            given = [value for name, value in self._headers if name == b"traceparent"]
            # Two of them contradict each other: neither is believed.
            parent = self._parent = parse_traceparent(given[0]) if len(given) == 1 else None
        return parent

    @property
    def trace_id(self) -> str:
        """The caller's trace, else a new one: 32 hexadecimal digits."""
        parent = self.parent
        return self._ids[:32] if parent is None else parent.trace_id

    @property
    def span_id(self) -> str:
        """This request's own span: 16 hexadecimal digits."""
        return self._ids[32:48]

    @property
    def sampled(self) -> bool:
        """Whether the trace is recorded: the caller's decision, else by the ratio.

        The trace's id decides, so that all that see it decide alike, as OpenTelemetry's
        `TraceIdRatioBased` sampler has it.
        """
        parent = self.parent
        if parent is not None:
            return parent.sampled
        return self._ratio >= 1 or int(self._ids[16:32], 16) < self._ratio * 2**64

    @property
    def traceparent(self) -> str:
        """The `traceparent` header of a call made on this request's behalf."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def random_ids() -> str:
    """New identifiers from the process's random generator, which is seeded by the system."""
    return random.getrandbits(256).to_bytes(32, "big").hex()


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

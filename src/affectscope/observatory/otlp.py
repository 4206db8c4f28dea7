"""OTLP over HTTP: bodies to messages, and messages to answers.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import base64
import json
import zlib
from enum import Enum
from typing import Any, Final, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from affectscope.errors import (
    AffectscopeError,
    MalformedRequest,
    PayloadTooLarge,
    Refused,
    RequestError,
    UnsupportedMedia,
)

MOST_BYTES = 16 << 20
"""Size of a body, as it is sent and when it is unpacked."""

M = TypeVar("M", bound=Message)


class Form(Enum):
    """How bodies are written; the value is the media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"

    @classmethod
    def of(cls, content_type: str) -> Form:
        """Return the form that a Content-Type header names.

        Raises:
            UnsupportedMedia: It names another one.
        """
        kind = content_type.partition(";")[0].strip().lower()
        for form in cls:
            if form.value == kind:
                return form
        raise UnsupportedMedia(
            f"Content-Type is {kind or 'nothing'!r:.80}; valid: {cls.PROTOBUF.value}, "
            f"{cls.JSON.value}"
        )


_IDS: Final = frozenset(
    ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
)
_LISTS: Final = frozenset(
    # Where ids are: a walk through everything else would meet attributes of these names.
    name
    for both in (
        ("resourceSpans", "resource_spans"),
        ("scopeSpans", "scope_spans"),
        ("spans",),
        ("links",),
        ("resourceLogs", "resource_logs"),
        ("scopeLogs", "scope_logs"),
        ("logRecords", "log_records"),
        ("resourceMetrics", "resource_metrics"),
        ("scopeMetrics", "scope_metrics"),
        ("metrics",),
        ("dataPoints", "data_points"),
        ("exemplars",),
    )
    for name in both
)
_OBJECTS: Final = frozenset(("gauge", "sum", "histogram", "exponentialHistogram", "summary"))


def unpack(body: bytes, encoding: str) -> bytes:
    """Undo the compression of a body.

    Args:
        body: As it was sent.
        encoding: The Content-Encoding header: gzip, deflate, identity or nothing.

    Raises:
        UnsupportedMedia: Another encoding.
        PayloadTooLarge: It unpacks to more than `MOST_BYTES`.
        MalformedRequest: It cannot be unpacked.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            windows: tuple[int, ...] = (31,)
        case "deflate":
            # RFC 9110 means zlib's form; some clients send it without its header.
            windows = (15, -15)
        case _:
            raise UnsupportedMedia(
                f"Content-Encoding is {encoding!r:.80}; valid: gzip, deflate, identity"
            )
    for window in windows:
        try:
            return _inflate(body, window)
        except zlib.error as error:
            failure = error
    raise MalformedRequest(f"the body is not {encoding:.20}: {failure}") from failure


def _inflate(body: bytes, window: int) -> bytes:
    result = bytearray()
    rest = body
    while rest:
        decoder = zlib.decompressobj(wbits=window)
        result += decoder.decompress(rest, MOST_BYTES + 1 - len(result))
        if len(result) > MOST_BYTES or decoder.unconsumed_tail:
            raise PayloadTooLarge(
                f"the body unpacks to more than the limit of {MOST_BYTES} bytes", limit=MOST_BYTES
            )
        if not decoder.eof:
            raise zlib.error("it ends too early")
        # A gzip file may have several members, one after the other.
        rest = decoder.unused_data if window == 31 else b""
    return bytes(result)


def read(body: bytes, form: Form, request: type[M]) -> M:
    """Read a message.

    Args:
        body: Unpacked.
        form: How it is written.
        request: What it should be.

    Raises:
        MalformedRequest: It is none.
    """
    message = request()
    try:
        if form is Form.PROTOBUF:
            message.ParseFromString(body)
        else:
            document = json.loads(body)
            if not isinstance(document, dict):
                raise MalformedRequest("the body is no JSON object")
            _ids_to_base64(document)
            json_format.ParseDict(document, message, ignore_unknown_fields=True)
    except DecodeError as error:
        raise MalformedRequest(f"the body is no {request.DESCRIPTOR.name}: {error}") from error
    except RecursionError as error:
        raise MalformedRequest("the body is nested too deep") from error
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise MalformedRequest(
            f"the body is no {request.DESCRIPTOR.name} in JSON: {error!s:.300}"
        ) from error
    return message


def _ids_to_base64(document: dict[str, Any]) -> None:
    """Turn hexadecimal ids, which only OTLP uses, into base64, which JSON of protobuf uses.

    Raises:
        ValueError: One is not hexadecimal.
    """
    waiting = [document]
    while waiting:
        one = waiting.pop()
        for name, value in one.items():
            if name in _LISTS and isinstance(value, list):
                waiting += [item for item in value if isinstance(item, dict)]
            elif name in _OBJECTS and isinstance(value, dict):
                waiting.append(value)
            elif name in _IDS and isinstance(value, str):
                one[name] = base64.b64encode(bytes.fromhex(value)).decode()


def write(message: Message, form: Form) -> bytes:
    """Write a message."""
    if form is Form.PROTOBUF:
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()


def status_of(error: AffectscopeError) -> Status:
    """Return an error as OTLP tells it.

    Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
    """
    if isinstance(error, Refused):
        code = 7  # PERMISSION_DENIED
    elif isinstance(error, PayloadTooLarge):
        code = 8  # RESOURCE_EXHAUSTED
    elif isinstance(error, RequestError):
        code = 3  # INVALID_ARGUMENT
    else:
        code = 14  # UNAVAILABLE
    # Half of a surrogate pair, quoted from a hostile body, is no character.
    message = error.detail.encode("utf-8", "backslashreplace").decode()
    return Status(code=code, message=message)

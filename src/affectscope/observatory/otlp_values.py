"""Attributes of OpenTelemetry as plain JSON values, each within a limit."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

LONGEST = 4096
"""Bytes of UTF-8 that one value may have; longer ones end in `MARK`."""

MARK = "… [truncated]"
MOST_ATTRIBUTES = 128
"""Attributes of one span, event or log line: the limit that the OpenTelemetry SDKs set, too."""

MOST_BYTES = 64 << 10
"""JSON of all attributes of one span, event or log line; the first ones stay."""

LONGEST_NAME = 256
"""Characters of names: of spans, attributes, services."""

Value = str | int | float | bool | None | list[Any] | dict[str, Any]

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
"""Compact JSON; values must not hold NaN."""


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Return attributes by name.

    Args:
        pairs: As protobuf; of two with one name the later counts.

    Returns:
        At most `MOST_ATTRIBUTES` values, together at most about `MOST_BYTES` long.
    """
    found: dict[str, Value] = {}
    room = MOST_BYTES
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            text = value.string_value
            result: Value = text if len(text) <= LONGEST // 4 else truncate(text)
            # A character is up to four bytes; what matters here is the order of magnitude.
            room -= len(text) if len(text) < LONGEST else LONGEST
        elif kind == "int_value":
            result = value.int_value
        else:
            result = value_of(value)
            if isinstance(result, list | dict):
                text = encode(result)
                room -= len(text)
                if len(text) > LONGEST // 4 and truncate(text) is not text:
                    result = truncate(text)
        name = pair.key
        if len(name) > LONGEST_NAME:
            name = name[:LONGEST_NAME]
        room -= len(name) + 16
        if room < 0:
            break
        found[name] = result
        if len(found) >= MOST_ATTRIBUTES:
            break
    return found


def value_of(value: AnyValue) -> Value:
    """Return one value as JSON has it.

    Bytes become base64; numbers that JSON lacks (NaN, infinities) become text; nothing is cut.
    """
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            number = value.double_value
            return number if math.isfinite(number) else str(number)
        case "array_value":
            return [value_of(one) for one in value.array_value.values]
        case "kvlist_value":
            return {pair.key: value_of(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:
            return None


def truncate(text: str, longest: int = LONGEST) -> str:
    """Return a text, or its beginning and a mark where it is longer than a number of bytes."""
    if len(text) * 4 <= longest:
        return text
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= longest:
        return text
    return data[: longest - len(MARK.encode())].decode("utf-8", "ignore") + MARK

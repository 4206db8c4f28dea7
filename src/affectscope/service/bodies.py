"""JSON bodies: within a limit, without the numbers that JSON does not know."""

from __future__ import annotations

import json

from starlette.requests import Request

from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, UnsupportedMedia
from affectscope.service.uploads import check_length, chunks


def parse_json(text: str | bytes) -> object:
    """Parse strict JSON.

    Raises:
        EmptyInput: There is nothing.
        MalformedRequest: It is not JSON, or nested too deep.
        InvalidValue: It holds NaN or an infinity.
    """
    if not text.strip():
        raise EmptyInput("the body is empty; valid: a JSON object")
    try:
        document: object = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"the body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"the body is not JSON: {error}"[:200]) from error
    return document


def parse_object(text: str | bytes) -> dict[str, object]:
    """Parse a strict JSON object.

    Raises:
        MalformedRequest, InvalidValue, EmptyInput: As `parse_json`, or it is no object.
    """
    document = parse_json(text)
    if not isinstance(document, dict):
        raise InvalidValue(f"the body is {_kind(document)}; valid: a JSON object")
    return document


def _refuse(constant: str) -> object:
    raise InvalidValue(f"the body holds {constant}, which is no JSON number")


def _kind(document: object) -> str:
    names = {list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(document), "a number")


async def read_body(request: Request, limit: int, idle_seconds: float) -> bytes:
    """Read a JSON body whole.

    Raises:
        UnsupportedMedia: The content type is not JSON.
        PayloadTooLarge, RequestTimeout, ClientGone: As `chunks` says.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia(
            f"Content-Type is {kind or 'nothing'!r:.80}; valid: application/json"
        )
    check_length(request, limit)
    body = bytearray()
    async for chunk in chunks(request, limit, idle_seconds):
        body += chunk
    return bytes(body)

"""JSON bodies: within a limit, strict, and with the place of what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

from starlette.requests import Request

from affectscope.errors import EmptyInput, InvalidValue, MalformedRequest, UnsupportedMedia
from affectscope.service.uploads import check_length, chunks

_SAFE_DIGITS = 300
"""Digits of a whole number that any float can still hold."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str | bytes) -> object:
    """Parse strict JSON.

    Python's own parser lets more pass than RFC 8259 does, and each of it breaks something later:
    NaN and infinities, also as ``1e999``; whole numbers beyond any float; halves of surrogate pairs,
    which are no characters.

    Args:
        text: UTF-8 where it is bytes.

    Raises:
        EmptyInput: There is nothing.
        MalformedRequest: It is not JSON, not UTF-8, or nested too deep.
        InvalidValue: It holds a number or a text that cannot be; the error says where.
    """
    try:
        text = text if isinstance(text, str) else str(text, "utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"the body is not UTF-8 at byte {error.start}; valid: JSON in UTF-8"
        ) from error
    if not text or text.isspace():
        raise EmptyInput("the body is empty; valid: a JSON object")
    odd = False

    def number(digits: str) -> float:
        nonlocal odd
        value = float(digits)
        odd = odd or not math.isfinite(value)
        return value

    def whole(digits: str) -> float:
        return int(digits) if len(digits) < _SAFE_DIGITS else number(digits)

    try:
        document: object = json.loads(
            text, parse_constant=number, parse_float=number, parse_int=whole
        )
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"the body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise MalformedRequest("the body is not JSON that can be read: nested too deep") from error
    if odd:
        where = _find(document, lambda one: isinstance(one, float) and not math.isfinite(one))
        # Where it is nowhere, a later member of the same name has taken its place.
        where = where or "a repeated member"
        raise InvalidValue(f"{where} is NaN or infinite; valid: a finite number", field=where)
    if _SURROGATE.search(text):
        where = _find(document, lambda one: isinstance(one, str) and not _is_unicode(one))
        if where is not None:
            raise InvalidValue(
                f"{where} holds half of a surrogate pair; valid: text of whole characters",
                field=where,
            )
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


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _find(document: object, wrong: Callable[[object], bool]) -> str | None:
    """Return where a document's first wrong value is, such as ``answers[3]``; None without one."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        where, value = waiting.pop()
        if wrong(value):
            return where or "the body"
        if isinstance(value, list):
            waiting += [(f"{where}[{index}]", one) for index, one in enumerate(value)][::-1]
        elif isinstance(value, dict):
            for name, one in reversed(value.items()):
                here = f"{where}.{name!s:.40}" if where else f"{name!s:.40}"
                waiting += [(here, one), (f"a name in {where or 'the body'}", name)]
    return None


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

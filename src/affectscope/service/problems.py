"""Every error as an RFC 9457 problem document."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affectscope.errors import (
    ALL,
    AffectscopeError,
    InvalidValue,
    MalformedRequest,
    MethodNotAllowed,
    MissingField,
    NotFound,
    RequestError,
    RequestTimeout,
    Unavailable,
    problem,
)
from affectscope.telemetry import FAILURE_KEY, current_request, get_logger, route_template

MEDIA_TYPE = "application/problem+json"
ERROR_TYPE = "affectscope.error_type"
"""Key of the scope under which the middleware finds the slug."""

_log = get_logger()


def problem_document(error: AffectscopeError) -> dict[str, object]:
    """Return the problem of an error with the id of the current request."""
    request = current_request()
    return problem(error) | ({} if request is None else {"request_id": request.request_id})


def problem_response(error: AffectscopeError, scope: Scope) -> Response:
    """Return the answer for an error, and tell the metrics its type."""
    scope[ERROR_TYPE] = error.slug
    body = problem_document(error)
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, RequestTimeout):
        # What is still to come of the body would be taken for the next request.
        headers["Connection"] = "close"
    # What is no character, half of a surrogate pair from a hostile body, stays an escape of JSON.
    content = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")
    return Response(
        content,
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def from_validation(errors: Sequence[Any]) -> RequestError:
    """Turn the first validation error into a problem that names the value and what is valid."""
    first = errors[0]
    # The first part says where in the request; a parameter may itself be called "query".
    place = first["loc"]
    names = place[1:] if place and place[0] in ("body", "query") else place
    where = ".".join(map(str, names))
    if first["type"] == "missing":
        return MissingField(f"{where or 'body'} is missing", field=where)
    if first["type"] == "json_invalid":
        return MalformedRequest(f"the body is not JSON: {first['msg']}")
    return InvalidValue(f"{where} is {first.get('input')!r:.80}: {first['msg']}", field=where)


def add_handlers(app: FastAPI) -> None:
    """Answer every error that an endpoint or the router raises with a problem document."""

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, AffectscopeError)
        return problem_response(error, request.scope)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_response(from_validation(error.errors()), request.scope)

    async def bare(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = problem_response(_of_status(error, request), request.scope)
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(AffectscopeError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, bare)


def _of_status(error: HTTPException, request: Request) -> AffectscopeError:
    if error.status_code == 404:
        return NotFound(f"there is nothing at {request.url.path!r:.120}")
    if error.status_code == 405:
        return MethodNotAllowed(f"{request.method} is not possible at {request.url.path!r:.120}")
    for cls in ALL:
        if cls.status == error.status_code:
            return cls(str(error.detail))
    return (
        RequestError(str(error.detail))
        if error.status_code < 500
        else AffectscopeError(str(error.detail))
    )


class UnexpectedErrors:
    """Middleware that logs a defect with its traceback and tells the user only that there is one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; answer 500 where it breaks before it answered."""
        started = False

        async def noticing(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except asyncio.CancelledError:
            # The server cancels what is left when it stops; a client can ask the next one.
            if started or scope["type"] != "http":
                raise
            error: AffectscopeError = Unavailable("this service is being stopped", retry_after=5.0)
            await problem_response(error, scope)(scope, receive, send)
            raise
        except Exception as failure:
            if scope["type"] != "http":
                raise
            scope[FAILURE_KEY] = failure
            # The path itself may hold what a person wrote; the route does not.
            _log.exception("unexpected error", endpoint=route_template(scope))
            error = AffectscopeError("something went wrong here; the log has it by the request id")
            if started:
                # The answer is cut off; the connection must be too, or it would look complete.
                scope[ERROR_TYPE] = error.slug
                raise
            await problem_response(error, scope)(scope, receive, send)

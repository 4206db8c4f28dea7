"""Who may ask: known hosts, own origins, and what only an operator may do."""

from __future__ import annotations

import hmac
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from affectscope.errors import AffectscopeError, ForeignOrigin, NotPermitted, UnknownHost
from affectscope.service.problems import problem_response
from affectscope.service.settings import ServiceSettings, is_loopback

INTERNAL_HEADER = "x-affectscope-internal"
"""Carries the secret that gateway and services share."""

OPERATOR_HEADER = "x-affectscope-operator"
"""``1`` where the gateway judged its own peer to be an operator."""

_FORWARDING = ("forwarded", "via", "x-real-ip")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}", re.IGNORECASE)


class Gatekeeper:
    """Middleware that refuses unknown hosts and foreign origins before anything else happens.

    A page of another site can make a browser send requests to loopback; the browser then names the
    page in ``Origin``, and after a rebinding attack its host in ``Host``. Where there is a secret,
    whoever sends another one is refused too.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        self._settings = settings
        self._hosts = {"localhost", "127.0.0.1", "[::1]", *settings.allowed_hosts}
        if not settings.loopback_only and settings.host not in ("0.0.0.0", "::"):  # noqa: S104
            self._hosts.add(settings.host.lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a connection through, or answer with the problem."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except AffectscopeError as error:
            if not _can_be_answered(scope):
                await send({"type": "websocket.close", "code": 1008, "reason": error.title})
                return
            await problem_response(error, scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._knows(_HOST, hosts[0]):
            raise UnknownHost(
                f"Host is {', '.join(hosts)!r:.80}; valid: {', '.join(sorted(self._hosts))}"
            )
        if scope["type"] == "http" and scope["method"] in _SAFE_METHODS:
            return
        for origin in headers.getlist("origin"):
            if not self._knows(_ORIGIN, origin):
                raise ForeignOrigin(f"a page of {origin!r:.80} may not send requests here")
        if self._settings.internal_secret is not None:
            _from_gateway(headers, self._settings)

    def _knows(self, form: re.Pattern[str], value: str) -> bool:
        found = form.fullmatch(value)
        return found is not None and found["name"].lower() in self._hosts


def _can_be_answered(scope: Scope) -> bool:
    """Tell whether the server lets an answer of HTTP stand in the place of a handshake."""
    return scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {})


def is_operator(scope: Scope, settings: ServiceSettings) -> bool:
    """Tell whether a request comes from an operator.

    An operator holds the admin token, or is vouched for by the gateway, or is a peer on loopback
    whose request passed through no proxy.

    Raises:
        NotPermitted: The request claims to come from the gateway with a wrong secret.
    """
    headers = Headers(scope=scope)
    if settings.admin_token is not None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        wanted = settings.admin_token.get_secret_value()
        if scheme.lower() == "bearer" and _same(token.strip(), wanted):
            return True
    if _from_gateway(headers, settings):
        return headers.get(OPERATOR_HEADER) == "1"
    if any(name in _FORWARDING or name.startswith("x-forwarded-") for name in headers):
        return False
    client = scope.get("client")
    return client is not None and is_loopback(client[0])


def _from_gateway(headers: Headers, settings: ServiceSettings) -> bool:
    """Tell whether a request comes from the gateway.

    Raises:
        NotPermitted: It claims so with a wrong secret.
    """
    claimed = headers.get(INTERNAL_HEADER)
    if claimed is None:
        return False
    secret = settings.internal_secret
    if secret is None or not _same(claimed, secret.get_secret_value()):
        raise NotPermitted(
            f"the header {INTERNAL_HEADER} is not the one of this system; gateway and services "
            "need the same AFFECTSCOPE_INTERNAL_SECRET"
        )
    return True


def require_operator(scope: Scope, settings: ServiceSettings) -> None:
    """Let an operator through.

    Raises:
        NotPermitted: Anybody else.
    """
    if not is_operator(scope, settings):
        raise NotPermitted(
            "this needs a direct connection from this machine, or the admin token as "
            "'Authorization: Bearer ...'"
        )


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())

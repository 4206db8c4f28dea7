"""Who may ask: known hosts, own origins, and what only an operator may do."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

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


class Gatekeeper:
    """Middleware that refuses unknown hosts and foreign origins before anything else happens.

    A page of another site can make a browser send requests to loopback; the browser then names the
    page in ``Origin``, and after a rebinding attack its host in ``Host``.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
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
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": error.title})
                return
            await problem_response(error, scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = _name(headers.get("host", ""))
        if host not in self._hosts:
            raise UnknownHost(
                f"Host is {headers.get('host', '')!r:.80}; valid: {', '.join(sorted(self._hosts))}"
            )
        origin = headers.get("origin")
        if origin is None or (scope["type"] == "http" and scope["method"] in _SAFE_METHODS):
            return
        if _name(urlsplit(origin).netloc) not in self._hosts:
            raise ForeignOrigin(f"a page of {origin!r:.80} may not send requests here")


def _name(host: str) -> str:
    """Return the host without its port."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


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
    claimed = headers.get(INTERNAL_HEADER)
    if claimed is not None:
        secret = settings.internal_secret
        if secret is None or not _same(claimed, secret.get_secret_value()):
            raise NotPermitted(f"the header {INTERNAL_HEADER} is not the one of this system")
        return headers.get(OPERATOR_HEADER) == "1"
    if any(name in _FORWARDING or name.startswith("x-forwarded-") for name in headers):
        return False
    client = scope.get("client")
    return client is not None and is_loopback(client[0])


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

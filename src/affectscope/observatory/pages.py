"""The pages of the console, as files; where they are not built, one that says how to build them."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from affectscope.errors import NotFound
from affectscope.service import Service

BUILT = Path(__file__).parents[1] / "console" / "dist"
"""Where the build leaves the pages. A folder, since the observatory knows nothing of the console."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PLAIN_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_FOR_EVER = "public, max-age=31536000, immutable"
"""Names of assets hold a hash of what is in them."""

_PLAIN = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Affectscope: the console is not built</title>
</head>
<body>
<main>
<h1>The console is not built</h1>
<p>The observatory works, but its pages are missing here. In the folder of Affectscope, run
<code>make console</code> and load this page again; it says what it lacks, if anything.</p>
<p>Meanwhile: <a href="/docs">documents of all that can be asked</a>,
<a href="/api/traces">traces</a>, <a href="/api/logs">logs</a>,
<a href="/api/profiles">profiles</a>, <a href="/health">health</a>,
<a href="/metrics">metrics</a>.</p>
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class _File:
    body: bytes
    etag: str


def add_pages(service: Service, folder: Path = BUILT) -> None:
    """Add `/`, `/icon.svg` and `/assets/{name}`.

    The pages are open to everybody who reaches the service: they hold no data. What they ask for
    needs an operator.

    Args:
        service: Gets the endpoints.
        folder: Holds `index.html`, `icon.svg` and `assets`; read at each request, so that what is
            built while the service runs is there.
    """
    app = service.app

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        file = await asyncio.to_thread(_read, folder / "index.html")
        if file is None:
            return HTMLResponse(_PLAIN, headers=_headers(_PLAIN_POLICY, "no-cache"))
        headers = _headers(_POLICY, "no-cache")
        return _answer(request, file, "text/html; charset=utf-8", headers)

    @app.api_route("/icon.svg", methods=["GET", "HEAD"], include_in_schema=False)
    async def icon(request: Request) -> Response:
        file = await asyncio.to_thread(_read, folder / "icon.svg")
        if file is None:
            raise NotFound("there is no icon; the console is not built")
        return _answer(request, file, _TYPES[".svg"], _headers(_POLICY, "no-cache"))

    @app.api_route("/assets/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def asset(request: Request, name: str) -> Response:
        media_type = _TYPES.get(Path(name).suffix)
        file = None
        if media_type is not None and _NAME.fullmatch(name):
            file = await asyncio.to_thread(_read, folder / "assets" / name)
        if file is None or media_type is None:
            raise NotFound(f"there is no asset {name!r:.80}; an older page may have asked for it")
        return _answer(request, file, media_type, _headers(_POLICY, _FOR_EVER))


def _read(path: Path) -> _File | None:
    try:
        if path.is_symlink():
            return None
        body = path.read_bytes()
    except OSError:
        return None
    return _File(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _headers(policy: str, cache: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": cache,
    }


def _answer(request: Request, file: _File, media_type: str, headers: dict[str, str]) -> Response:
    headers = headers | {"ETag": file.etag}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or file.etag in (
        one.strip().removeprefix("W/") for one in known.split(",")
    ):
        return Response(status_code=304, headers=headers)
    return Response(file.body, media_type=media_type, headers=headers)

"""The files of the console as a browser gets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from affectscope.observatory.pages import add_pages
from affectscope.observatory.settings import ObservatorySettings
from affectscope.service import Service

pytestmark = pytest.mark.anyio

SCRIPT = b"console.log('built')\n"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as the build leaves it, beside a file that is not for everybody."""
    assets = tmp_path / "dist" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("<!doctype html><title>Affectscope</title>")
    (tmp_path / "dist" / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (assets / "index-B3x_1.js").write_bytes(SCRIPT)
    (assets / "index-B3x_1.css").write_text("a{}")
    (assets / ".hidden.js").write_text("no")
    (assets / "notes.txt").write_text("no")
    (tmp_path / "dist" / "secret.js").write_text("no")
    return tmp_path / "dist"


@asynccontextmanager
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    service = Service(
        "observatory",
        settings=ObservatorySettings(folder=folder),
        title="Pages",
        description="",
        endpoints=[],
    )
    add_pages(service, folder)
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found:
        yield found


class TestBuilt:
    async def test_the_page_is_asked_for_again_each_time(self, built: Path):
        async with client(built) as api:
            answer = await api.get("/")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert "<title>Affectscope</title>" in answer.text

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("index-B3x_1.js", "text/javascript; charset=utf-8"),
            ("index-B3x_1.css", "text/css; charset=utf-8"),
        ],
    )
    async def test_assets_are_kept_for_ever(self, built: Path, name: str, media_type: str):
        async with client(built) as api:
            answer = await api.get(f"/assets/{name}")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_the_icon_is_one(self, built: Path):
        async with client(built) as api:
            answer = await api.get("/icon.svg")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/svg+xml"

    @pytest.mark.parametrize("path", ["/", "/icon.svg", "/assets/index-B3x_1.js"])
    async def test_nothing_inline_and_nothing_foreign_may_run(self, built: Path, path: str):
        async with client(built) as api:
            policy = (await api.get(path)).headers["content-security-policy"]

        rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self'"
        assert rules["style-src"] == "'self'"
        assert rules["connect-src"] == "'self'"
        assert rules["frame-ancestors"] == "'none'"

    @pytest.mark.parametrize("path", ["/", "/assets/index-B3x_1.js"])
    async def test_who_has_a_file_already_gets_it_not_again(self, built: Path, path: str):
        async with client(built) as api:
            first = await api.get(path)
            same = await api.get(path, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
            other = await api.get(path, headers={"If-None-Match": '"x"'})

        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == first.headers["etag"]
        assert (other.status_code, other.content) == (200, first.content)

    async def test_the_tag_follows_the_content(self, built: Path):
        async with client(built) as api:
            before = (await api.get("/")).headers["etag"]
            (built / "index.html").write_text("<title>newer</title>")
            answer = await api.get("/")

        assert answer.headers["etag"] != before
        assert "newer" in answer.text

    @pytest.mark.parametrize("path", ["/", "/assets/index-B3x_1.js"])
    async def test_head_tells_the_same_as_get(self, built: Path, path: str):
        async with client(built) as api:
            head, get = await api.head(path), await api.get(path)

        assert head.status_code == 200
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers[name] == get.headers[name]

    @pytest.mark.parametrize(
        "path",
        [
            "/assets/missing.js",
            "/assets/",
            "/assets/../secret.js",
            "/assets/..%2Fsecret.js",
            "/assets/%2e%2e/secret.js",
            "/assets/..%5Csecret.js",
            "/assets/.hidden.js",
            "/assets/notes.txt",
            "/assets/%00.js",
            "/assets//etc/passwd",
            "/secret.js",
            "/index.html",
        ],
    )
    async def test_nothing_else_is_served(self, built: Path, path: str):
        async with client(built) as api:
            answer = await api.get(path)

        assert answer.status_code == 404
        assert answer.content != b"no"

    async def test_a_link_that_leads_out_of_the_folder_is_no_asset(self, built: Path):
        (built / "assets" / "away.js").symlink_to(built / "secret.js")
        async with client(built) as api:
            answer = await api.get("/assets/away.js")

        assert answer.status_code == 404


class TestNotBuilt:
    async def test_a_plain_page_says_how_to_build_them(self, tmp_path: Path):
        async with client(tmp_path / "nowhere") as api:
            answer = await api.get("/")

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert "make console" in answer.text
        assert "script" not in answer.headers["content-security-policy"]

    @pytest.mark.parametrize("path", ["/icon.svg", "/assets/index-B3x_1.js"])
    async def test_its_parts_are_missing(self, tmp_path: Path, path: str):
        async with client(tmp_path) as api:
            answer = await api.get(path)

        assert answer.status_code == 404

    async def test_they_are_there_once_built(self, tmp_path: Path):
        async with client(tmp_path) as api:
            before = await api.get("/")
            (tmp_path / "index.html").write_text("<title>built</title>")
            after = await api.get("/")

        assert "make console" in before.text
        assert "built" in after.text

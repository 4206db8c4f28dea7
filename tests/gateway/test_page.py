"""The page at `/` leads everywhere, and brings nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from affectscope.gateway.backends import BACKENDS
from affectscope.gateway.page import content_security_policy, index_page

URLS = {backend.name: f"http://127.0.0.1:{backend.port}" for backend in BACKENDS}


class Elements(HTMLParser):
    """All start tags of a page, and those that never close."""

    VOID = ("meta", "link", "br", "circle", "path")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


class TestPage:
    """The page itself."""

    def test_it_leads_to_every_instrument_of_every_service(self):
        links = [link["href"] for link in Elements(index_page(URLS)).of("a")]

        for base in ("", *URLS.values()):
            for path in ("/docs", "/health", "/metrics", "/profile-report"):
                assert base + path in links

    def test_it_leads_to_the_console_where_there_is_one(self):
        page = Elements(index_page(URLS, "http://127.0.0.1:9001"))

        assert "http://127.0.0.1:9001/" in [link["href"] for link in page.of("a")]
        assert page.open == []

    def test_its_elements_are_closed(self):
        assert Elements(index_page(URLS)).open == []

    def test_it_loads_nothing(self):
        page = Elements(index_page(URLS))

        loaded = [one for tag, one in page.found if "src" in one]
        assert loaded == []
        assert all(str(link["href"]).startswith("data:") for link in page.of("link"))

    def test_it_has_a_language_a_title_and_names_for_its_buttons(self):
        text = index_page(URLS)
        page = Elements(text)

        assert page.of("html")[0]["lang"] == "en"
        assert "<title>Affectscope</title>" in text
        assert all(button["aria-label"] for button in page.of("button"))
        assert len(re.findall("<h1", text)) == 1

    def test_an_address_cannot_break_out(self):
        page = index_page({**URLS, "chat": "http://x/'><script>"})

        assert "'><script>" not in page


class TestServing:
    """The page as it is served."""

    def test_the_policy_allows_the_page_and_nothing_else(self, make_gateway, client):
        url, gateway = make_gateway()

        answer = client.get(url)

        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["content-security-policy"] == content_security_policy(answer.text)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert gateway.settings.urls()["chat"] in answer.text

    def test_the_documents_name_every_endpoint(self, make_gateway, client):
        url, _ = make_gateway()

        paths = client.get(f"{url}/openapi.json").json()["paths"]

        for path in (*(one.endpoint for one in BACKENDS), "/analyze", "/load-test"):
            assert "post" in paths[path]
        assert client.get(f"{url}/docs").status_code == 200

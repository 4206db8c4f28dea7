"""A real Chromium that looks at the console, and hears what goes wrong in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from live_system import ROOT
from playwright.sync_api import Browser, Page, expect, sync_playwright

AXE = ROOT / "src" / "affectscope" / "console" / "node_modules" / "axe-core" / "axe.min.js"
Theme = Literal["light", "dark"]
LOADED_MILLISECONDS = 15_000


@contextmanager
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program is not None, "there is no chromium: 'sudo apt-get install chromium'"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Console:
    """The console in one tab.

    Attributes:
        page: The tab.
        theme: How it is coloured.
    """

    def __init__(self, browser: Browser, address: str, theme: Theme, screenshots: Path) -> None:
        self._context = browser.new_context(
            color_scheme=theme, viewport={"width": 1400, "height": 900}, reduced_motion="reduce"
        )
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(LOADED_MILLISECONDS)
        self.theme = theme
        self._address = address
        self._screenshots = screenshots
        self._axe = AXE.read_text(encoding="utf-8")
        self._wrong: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._wrong.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self._wrong.append(f"{message.text} ({message.location.get('url')})")

    def _asked(self, url: str) -> None:
        if not url.startswith((self._address, "data:")):
            self._wrong.append(f"it asks {url}")

    def close(self) -> None:
        """Close the tab; nothing may have gone wrong in it, and nobody else been asked."""
        self._context.close()
        assert self._wrong == []

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self._address}/{path}")

    def go(self, title: str) -> None:
        """Click on a page in the navigation."""
        pages = self.page.get_by_role("navigation", name="Pages")
        pages.get_by_role("link", name=title, exact=True).click()
        current = pages.get_by_role("link", name=title, exact=True)
        expect(current).to_have_attribute("aria-current", "page")

    def heading(self, text: str | re.Pattern[str]) -> None:
        """Wait for the heading of a page."""
        heading = self.page.get_by_role("heading", level=1)
        expect(heading).to_have_text(text, timeout=LOADED_MILLISECONDS)

    def settled(self) -> None:
        """Wait until all that is shown is loaded; nothing of it may have failed."""
        loading = self.page.get_by_text(re.compile(r"^Loading .*…$"))
        expect(loading).to_have_count(0, timeout=LOADED_MILLISECONDS)
        failures = self.page.get_by_role("button", name="Try again")
        assert failures.count() == 0, self.page.get_by_role("alert").all_inner_texts()

    def look(self, name: str) -> None:
        """Take a picture, and let axe-core find nothing."""
        self.settled()
        self.page.screenshot(path=self._screenshots / f"{name}-{self.theme}.png", full_page=True)
        self.page.evaluate(self._axe)
        violations = self.page.evaluate("axe.run()")["violations"]
        found = [
            f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']][:3]}"
            for one in violations
        ]
        assert not found, "\n".join([name, *found])

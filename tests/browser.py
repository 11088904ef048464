"""A real browser: Debian's Chromium, driven by Playwright, with the network cut off."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
OURS = ["Identifier 'THEBE_JS_URL' has already been declared", "Got invalid theme mode"]
"""What the theme itself says on every page; nothing else may be said."""

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")) and "CI" not in os.environ,
    reason="chromium is not installed; .ci/run installs it and fails without",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


def opened(browser: Browser, address: str, width: int = 1200, script: str = "", **options) -> Page:
    """Open a page offline; what it says in error is kept as `page.said`, what it asks for as `page.asked`."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, offline=address.startswith("file"), **options
    )
    page = context.new_page()
    page.said, page.asked = [], []
    page.on("console", lambda message: message.type == "error" and page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    if script:
        page.add_init_script(script)
    page.goto(address)
    return page


def own_errors(page: Page) -> list[str]:
    return [text for text in page.said if not any(known in text for known in OURS)]

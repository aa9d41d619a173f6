"""One real browser per module of this folder, and a shop beside the local Amazon Pay."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from browser_shop import Shop
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from wire_client import WireClient

# A busy machine is no fault of a page.
WAIT_MS = 30_000
DESKTOP = {"width": 1280, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")  # while it lives, nothing else in this process can use asyncio
def browser() -> Iterator[Browser]:
    """Chromium of the system."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        pytest.fail(
            "no chromium found; run: apt-get install chromium fonts-ipaexfont", pytrace=False
        )
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that nobody used before, in Japanese."""
    fresh = browser.new_context(locale="ja-JP", viewport=DESKTOP)
    fresh.set_default_timeout(WAIT_MS)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab of it."""
    return context.new_page()


@pytest.fixture
def shop(amazon: WireClient, ready: dict[str, Any]) -> Iterator[Shop]:
    """A shop of the merchant of the local Amazon Pay, which is empty."""
    running = Shop(ready)
    yield running
    running.close()

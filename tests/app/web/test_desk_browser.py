"""Charging again in a real browser, and what the back office looks like, large, small and dark."""

from collections.abc import Iterator

import pytest
from desk_shop import DeskShop, played
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from support.browser import axe, complaints, log_in, new_context, screenshot, serving
from support.sandbox import Sandbox
from web_books import PASSWORD

from scheduler.bulk import do_bulk_work

LOOKS = ("/today", "/calendar", "/figures", "/failures", "/customers/4", "/subscriptions/4")


@pytest.fixture
def desk(sqlite_url: str, sandbox: Sandbox) -> Iterator[DeskShop]:
    with played(sqlite_url, sandbox) as shop:
        yield shop


def test_failed_charges_are_charged_again_from_a_browser(desk: DeskShop, browser: Chromium) -> None:
    with serving(desk.app) as address:
        context = new_context(browser, address, language="en")
        page = context.new_page()
        heard = complaints(page)
        log_in(page, password=PASSWORD)
        assert page.url.endswith("/today")
        page.click("text=Tried again soon")
        page.click("text=Try all 2")
        expect(page.locator("h1")).to_contain_text("Charging again")
        expect(page.locator("main")).to_contain_text("¥6,420")
        page.click("text=Do 2 rows")
        expect(page.locator("#progress")).to_contain_text("0 / 2")
        do_bulk_work(desk.shop.engine)
        # Nobody reloads the page: it asks for its progress by itself.
        expect(page.locator("#progress")).to_contain_text("2 / 2")
        expect(page.locator("#progress")).to_contain_text("¥6,420")
        assert heard == []
        assert axe(page) == []
        screenshot(page, "desk-bulk-en")
        context.close()
        for language, phone, dark in (("ja", False, False), ("en", True, True)):
            look_around(browser, address, language, phone=phone, dark=dark)


def look_around(browser: Chromium, address: str, language: str, *, phone: bool, dark: bool) -> None:
    context = new_context(browser, address, language=language, phone=phone, dark=dark)
    page = context.new_page()
    log_in(page, password=PASSWORD)
    kind = f"{language}-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}"
    for path in LOOKS:
        page.goto(path)
        assert axe(page) == [], (path, kind)
        assert no_sideways_scroll(page), (path, kind)
        screenshot(page, f"desk{path.replace('/', '-')}-{kind}")
    context.close()


def no_sideways_scroll(page: Page) -> bool:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return bool(wide <= 0)

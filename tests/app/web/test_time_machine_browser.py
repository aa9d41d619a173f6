"""A newcomer's five minutes with the time machine, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from support.browser import axe, complaints, log_in, new_context, screenshot, serving
from support.sandbox import Sandbox
from time_shop import TimeShop, travelling
from web_books import PASSWORD


@pytest.fixture
def time_shop(sqlite_url: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[TimeShop]:
    with travelling(sqlite_url, sandbox, tmp_path, logged_in=False) as shop:
        yield shop


def move(page: Page, button: str) -> None:
    """Press a button of the bar and wait until the clock has arrived."""
    page.locator("#time-bar").get_by_role("button", name=button).click()
    page.wait_for_url(re.compile("/time-machine/happened"))
    expect(page.locator("#time-bar").get_by_role("button", name=button)).to_be_visible()


def play(page: Page, customer: str, trick: str) -> None:
    """Choose a scenario for a customer."""
    page.goto("/time-machine")
    label = page.locator("#subscription option", has_text=customer).first.text_content()
    page.locator("#subscription").select_option(label=label)
    page.get_by_text(trick, exact=True).click()
    page.get_by_role("button", name="Set this scenario up").click()
    expect(page.locator("#chosen")).to_be_visible()


def test_charge_decline_and_recovery(time_shop: TimeShop, browser: Chromium) -> None:
    with serving(time_shop.app) as address:
        context = new_context(browser, address, language="en")
        page = context.new_page()
        heard = complaints(page)
        log_in(page, password=PASSWORD)
        play(page, "山田 1", "Card declined for a while")
        wrong = axe(page)
        screenshot(page, "time-machine/scenarios")
        move(page, "To the next charge")
        figures = page.locator(".figures")
        # 2 and 3 pay 1,980 + 29,800 = 31,780; 1 is declined.
        expect(figures).to_contain_text("2 · ¥31,780")
        expect(figures).to_contain_text("1 · ¥1,980")
        wrong += axe(page)
        screenshot(page, "time-machine/declined")
        move(page, "One day on")
        expect(page.locator("table.rows")).to_contain_text("Recovered")
        page.goto("/time-machine/happened?lang=ja")
        expect(page.locator("table.rows")).to_contain_text("再試行で受領")
        wrong += axe(page)
        page.goto("/time-machine?lang=ja")
        wrong += axe(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        screenshot(page, "time-machine/phone")
        page.set_viewport_size({"width": 1280, "height": 900})
        for path in ("/finance", "/charges"):
            page.goto(path)
            wrong += axe(page)
            screenshot(page, f"time-machine{path}")
        context.close()
    assert wrong + heard == []

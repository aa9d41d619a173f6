"""A bulk move and a price change in a real browser: tried dry, started, undone, scheduled."""

from collections.abc import Iterator

import pytest
from acting_shop import ActingShop, acting
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from sqlalchemy import text
from support.browser import axe, complaints, log_in, new_context, screenshot, serving
from support.sandbox import Sandbox
from web_books import PASSWORD

from billing import writing
from scheduler.bulk import do_bulk_work


@pytest.fixture
def desk(sqlite_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    with acting(sqlite_url, sandbox, signed_in=False) as shop:
        yield shop


def test_the_staff_moves_many_in_a_browser(desk: ActingShop, browser: Chromium) -> None:
    with serving(desk.app) as address:
        context = new_context(browser, address, language="en")
        page = context.new_page()
        heard = complaints(page)
        log_in(page, password=PASSWORD)
        rename = text("UPDATE customer SET name = '𠮷田' WHERE external_id LIKE '%1'")
        writing(desk.shop.database, lambda c: c.execute(rename))
        move_three_to_studio(desk, page)
        change_a_price(page)
        assert heard == []
        context.close()
        look_around(browser, address)


def move_three_to_studio(desk: ActingShop, page: Page) -> None:
    page.goto("/bulk")
    page.click("main >> text=Move many subscriptions")
    page.select_option("#plan", "basic")
    page.select_option("#to_plan", "studio")
    page.check("#agreed")
    page.fill("#reason", "The basic plan ends")
    page.click("text=Try it dry")
    expect(page.locator("main")).to_contain_text("Nothing has been done yet")
    assert axe(page) == []
    page.click("button:has-text('Start: 3 subscriptions, +¥83,460 a month')")
    expect(page.locator("[role=status]").first).to_contain_text("It has begun")
    do_bulk_work(desk.shop.engine)
    expect(page.locator("#progress")).to_contain_text("3 / 3", timeout=10_000)
    page.reload()
    assert axe(page) == []
    page.click("button:has-text('Undo 3 rows')")
    do_bulk_work(desk.shop.engine)
    page.reload()
    expect(page.locator("main")).to_contain_text("Undone")


def change_a_price(page: Page) -> None:
    page.goto("/price-moves")
    page.click("main >> text=Change a price")
    page.select_option("#old", "basic@1970-01-01")
    page.fill("#amount", "2480")
    page.fill("#effective_on", "2027-01-15")
    page.click("text=Try it dry")
    expect(page.locator("main")).to_contain_text("+¥2,000 a month")
    assert axe(page) == []
    page.click("button:has-text('Schedule: 4 subscriptions, +¥2,000 a month')")
    expect(page.locator("[role=status]").first).to_contain_text("Scheduled")
    assert axe(page) == []


def look_around(browser: Chromium, address: str) -> None:
    """The same pages in Japanese, on a phone, in the dark."""
    pages = {
        "move": "/bulk/move",
        "bulk": "/bulk/1",
        "prices": "/price-moves",
        "price": "/price-moves/basic-from-19700101",
        "price-new": "/price-moves/new?old=team@1970-01-01&to=amount&amount=1980"
        "&notice_on=2026-12-01&effective_on=2027-01-15",
    }
    context = new_context(browser, address, language="ja", phone=True, dark=True)
    page = context.new_page()
    log_in(page, password=PASSWORD)
    for name, path in pages.items():
        page.goto(path)
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        screenshot(page, f"moves-{name}-ja")
    what_stands_above_a_table_is_one_line(page)
    context.close()


def what_stands_above_a_table_is_one_line(page: Page) -> None:
    page.goto("/exports")
    page.check("input[value=customers]")
    page.check("input[value=cp932]")
    page.click("main button.primary")
    shown = page.locator("caption").bounding_box()
    assert shown is not None
    assert shown["width"] > 200 > 40 > shown["height"], shown
    assert axe(page) == []
    screenshot(page, "moves-caption-ja")

"""A refund by two people and a change of seats in a real browser, and how the pages look."""

from collections.abc import Iterator

import pytest
from acting_shop import ActingShop, acting
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from support.browser import axe, complaints, log_in, new_context, screenshot, serving
from support.sandbox import Sandbox
from web_books import PASSWORD

from app.web.shell import Role
from app.web.staff import add_staff
from billing import writing


@pytest.fixture
def desk(sqlite_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    with acting(sqlite_url, sandbox, signed_in=False) as shop:
        yield shop


def test_the_staff_acts_in_a_browser(desk: ActingShop, browser: Chromium) -> None:
    add_second_person(desk)
    with serving(desk.app) as address:
        context = new_context(browser, address, language="en")
        page = context.new_page()
        heard = complaints(page)
        log_in(page, password=PASSWORD)
        change_seats(desk, page)
        ask_for_a_refund(desk, page)
        assert heard == []
        context.close()
        look_around(desk, browser, address)


def add_second_person(desk: ActingShop) -> None:
    writing(
        desk.shop.database,
        lambda connection: add_staff(
            connection,
            merchant_id="shop",
            name="finance",
            role=Role.FINANCE,
            password=PASSWORD,
            by="test",
            at=desk.shop.clock.now(),
        ),
    )


def change_seats(desk: ActingShop, page: Page) -> None:
    page.goto(f"/subscriptions/{desk.id_of(3)}")
    page.click("text=Change quantity")
    page.fill("#number", "4")
    page.check("input[name=when][value=now]")
    page.click("text=See what it does")
    expect(page.locator("#quote").locator("..")).to_contain_text("¥1,480")
    assert axe(page) == []
    screenshot(page, "acting-quote-en")
    page.click("text=Do it")
    expect(page.locator("[role=status]").first).to_contain_text("¥1,480 were charged")


def ask_for_a_refund(desk: ActingShop, page: Page) -> None:
    page.goto(f"/subscriptions/{desk.id_of(2)}/charges")
    page.click("main >> text=Refund")
    page.fill("#reason", "broken")
    screenshot(page, "acting-refund-en")
    page.click("button:has-text('Give it back')")
    expect(page.locator("main")).to_contain_text("You asked for this")
    assert axe(page) == []
    screenshot(page, "acting-refund-waits-en")


def look_around(desk: ActingShop, browser: Chromium, address: str) -> None:
    row = desk.id_of(4)
    paths = [
        f"/subscriptions/{row}/act?verb=cancel",
        f"/subscriptions/{row}/charge",
        f"/subscriptions/{row}/charges",
        f"/charges/{desk.attempt('sub-004-0010-renewal')}/refund",
        "/refunds",
        "/refunds/1",
        "/doubts",
        "/imports",
        "/exports",
    ]
    for language, phone, dark in (("ja", True, False), ("en", False, True)):
        context = new_context(browser, address, language=language, phone=phone, dark=dark)
        page = context.new_page()
        log_in(page, user="finance" if phone else "staff", password=PASSWORD)
        for path in paths:
            answer = page.goto(path)
            assert answer is not None
            if answer.status == 403:  # verbs and imports are for support
                continue
            assert axe(page) == [], (path, language)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, language)
            name = path.split("?")[0].strip("/").replace("/", "-")
            screenshot(page, f"acting-{name}-{language}")
        context.close()

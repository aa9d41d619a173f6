"""The settings in a real browser: what an owner does with them, each page looked at by axe."""

from collections.abc import Iterator

import pytest
from conftest import app_of
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from support.browser import axe, complaints, log_in, new_context, screenshot, serving
from web_books import PASSWORD, open_books


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    books = open_books(f"sqlite:///{tmp_path_factory.mktemp('settings') / 'b.sqlite3'}")
    with serving(app_of(books)) as found:
        yield found
    books.database.dispose()


def look_at(page: Page, name: str) -> list[str]:
    """What is wrong with the page that is open."""
    screenshot(page, f"settings/{name}")
    sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [f"{name}: {fault}" for fault in axe(page)] + ([f"{name}: wide"] if sideways else [])


@pytest.mark.parametrize(
    ("language", "phone"), [("ja", False), ("en", True)], ids=["japanese", "english on a phone"]
)
def test_an_owner_sets_the_shop_up(
    address: str, browser: Chromium, language: str, phone: bool
) -> None:
    context = new_context(browser, address, language=language, phone=phone, dark=phone)
    page = context.new_page()
    heard = complaints(page)
    log_in(page, password=PASSWORD)
    faults = []
    page.goto("/settings/staff/new")
    page.fill("#name", f"hanako-{language}")
    page.click("main form button.primary")
    assert page.locator(".copyable code").inner_text().isalnum()
    faults += look_at(page, f"first-password-{language}")
    page.goto(f"/settings/staff/member?name=hanako-{language}")
    faults += look_at(page, f"member-{language}")
    page.goto("/settings/rules")
    page.fill("#charge_hour", "10" if language == "ja" else "11")
    page.click("main form button.primary")
    assert page.locator("table strong").count() == 1
    faults += look_at(page, f"rules-confirm-{language}")
    page.click("main form button.primary")
    assert page.locator(".notice-good").count() == 1
    faults += look_at(page, f"rules-{language}")
    page.goto(f"/settings/words?kind=charged&language={language}")
    page.fill("#body", "{name}\n\n{amount}")
    page.click("button[value=preview]")
    assert page.locator("#subject").input_value()
    faults += look_at(page, f"words-{language}")
    page.click("button[value=store]")
    faults += look_at(page, f"words-kept-{language}")
    page.goto("/settings")
    faults += look_at(page, f"connection-{language}")
    page.goto("/settings/log")
    faults += look_at(page, f"log-{language}")
    context.close()
    assert faults + heard == []

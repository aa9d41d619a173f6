"""Refused forms in a real browser, also without JavaScript: another language, an ended session."""

from collections.abc import Iterator

import pytest
from conftest import app_of
from playwright.sync_api import Browser as Chromium
from support.browser import axe, complaints, log_in, screenshot, serving
from test_kept_words import BODY, WORDS, end_sessions
from web_books import PASSWORD, WebBooks, open_books


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebBooks]:
    found = open_books(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'b.sqlite3'}")
    yield found
    found.database.dispose()


@pytest.mark.parametrize("scripts", [False, True], ids=["without scripts", "with scripts"])
def test_what_was_typed_stays_in_the_other_language_and_after_a_log_in(
    books: WebBooks, browser: Chromium, scripts: bool
) -> None:
    with serving(app_of(books)) as address:
        context = browser.new_context(base_url=address, locale="ja-JP", java_script_enabled=scripts)
        page = context.new_page()
        heard = complaints(page)
        log_in(page, password=PASSWORD)
        page.goto(WORDS)
        page.fill("#subject", "{unknown}")
        page.fill("#body", BODY)
        page.click("button[value=store]")
        assert page.locator(".problem").count() >= 1
        said = page.locator(".problem").first.inner_text()
        page.click("a[hreflang=en]")
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator(".problem").count() >= 1
        assert page.locator(".problem").first.inner_text() != said
        assert page.locator("#subject").input_value() == "{unknown}"
        assert page.locator("#body").input_value() == BODY
        page.click("a[hreflang=ja]")
        assert page.locator(".problem").first.inner_text() == said
        faults = axe(page) if scripts else []
        screenshot(page, "kept/refused")
        page.fill("#subject", "お支払いを受け付けました")
        end_sessions(books)
        page.click("button[value=store]")
        page.fill("#user", "staff")
        page.fill("#password", PASSWORD)
        page.click("main form button.primary")
        assert page.locator("#body").input_value() == BODY
        assert page.locator("#subject").input_value() == "お支払いを受け付けました"
        assert page.locator(".notice-warn").count() == 1
        faults += axe(page) if scripts else []
        screenshot(page, "kept/after-log-in")
        page.click("button[value=store]")
        assert page.locator(".notice-good").count() == 1
        context.close()
        # The refusal is answered with 422, which the browser's console notes as well.
        assert faults == []
        assert all("422" in each for each in heard), heard

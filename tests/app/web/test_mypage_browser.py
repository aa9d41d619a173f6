"""A customer's walk in a real browser: upgrade, pause and undo, cancel after the offer, undo."""

from collections.abc import Iterator

import pytest
from my_shop import MyShop, shop_on
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from support.browser import axe, complaints, new_context, screenshot, serving
from support.sandbox import Sandbox

KINDS = [
    pytest.param(1, {"language": "ja"}, id="japanese"),
    pytest.param(2, {"language": "en", "phone": True, "dark": True}, id="english dark phone"),
]
SAID = {
    "ja": {
        "upgrade": "¥1,333 のお支払いが完了しました",
        "pro": "「プロ」",
        "pause": "休止します",
        "ends": "解約となります",
        "keep": "解約を取りやめる",
    },
    "en": {
        "upgrade": "¥1,333 was paid",
        "pro": "Pro",
        "pause": "pauses, and goes on",
        "ends": "the subscription ends",
        "keep": "Keep the subscription",
    },
}


@pytest.fixture(scope="module")
def mine(request: pytest.FixtureRequest, shared_sandbox: Sandbox) -> Iterator[MyShop]:
    """A shop on SQLite."""
    with shop_on("sqlite", request, shared_sandbox) as shop:
        yield shop


class Walk:
    """A page that is looked at by axe at every step, and what it complained about."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name
        self.heard = complaints(page)
        self.wrong: list[str] = []

    def look(self, step: str) -> None:
        wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        sideways = ["scrolls sideways"] if wide else []
        self.wrong += [f"{step}: {each}" for each in (*axe(self.page), *self.heard, *sideways)]
        self.heard.clear()
        screenshot(self.page, f"my-{self.name}/{step}")

    def press(self, selector: str) -> None:
        self.page.click(selector)
        self.page.wait_for_load_state()

    def confirm(self) -> None:
        self.page.wait_for_url("**/my/quotes/*")
        self.press("#quote ~ form button.primary, section:has(#quote) form button.primary")
        self.page.wait_for_url("**/my/subscriptions/*")


@pytest.mark.parametrize(("number", "kind"), KINDS)
def test_a_customer_walks_through_every_change(
    mine: MyShop, browser: Chromium, number: int, kind: dict[str, object]
) -> None:
    language = str(kind["language"])
    said = SAID[language]
    with serving(mine.app) as address:
        context = new_context(browser, address, **kind)  # type: ignore[arg-type] # see KINDS
        session = mine.browser(number).cookies["autopay_my"]
        context.add_cookies([{"name": "autopay_my", "value": session, "url": address}])
        walk = Walk(context.new_page(), language)
        page, own = walk.page, mine.path(number)

        page.goto("/my/")
        walk.look("1-home")
        page.goto(f"{own}/change")
        page.check("input[value=pro]")
        walk.press("form.form button.primary")
        walk.look("2-preview")
        walk.press("section:has(#preview) form button.primary")
        walk.look("3-quote")
        walk.confirm()
        assert said["upgrade"] in page.inner_text(".notice")
        assert said["pro"].strip("「」") in page.inner_text("h1")
        walk.look("4-upgraded")

        page.goto(f"{own}/pause")
        walk.look("5-pause")
        page.fill("#until", "2027-02-15")
        walk.press("section:has(#pause) button.primary")
        walk.confirm()
        assert said["pause"] in page.inner_text("main")
        walk.press("ul.waiting button")
        walk.look("6-undo")
        walk.confirm()
        assert page.query_selector("ul.waiting") is None

        page.goto("/my/")
        walk.press(f'a[href="{own}/cancel"]')
        walk.look("7-cancel")
        walk.press("section.offer a")
        assert page.url.endswith("/pause#pause")
        page.goto(f"{own}/cancel")
        walk.press("section:has(#choose) button.danger")
        walk.look("8-cancel-quote")
        walk.confirm()
        assert said["ends"] in page.inner_text("ul.waiting")
        walk.look("9-ends")
        walk.press(f"ul.waiting button:has-text('{said['keep']}')")
        walk.confirm()
        assert page.query_selector("ul.waiting") is None

        page.goto("/my/charges")
        walk.look("10-charges")
        page.goto(f"/my/charges/{mine.charge(number)}/receipt")
        walk.look("11-receipt")
        context.close()
    assert walk.wrong == []

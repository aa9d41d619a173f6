"""Buyers who sign up on My Page without a real browser: our pages, and Amazon's as calls."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from support.shop import Shop
from web_books import PASSWORD, Browser

from app.web import create_app

ADDRESS = "https://autopay.test"
HANAKO, ICHIRO = "hanako.yamada@example.jp", "ichiro.suzuki@example.jp"
NEW = "misaki.sato@example.jp"


def pages_of(shop: Shop, **changes: Any) -> FastAPI:
    """The pages of a shop that signs up and charges."""
    given: dict[str, Any] = {"charging": lambda: shop.engine, "public_url": ADDRESS}
    return create_app(
        database=shop.database,
        merchant=shop.engine.merchant,
        staff_password=PASSWORD,
        clock=shop.clock,
        master_key=shop.master_key,
        **(given | changes),
    )


def words(answer: httpx.Response) -> str:
    """The words of a page, without its head and foot."""
    text = re.sub(r"<(head|header|footer)\b.*?</\1>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@dataclass
class JoinDesk:
    """One buyer's browser in front of a shop."""

    shop: Shop
    browser: Browser

    @classmethod
    def at(cls, shop: Shop, app: FastAPI | None = None, *, language: str = "en") -> "JoinDesk":
        """A new browser."""
        browser = Browser(app or pages_of(shop), base_url=ADDRESS)
        browser.cookies.set("autopay_lang", language, domain="autopay.test", path="/")
        return cls(shop, browser)

    def payload(self, page: str) -> dict[str, Any]:
        """What Amazon's button on a page has signed."""
        answer = self.browser.get(page)
        found = re.search(r'data-amazon-button="([^"]+)"', answer.text)
        assert found, (answer.status_code, words(answer))
        options = json.loads(html.unescape(found[1]))
        config = options.get("createCheckoutSessionConfig") or options["signInConfig"]
        signed: dict[str, Any] = json.loads(config["payloadJSON"])
        return signed

    def chosen(self, page: str, email: str = HANAKO, card: str = "1111") -> str:
        """The address that Amazon sends the buyer back to, with card and address chosen."""
        payload, call = self.payload(page), self.shop.amazon.call
        opened = call("POST", "/checkout-sessions", {"payload": payload, "productType": "PayOnly"})
        session = opened["checkoutSessionId"]
        call("POST", f"/checkout-sessions/{session}/buyer", {"email": email, "card": card})
        back = payload["webCheckoutDetails"]["checkoutReviewReturnUrl"]
        return f"{back[len(ADDRESS) :]}&amazonCheckoutSessionId={session}"

    def last_screen(self, page: str, **how: Any) -> str:
        """The path of the last screen."""
        answer = self.browser.get(self.chosen(page, **how))
        assert answer.status_code == 303, words(answer)
        return str(answer.headers["location"])

    def agree(self, last: str, **fields: str) -> httpx.Response:
        """Tick and press the button of the last screen."""
        return self.browser.post_form(last, last, agree="yes", **fields)

    def approve(self, last: str) -> None:
        """The buyer presses Amazon's own button."""
        (row,) = self.shop.rows("SELECT session_id FROM checkout WHERE id = :i", i=last[-32:])
        self.shop.amazon.call("POST", f"/checkout-sessions/{row['session_id']}/pay", {})

    def sign_up(self, page: str, **how: Any) -> str:
        """The whole way; the path of the last screen."""
        last = self.last_screen(page, **how)
        assert self.agree(last).status_code == 303
        self.approve(last)
        assert self.browser.get(f"{last}/result").status_code == 303
        return last


@contextmanager
def later(shop: Shop, **how: int) -> Iterator[None]:
    """A while later by our clock and by Amazon's."""
    now = shop.clock.now()
    try:
        for clock in (shop.clock.set, shop.amazon.set_clock):
            clock(now + timedelta(**how))
        yield
    finally:
        for clock in (shop.clock.set, shop.amazon.set_clock):
            clock(now)


def signed_up(shop: Shop) -> dict[str, Any]:
    """The newest subscription that was made on My Page."""
    rows = shop.rows("SELECT * FROM subscription WHERE external_id LIKE 'my-%' ORDER BY id")
    return rows[-1]


def consents(shop: Shop) -> list[dict[str, Any]]:
    """Those to changes of the newest subscription."""
    return shop.rows("SELECT * FROM consent WHERE subscription_id = :i", i=signed_up(shop)["id"])


def hidden(desk: JoinDesk, page: str) -> dict[str, str]:
    """The hidden fields of the form of a page that acts, drawn afresh."""
    text = desk.browser.get(page).text
    action = re.escape(page.partition("?")[0])
    form = re.search(rf'<form method="post" action="{action}".*?</form>', text, re.DOTALL)
    assert form, words(desk.browser.get(page))
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))


def change(desk: JoinDesk, page: str) -> str:
    """Preview a change and go on with it; the path of its quote."""
    answer = desk.browser.send("POST", page.partition("?")[0], data=hidden(desk, page))
    assert answer.status_code == 303, words(answer)
    return str(answer.headers["location"])

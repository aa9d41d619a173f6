"""Leaving inside the minimum term for the fee of the price list: shown, agreed to, charged once."""

from collections.abc import Iterator
from datetime import date

import pytest
from my_shop import app_of
from support.sandbox import Sandbox
from support.shop import CATALOGUE, Shop, opening, subscriber
from web_books import Browser, sign_in_as_customer

DAY, NEXT = date(2026, 11, 30), date(2026, 12, 30)
MIDDLE = date(2026, 12, 15)
BOUND = CATALOGUE.replace(
    "plans:\n",
    """plans:
  - {code: bound, name: {ja: しばり, en: Bound}, price: 3000, tax: standard,
     every: {unit: month, count: 1}, minimum_cycles: 6,
     cancellation_fee: {kind: fixed, yen: 5000}}
""",
    1,
)


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """One subscriber who has paid one cycle of six."""
    new = subscriber(
        1, plan_code="bound", started_on=DAY, next_charge_on=DAY, minimum_cycles_done=None
    )
    with opening(sqlite_url, sandbox) as opened:
        made = opened(subscribers=[new], catalogue=BOUND)
        made.charge_on(DAY)
        made.go_to(MIDDLE, hour=12)
        yield made


def customer_of(shop: Shop, leave_early: str) -> Browser:
    (row,) = shop.rows("SELECT id FROM customer")
    browser = sign_in_as_customer(app_of(shop, leave_early=leave_early), row["id"])
    browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
    return browser


@pytest.mark.parametrize("when", ["now", "renewal"])
def test_the_fee_is_shown_agreed_to_and_charged(shop: Shop, when: str) -> None:
    """5,000 by the price list: at once, or on 30 December as the last day is through."""
    (row,) = shop.rows("SELECT id FROM subscription")
    page = f"/my/subscriptions/{row['id']}/cancel"
    bound_by_it = customer_of(shop, "refused").get(page).text
    assert "more paid cycle(s) of the minimum term" in bound_by_it
    assert "¥5,000" not in bound_by_it
    browser = customer_of(shop, "for_fee")
    assert "¥5,000" in browser.get(page).text, "the fee stands beside the day"
    asked = browser.post_form(page, page, when=when, reason="")
    assert asked.status_code == 303
    quote = asked.headers["location"]
    assert "¥5,000" in browser.get(quote).text, "and on the last screen"
    assert [yen for _, yen in shop.taken()] == [3_000], "nothing is charged by looking"
    assert browser.post_form(quote, quote, agreed="yes").status_code == 303
    state = "canceled" if when == "now" else "active"
    assert shop.subscription("sub-001")["state"] == state
    shop.charge_on(NEXT)
    assert sorted(yen for _, yen in shop.taken()) == [3_000, 5_000]
    assert shop.subscription("sub-001")["state"] == "canceled"
    lines = shop.rows("SELECT amount_yen FROM invoice_line WHERE kind = 'cancellation_fee'")
    assert [line["amount_yen"] for line in lines] == [5_000]
    assert shop.faults() == []

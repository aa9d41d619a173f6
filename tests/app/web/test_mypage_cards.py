"""My Page at a glance: cards, one subscription, charges and receipts; figures are the engine's."""

import re
from collections.abc import Iterator, Mapping

import pytest
from my_shop import DATABASES, TODAY, MyShop, shop_on
from sqlalchemy import text as sql
from support.sandbox import Sandbox
from web_books import Browser

from app.web.shell import yen
from billing import writing
from billing.quotes import bills_ahead, quote
from plans.lifecycle import SkipCycles


@pytest.fixture(scope="module", params=DATABASES)
def mine(request: pytest.FixtureRequest, shared_sandbox: Sandbox) -> Iterator[MyShop]:
    """One shop for all tests here: they only read."""
    with shop_on(request.param, request, shared_sandbox) as shop:
        yield shop


def read(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


def test_the_card_says_what_comes_next_and_why(mine: MyShop) -> None:
    """Basic is 1,980 a month; the charge of November took nothing of December's cap of 50,000."""
    text = read(mine.browser(1), "/my/")
    assert "Basic" in text
    assert "Wed, 30 Dec 2026" in text
    assert "<strong>¥1,980</strong>" in text
    assert "Basic, 2026-12-30 to 2027-01-29: ¥1,980" in text
    assert "¥50,000 left under this month&#39;s cap of ¥50,000" in text
    assert "2026-12-29 23:59" in text
    assert "Pay now" not in text


@pytest.mark.parametrize(
    ("number", "state", "first"),
    [
        pytest.param(3, "Payment open", "Pay now", id="declined softly"),
        pytest.param(4, "Payment open", "Check or change the payment method", id="for good"),
    ],
)
def test_an_open_invoice_offers_what_helps(
    mine: MyShop, number: int, state: str, first: str
) -> None:
    text = read(mine.browser(number), "/my/")
    assert state in text
    assert "¥1,980 of 2026-11-30 has not been paid yet" in text
    primary = re.search(r'class="(?:button )?primary"[^>]*>([^<]+)<', text)
    assert primary is not None
    assert primary[1] == first


def test_the_year_ahead_is_the_engines(mine: MyShop) -> None:
    """Twelve charges of 3 × 1,480 = 4,440, which is 53,280."""
    ahead = bills_ahead(mine.situation(5), on=TODAY)
    assert sum(each.bill.charge_yen for each in ahead) == 53_280
    text = read(mine.browser(5), mine.path(5))
    rows = re.findall(
        r'<td class="day"[^>]*>([\d-]+)</td>.*?<td class="num"[^>]*>([^<]+)</td>', text
    )
    assert rows == [(str(each.bill.on), yen(each.bill.charge_yen)) for each in ahead]
    assert "¥53,280" in text


@pytest.mark.parametrize("number", [1, 5, 6])
def test_the_year_ahead_is_what_a_quote_compares_with(mine: MyShop, number: int) -> None:
    """Without an open invoice it is the very year that a quote calls `coming_before`."""
    view = mine.situation(number)
    without = quote(view, SkipCycles(1), on=TODAY, at=mine.shop.clock.now())
    ahead = bills_ahead(view, on=TODAY)
    assert tuple(each.bill for each in ahead) == without.coming_before
    assert {each.verdict.value for each in ahead} == {"ok"}


def test_what_is_invoiced_is_no_charge_to_come(mine: MyShop) -> None:
    """The open charge of November is on the card; the table begins with the cycle after it."""
    ahead = bills_ahead(mine.situation(3), on=TODAY)
    assert str(ahead[0].bill.on) == "2026-12-30"


def test_the_timeline_speaks_to_the_customer(mine: MyShop) -> None:
    text = read(mine.browser(4), mine.path(4))
    assert "Payment declined" in text
    assert "The payment method on file cannot be used" in text
    assert "the buyer" not in text


def test_a_receipt_has_the_name_of_the_readers_choice(mine: MyShop) -> None:
    """1,980 with 10 % tax: 1,980 × 10 ÷ 110 = 180 of it are tax."""
    browser, path = mine.browser(1), f"/my/charges/{mine.charge(1)}/receipt"
    assert path in read(browser, "/my/charges")
    text = read(browser, path)
    assert "山田 1" in text
    assert "¥1,980" in text
    assert "¥180" in text
    text = read(browser, f"{path}?to=株式会社 <b>山田</b>")
    assert "株式会社 &lt;b&gt;山田&lt;/b&gt;" in text
    text = browser.get(f"{path}?to={'あ' * 101}&lang=ja")
    assert text.status_code == 422
    assert "100 文字以内" in text.text


def test_what_was_not_paid_has_no_receipt(mine: MyShop) -> None:
    path = f"/my/charges/{mine.charge(3)}/receipt"
    assert mine.browser(3).get(path).status_code == 404


def test_the_first_page_has_ones_own_cards_only(mine: MyShop) -> None:
    text = read(mine.browser(1), "/my/")
    assert f'{mine.path(1)}"' in text
    assert f'{mine.path(2)}"' not in text
    assert text.count('class="card"') == 1


def test_another_customers_ids_are_not_there(mine: MyShop) -> None:
    """Every route of My Page with an id of one's own things, filled in with somebody else's."""
    thief = mine.browser(2)
    ids = {
        "{subscription_id}": str(mine.id_of("subscription", 1)),
        "{charge_id}": str(mine.charge(1)),
    }
    token = thief.token("/my/")
    asked = 0
    for method, path in mine.app.state.declared:
        if not path.startswith(("/my/subscriptions/", "/my/charges/{")):
            continue
        for name, value in ids.items():
            path = path.replace(name, value)
        form = {"form_token": token, "form_id": f"{asked:016d}", "kind": "skip", "number": "1"}
        sent = {"data": form} if method == "POST" else {}
        assert thief.send(method, path, **sent).status_code == 404, (method, path)
        asked += 1
    assert asked >= 12


@pytest.mark.parametrize("wrong", ["0", "-1", "x", "9" * 9, "9" * 40, "１"])
def test_an_id_that_can_be_none_is_not_there(mine: MyShop, wrong: str) -> None:
    browser = mine.browser(1)
    for path in (f"/my/subscriptions/{wrong}", f"/my/charges/{wrong}/receipt"):
        assert browser.get(path).status_code == 404
    assert browser.get(f"/my/quotes/{wrong}").status_code == 404
    assert browser.get(f"/my/charges?before={wrong}").status_code in (200, 404)


def test_many_subscriptions_come_ten_at_a_time_what_is_to_pay_first(mine: MyShop) -> None:
    """All twelve are given to the customer of the first; 3, 4 and 12 have something to pay."""
    owner = mine.id_of("customer", 1)
    before = {row["id"]: row["customer_id"] for row in mine.shop.rows("SELECT * FROM subscription")}
    _give(mine, dict.fromkeys(before, owner))
    try:
        first, second, beyond = (
            read(mine.browser(1), f"/my/{query}") for query in ("", "?from=10", "?from=400")
        )
    finally:
        _give(mine, before)
    shown = [re.findall(r'mono">(sub-\d+)</span></h2>', text) for text in (first, second, beyond)]
    assert [len(each) for each in shown] == [10, 2, 10]
    assert sorted(shown[0][:3]) == ["sub-003", "sub-004", "sub-012"]
    assert len({*shown[0], *shown[1]}) == 12
    assert 'href="/my/?from=10"' in first
    assert "?from=20" not in second


def _give(mine: MyShop, owners: Mapping[int, int]) -> None:
    statement = sql("UPDATE subscription SET customer_id = :owner WHERE id = :id")
    rows = [{"id": id_, "owner": owner} for id_, owner in owners.items()]
    writing(mine.shop.database, lambda connection: connection.execute(statement, rows))

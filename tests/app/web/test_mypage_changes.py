"""What customers decide at My Page: quotes are charged as they are shown, or not at all."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest
from my_shop import DATABASES, TODAY, MyShop, shop_on
from support.sandbox import Sandbox
from web_books import Browser

from app.web.shell import yen
from billing.quotes import plan_change, quote


@pytest.fixture(scope="module", params=DATABASES)
def mine(request: pytest.FixtureRequest, shared_sandbox: Sandbox) -> Iterator[MyShop]:
    """One shop for all tests here: each acts on a subscription of its own."""
    with shop_on(request.param, request, shared_sandbox) as shop:
        yield shop


def ask(browser: Browser, page: str, **fields: str) -> str:
    """Send the form of a page and give the quote it leads to."""
    answer = browser.post_form(page, page.split("?")[0], **fields)
    assert answer.status_code == 303, shown(answer)
    assert answer.headers["location"].startswith("/my/quotes/")
    return answer.headers["location"]


def confirm(browser: Browser, quote_path: str) -> httpx.Response:
    """Press the button of a quote, and look at the page that follows."""
    answer = browser.post_form(quote_path, quote_path)
    assert answer.status_code == 303, shown(answer)
    return browser.get(answer.headers["location"])


def change(browser: Browser, page: str) -> str:
    """Preview a change and go on with it."""
    text = browser.get(page).text
    form = re.findall(r'<form method="post" action="[^"]*/change".*?</form>', text, re.DOTALL)
    assert form, shown(browser.get(page))
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
    return ask(browser, page, **fields)


def shown(answer: httpx.Response) -> str:
    """The words of a page."""
    text = re.sub(r"<(head|header|footer)\b.*?</\1>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def taken(mine: MyShop, number: int) -> list[int]:
    """What Amazon captured of a subscription, by its own list."""
    return [amount for name, amount in mine.shop.taken() if name.startswith(f"sub-{number:03d}")]


def test_an_upgrade_is_charged_as_quoted_and_once(mine: MyShop) -> None:
    """20 of 30 days are left: 3,980 × 20 ÷ 30 = 2,653, less 1,980 × 20 ÷ 30 = 1,320: 1,333."""
    browser, page = mine.browser(1), mine.path(1, "/change?what=plan&plan=pro&when=now")
    view = mine.situation(1)
    engines = quote(
        view, plan_change(view, plan_code="pro", on=TODAY), on=TODAY, at=mine.shop.clock.now()
    )
    path = change(browser, page)
    assert path == f"/my/quotes/{engines.quote_id}"
    text = shown(browser.get(path))
    assert f"Charged today {yen(engines.charge_today_yen)}" in text
    assert engines.charge_today_yen == 1_333
    assert "Next charge Wed, 30 Dec 2026 ¥3,980" in text
    assert taken(mine, 1) == [1_980]
    form = browser.form_of(path, path)
    first = browser.send("POST", path, data=form)
    again = browser.send("POST", path, data=form)
    assert first.headers["location"] == again.headers["location"] == mine.path(1)
    assert sorted(taken(mine, 1)) == [1_333, 1_980]
    assert "Pro" in shown(browser.get("/my/"))
    charges = shown(browser.get("/my/charges"))
    assert re.search(r"2026-12-10 Pro ¥1,333 .* 2026-11-30 Basic ¥1,980", charges), charges
    # The back button: the quote says that it was made, and has no button.
    assert "This change was made" in shown(browser.get(path))
    assert f'action="{path}"' not in browser.get(path).text


def test_a_stale_quote_charges_nothing_and_shows_the_new_one(mine: MyShop) -> None:
    browser = mine.browser(2)
    stale = change(browser, mine.path(2, "/change?what=plan&plan=pro&when=now"))
    added = change(browser, mine.path(2, "/change?what=options&add_on=storage&pieces=1"))
    assert "¥200 was paid" in shown(confirm(browser, added))
    answer = browser.post_form(stale, stale)
    new = answer.headers["location"]
    assert new.startswith("/my/quotes/")
    assert new != stale
    assert "nothing was changed" in shown(browser.get(new))
    assert sorted(taken(mine, 2)) == [200, 1_980]
    confirm(browser, new)
    assert sorted(taken(mine, 2)) == [200, 1_333, 1_980]


def test_a_quote_of_somebody_else_is_not_there(mine: MyShop) -> None:
    path = ask(mine.browser(9), mine.path(9, "/pause"), kind="skip", number="1")
    thief = mine.browser(10)
    assert thief.get(path).status_code == 404
    data = {"form_token": thief.token("/my/"), "form_id": "a" * 22}
    assert thief.send("POST", path, data=data).status_code == 404
    assert mine.situation(9).subscription.queue == ()  # type: ignore[union-attr] # it exists


def test_a_declined_charge_changes_nothing(mine: MyShop) -> None:
    browser = mine.browser(11)
    mine.shop.amazon.patch_permission("C03-0000011-0000001", behaviour=["HardDeclined"])
    path = change(browser, mine.path(11, "/change?what=plan&plan=pro&when=now"))
    answer = browser.post_form(path, path)
    assert answer.headers["location"] == "/my/payment/sub-011"
    assert taken(mine, 11) == [1_980]
    assert "nothing was changed" in shown(browser.get(path))
    assert mine.situation(11).subscription.plan_code == "basic"  # type: ignore[union-attr]


def test_without_an_engine_nothing_is_changed(mine: MyShop) -> None:
    browser = mine.browser(10, mine.app_with(charging=None))
    path = change(browser, mine.path(10, "/change?what=plan&plan=pro&when=now"))
    answer = browser.post_form(path, path)
    assert answer.status_code == 503
    assert "Nothing was changed" in shown(answer)
    assert taken(mine, 10) == [1_980]


def test_a_pause_and_its_undo(mine: MyShop) -> None:
    browser, page = mine.browser(7), mine.path(7, "/pause")
    fields = {"kind": "pause", "when": "renewal", "until": "2027-02-15"}
    confirm(browser, ask(browser, page, **fields))
    assert "pauses, and goes on on Mon, 15 Feb 2027" in shown(browser.get("/my/"))
    undone = browser.post_form("/my/", mine.path(7, "/undo"))
    confirm(browser, undone.headers["location"])
    assert "pauses, and" not in shown(browser.get("/my/"))


@pytest.mark.parametrize(
    ("kind", "fields", "next_on"),
    [
        pytest.param("move", {"to": "2026-12-20"}, "Sun, 20 Dec 2026", id="another day"),
        pytest.param("skip", {"number": "1"}, "Sat, 30 Jan 2027", id="one cycle left out"),
    ],
)
def test_dates_move_as_the_card_then_says(
    mine: MyShop, kind: str, fields: dict[str, str], next_on: str
) -> None:
    number = {"move": 9, "skip": 10}[kind]
    browser = mine.browser(number)
    confirm(browser, ask(browser, mine.path(number, "/pause"), kind=kind, **fields))
    assert next_on in shown(browser.get("/my/"))


def test_a_cancellation_with_one_offer_and_its_undo(mine: MyShop) -> None:
    browser, page = mine.browser(8), mine.path(8, "/cancel")
    assert browser.get(page).text.count('id="offer"') == 1
    without = mine.browser(8, mine.app_with(retention_offer="none"))
    assert 'id="offer"' not in without.get(page).text
    confirm(browser, ask(browser, page, when="renewal", reason="高い"))
    assert "the subscription ends" in shown(browser.get("/my/"))
    assert "It is already set to end on Wed, 30 Dec 2026" in shown(browser.get(page))
    undone = browser.post_form("/my/", mine.path(8, "/undo"))
    confirm(browser, undone.headers["location"])
    assert "the subscription ends" not in shown(browser.get("/my/"))
    assert "Wed, 30 Dec 2026" in shown(browser.get("/my/"))


def test_the_minimum_term_is_shown_and_the_first_day_after_it_offered(mine: MyShop) -> None:
    """12 of 14 cycles are paid; those of 30 December and 30 January come, 28 February is free."""
    browser, page = mine.browser(6), mine.path(6, "/cancel")
    text = shown(browser.get(page))
    assert "14 paid cycles: 12 done, 2 to go" in text
    answer = browser.post_form(page, page, when="renewal")
    assert answer.status_code == 422
    beside = r'id="problem-when">Not on this day: 2 more paid cycle'
    assert re.search(beside, answer.text)
    assert "Sun, 28 Feb 2027" in text
    confirm(browser, ask(browser, page, when="free"))
    assert "the subscription ends" in shown(browser.get("/my/"))


def test_paying_now_charges_once(mine: MyShop) -> None:
    browser, path = mine.browser(3), f"/my/charges/{mine.charge(3)}/pay"
    form = browser.form_of("/my/", path)
    first = browser.send("POST", path, data=form)
    browser.send("POST", path, data=form)
    assert "¥1,980 was paid" in shown(browser.get(first.headers["location"]))
    assert taken(mine, 3) == [1_980]
    # A stale tab with a form of its own: it is paid already.
    later = browser.send("POST", path, data=form | {"form_id": "b" * 22})
    assert later.headers["location"] == mine.path(3)
    assert taken(mine, 3) == [1_980]


def test_a_closed_permission_leads_to_the_payment_method(mine: MyShop) -> None:
    """Amazon is not asked to charge it: only a new consent helps."""
    browser, path = mine.browser(4), f"/my/charges/{mine.charge(4)}/pay"
    form = browser.form_of("/my/", path)
    mine.shop.amazon.patch_permission(
        "C03-0000004-0000001", state="Closed", reasonCode="BuyerClosed"
    )
    first = browser.send("POST", path, data=form)
    assert first.headers["location"] == "/my/payment/sub-004"
    assert taken(mine, 4) == []
    text = browser.get("/my/").text
    assert f'action="{path}"' not in text
    assert "/my/payment/sub-004" in text


def test_an_open_invoice_is_given_up_when_the_agreement_ends_now(mine: MyShop) -> None:
    """12 was declined for good: paying leads to the payment method; leaving now needs no quote."""
    browser, page = mine.browser(12), mine.path(12, "/cancel")
    paid = browser.post_form("/my/", f"/my/charges/{mine.charge(12)}/pay")
    assert paid.headers["location"] == "/my/payment/sub-012"
    answer = browser.post_form(page, page, when="now")
    decide = answer.headers["location"]
    assert decide.startswith(mine.path(12, "/decide?"))
    assert "The open charge of ¥1,980 is given up" in shown(browser.get(decide))
    answer = browser.post_form(decide, mine.path(12, "/decide"), kind="cancel", when="now")
    assert answer.status_code == 303
    assert mine.shop.subscription("sub-012")["state"] == "canceled"
    assert "Canceled" in shown(browser.get("/my/"))


@pytest.mark.parametrize(
    ("page", "fields", "field", "words"),
    [
        pytest.param("/pause", {"kind": "skip", "number": "0"}, "number", "1 から", id="no cycle"),
        pytest.param("/pause", {"kind": "move", "to": "13月"}, "to", "「13月」は日付", id="no day"),
        pytest.param(
            "/pause",
            {"kind": "pause", "when": "renewal", "until": "2026-12-15"},
            "until",
            "この日付は選べません",
            id="ends before it begins",
        ),
        pytest.param(
            "/change",
            {"what": "seats", "quantity": "2000"},
            "quantity",
            "この数量(2000)は選べません",
            id="too many seats",
        ),
        pytest.param("/change", {"what": "plan"}, "plan", "変更する内容を", id="nothing chosen"),
        pytest.param("/cancel", {"when": "never"}, "when", "一覧から", id="no such day"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    mine: MyShop, page: str, fields: dict[str, str], field: str, words: str
) -> None:
    browser, path = mine.browser(5), mine.path(5, page)
    form = browser.form_of(mine.path(5, "/pause"), mine.path(5, "/pause"))
    answer = browser.send("POST", f"{path}?lang=ja", data=form | fields)
    assert answer.status_code == 422
    found = re.search(rf'id="problem-{field}">([^<]*)<', answer.text)
    assert found, shown(answer)
    assert words in found[1]
    for name, value in fields.items():
        if name not in ("kind", "what", "when", "plan"):
            assert f'value="{value}"' in answer.text


def test_the_books_are_sound_after_all_of_it(mine: MyShop) -> None:
    mine.shop.engine.run_due()  # what nobody paid by hand before
    assert mine.shop.faults() == []

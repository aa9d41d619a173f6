"""Hostile customers and hostile sites on the way in: nothing is taken, told or done twice."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from join_desk import (
    HANAKO,
    ICHIRO,
    NEW,
    JoinDesk,
    change,
    consents,
    hidden,
    later,
    pages_of,
    signed_up,
    words,
)
from sqlalchemy import Connection
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber

from app.web.mypage import extras
from billing import pull_brake

Newcomer = Callable[..., JoinDesk]
PLANS = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: trial, name: {ja: お試し付き, en: With a trial}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, trial_days: 14}
  - {code: seats, name: {ja: 席, en: Seats}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
  - {code: later, name: {ja: お試し, en: Later}, price: 980, tax: standard,
     every: {unit: month, count: 1}, trial_days: 14}
  - {code: ended, name: {ja: 終わり, en: Ended}, price: 980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: short, name: {ja: 今日まで, en: Only today}, price: 1980, tax: standard,
     valid_until: 2026-11-22, every: {unit: month, count: 1}}
  - {code: most, name: {ja: 最大, en: Most}, price: 49999, tax: standard,
     every: {unit: month, count: 1}}
  - {code: team, name: {ja: チーム, en: Team}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
add_ons:
  - {code: storage, name: {ja: 追加容量, en: Storage}, price: 300, tax: standard}
  - {code: mug, name: {ja: マグ, en: Mug}, price: 1500, per_seat: true, tax: standard,
     recurring: false}
coupons:
  - {code: HALF, valid_from: 2026-01-01, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: 1}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shared_sandbox: Sandbox) -> Iterator[Shop]:
    """One shop for all tests here; each signs up as it needs to."""
    shared_sandbox.reset()
    url = f"sqlite:///{tmp_path_factory.mktemp('hostile') / 'books.sqlite3'}"
    with opening(url, shared_sandbox) as opened:
        yield opened(subscribers=[subscriber(1), subscriber(2)], catalogue=PLANS)


@pytest.fixture(scope="module")
def newcomer(shop: Shop) -> Newcomer:
    """Browsers of buyers, in front of the pages of the shop."""
    return partial(JoinDesk.at, shop, pages_of(shop))


def sign_out(desk: JoinDesk) -> None:
    form = {"form_token": desk.browser.token("/my/")}
    assert desk.browser.send("POST", "/my/sign-out", data=form).status_code == 303


def test_who_signs_out_leaves_no_way_back_in(newcomer: Newcomer) -> None:
    """The address that completed the order stays in the history of a shared computer."""
    desk = newcomer()
    last = desk.sign_up("/my/join/plans/trial")
    assert desk.browser.get("/my/").status_code == 200
    assert desk.browser.get(f"{last}/result").status_code == 303  # again: the same page
    sign_out(desk)
    for end in ("/result", "/done", ""):
        answer = desk.browser.get(f"{last}{end}")
        assert answer.headers["location"].startswith("/my/sign-in"), end
    assert desk.browser.get("/my/").status_code == 303


def test_an_old_address_of_an_order_signs_nobody_in(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    last = desk.sign_up("/my/join/plans/basic", email=ICHIRO)
    desk.browser.cookies.delete("__Host-autopay_my")  # the session ended by itself
    with later(shop, minutes=31):
        answer = desk.browser.get(f"{last}/result")
        assert answer.headers["location"] == f"{last}/done"
        assert desk.browser.get("/my/").status_code == 303
    assert [yen for name, yen in shop.taken() if name.startswith(f"my-{last[-32:-16]}")] == [1980]


@pytest.mark.parametrize(
    "proof",
    [
        pytest.param("9" * 5000 + ".amzn1.account.A.seal", id="thousands of digits"),
        pytest.param("9999999999.amzn1.account.A." + "0" * 64, id="a seal of one's own"),
        pytest.param("٩٩٩٩٩٩٩٩٩٩.a.b", id="digits that are not ours"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_forged_proof_of_an_amazon_account_opens_nothing(newcomer: Newcomer, proof: str) -> None:
    browser = newcomer().browser
    fields = {"form_token": browser.token("/my/sign-in"), "proof": proof, "customer": "1"}
    answer = browser.send("POST", "/my/sign-in/choose", data=fields)
    assert answer.status_code == 200
    assert "sign in" in words(answer).lower()
    assert browser.get("/my/").status_code == 303


def test_what_is_not_sold_any_more_is_said_at_every_step(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    last = desk.last_screen("/my/join/plans/short", email=ICHIRO)
    back = desk.chosen("/my/join/plans/short", email=ICHIRO)
    form = desk.browser.form_of(last, last)
    with later(shop, hours=13):  # 23 November, one o'clock
        answers = {
            "the plan": desk.browser.get("/my/join/plans/short"),
            "back from Amazon": desk.browser.get(back),
            "the last screen": desk.browser.get(last),
            "the button": desk.browser.send("POST", last, data=form | {"agree": "yes"}),
        }
    for step, answer in answers.items():
        assert answer.status_code in (404, 410), step
        assert "What you chose is not on offer any more" in words(answer), step
    assert shop.rows("SELECT 1 FROM consent WHERE checkout_id = :i", i=last[-32:]) == []


def test_the_first_charge_is_said_as_it_was_agreed_however_late_one_looks(
    shop: Shop, newcomer: Newcomer
) -> None:
    """14 days after the consent of 22 November is 6 December, on the next day too."""
    desk = newcomer()
    last = desk.sign_up("/my/join/plans/later", email=NEW)
    assert str(signed_up(shop)["due_at"])[:10] == "2026-12-06"
    with later(shop, hours=13):
        assert "first charge is on Sun, 6 Dec 2026" in words(desk.browser.get(f"{last}/done"))


def test_a_screen_of_before_midnight_is_not_agreed_to_after_it(
    shop: Shop, newcomer: Newcomer
) -> None:
    """The figures of the button's moment are compared, and the consent has their very day."""
    desk = newcomer()
    last = desk.last_screen("/my/join/plans/most", email=ICHIRO)
    form = desk.browser.form_of(last, last)
    with later(shop, hours=12):  # 23 November 0:00 in Japan
        answer = desk.browser.send("POST", last, data=form | {"agree": "yes"})
        assert answer.status_code == 409
        assert "Mon, 23 Nov 2026" in words(answer)
        assert shop.rows("SELECT 1 FROM consent WHERE checkout_id = :i", i=last[-32:]) == []


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        pytest.param("?quantity=0", "quantity", "1 から 1,000", id="no seat"),
        pytest.param("?quantity=1.5", "quantity", "「1.5」は", id="half a seat"),
        pytest.param("?coupon=%E2%80%AEevil", "coupon", "ご利用いただけません", id="right to left"),
        pytest.param("?coupon=%00", "coupon", "使えない文字", id="a control character"),
        pytest.param("?coupon=" + "x" * 65, "coupon", "64 文字", id="too long"),
        pytest.param("?coupon=%F0%A0%AE%B7", "coupon", "ご利用いただけません", id="four bytes"),
    ],
)
def test_a_choice_that_cannot_be_had_is_said_beside_its_field(
    newcomer: Newcomer, query: str, field: str, said: str
) -> None:
    browser = newcomer(language="ja").browser
    answer = browser.get(f"/my/join/plans/team{query}")
    assert answer.status_code == 422
    found = re.search(rf'id="problem-{field}">([^<]*)<', answer.text)
    assert found, words(answer)
    assert said in found[1]
    assert "data-amazon-button" not in answer.text


def test_a_plan_that_owes_more_every_month_than_the_cap_takes_has_no_button(
    newcomer: Newcomer,
) -> None:
    """33 × 1,480 = 48,840 fits under 50,000; 34 × 1,480 = 50,320 is more in every month."""
    browser = newcomer().browser
    fits, more = (browser.get(f"/my/join/plans/team?quantity={n}") for n in (33, 34))
    assert "data-amazon-button" in fits.text
    assert "data-amazon-button" not in more.text
    assert "do not fit under the monthly limit of ¥50,000" in words(more)


def test_an_address_cannot_put_words_onto_the_page(newcomer: Newcomer) -> None:
    browser = newcomer().browser
    text = words(browser.get("/my/join/plans/team?dropped=call+0120-666-666"))
    assert "0120" not in text
    assert "HALF" in words(browser.get("/my/join/plans/team?dropped=HALF"))


def test_a_new_method_for_what_has_ended_meanwhile_is_given_back(
    shop: Shop, newcomer: Newcomer
) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/ended", email=NEW)
    mine = signed_up(shop)
    replace = desk.last_screen(f"/my/payment/{mine['external_id']}", email=NEW)
    assert desk.agree(replace).status_code == 303
    desk.approve(replace)
    page = f"/my/subscriptions/{mine['id']}/cancel"
    quote = desk.browser.post_form(page, page, when="now").headers["location"]
    desk.browser.post_form(quote, quote)
    assert desk.browser.get(f"{replace}/result").headers["location"] == f"{replace}/done"
    assert "The subscription ended meanwhile" in words(desk.browser.get(f"{replace}/done"))
    assert shop.engine.finish_checkouts() == 0
    (act,) = shop.rows("SELECT * FROM act WHERE kind = 'close' ORDER BY id DESC LIMIT 1")
    assert act["actor"] == "engine"
    assert shop.faults() == []


def test_what_was_chosen_is_what_is_agreed_ordered_and_changed(
    shop: Shop, newcomer: Newcomer
) -> None:
    """1,980 + 300 at half is 1,140; the evidence is, byte for byte, what the page showed."""
    desk = newcomer()
    page = "/my/join/plans/basic?add_on=storage&coupon=HALF"
    assert "Charged today ¥1,140" in words(desk.browser.get(page))
    last = desk.last_screen(page, email=NEW)
    shown = words(desk.browser.get(last))
    for said in ("Basic + Storage From", "Today ¥1,140", "Regularly ¥2,280", "coupon “HALF”"):
        assert said in shown
    desk.agree(last)
    desk.approve(last)
    desk.browser.get(f"{last}/result")
    mine = signed_up(shop)
    own = f"/my/subscriptions/{mine['id']}"
    assert (f"{mine['external_id']}-0000-renewal", 1140) in shop.taken()
    assert "Option Storage × 1" in words(desk.browser.get(own))

    quote = change(desk, f"{own}/change?what=options&add_on=storage&pieces=0")
    seen = desk.browser.get(quote).text
    form = desk.browser.form_of(quote, quote)
    # Another language, other words: what would be kept is shown first.
    answer = desk.browser.send("POST", f"{quote}?lang=ja", data=form)
    assert answer.status_code == 409
    assert "もう一度ご確認ください" in words(answer)
    assert consents(shop) == []
    desk.browser.get(f"{quote}?lang=en")
    assert desk.browser.send("POST", quote, data=form).headers["location"] == own
    desk.browser.send("POST", quote, data=form | {"form_id": "c" * 22})  # a second tab
    (kept,) = consents(shop)
    assert (kept["kind"], kept["subscription_id"]) == ("remove_add_on", mine["id"])
    assert kept["html"] in seen


def test_a_coupon_counts_from_the_next_charge_on(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/team?quantity=2", email=NEW)
    own = f"/my/subscriptions/{signed_up(shop)['id']}"
    for code in ("NONE", "%F0%A0%AE%B7"):
        answer = desk.browser.get(f"{own}/change?what=coupon&coupon={code}")
        assert answer.status_code == 422
        assert 'id="problem-coupon">This coupon cannot be used for your plan' in answer.text
    quote = change(desk, f"{own}/change?what=coupon&coupon=half".replace("half", "HALF"))
    assert "Charged today ¥0" in words(desk.browser.get(quote))
    assert desk.browser.post_form(quote, quote).headers["location"] == own
    # 2 × 1,480 at half, once
    assert "Tue, 22 Dec 2026 ¥1,480" in words(desk.browser.get("/my/"))
    assert consents(shop)[-1]["kind"] == "add_coupon"


def test_a_quote_of_before_midnight_charges_nothing_after_it(
    shop: Shop, newcomer: Newcomer
) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/later", email=HANAKO)
    own = f"/my/subscriptions/{signed_up(shop)['id']}"
    before = shop.taken()
    with later(shop, hours=11, minutes=59):
        quote = change(desk, f"{own}/change?what=options&add_on=storage&pieces=1")
        form = desk.browser.form_of(quote, quote)
    with later(shop, hours=12):
        answer = desk.browser.send("POST", quote, data=form)
        new = answer.headers["location"]
        assert new not in (quote, own)
        said = words(desk.browser.get(new))
    assert "it held until 2026-11-23 00:00" in said
    assert "nothing was changed" in said
    assert shop.taken() == before
    assert consents(shop) == []


def test_the_deadline_is_the_last_minute_before_the_day_of_the_charge(
    shop: Shop, newcomer: Newcomer
) -> None:
    """On the day itself it is too late for that charge; the end after it can still be chosen."""
    desk = newcomer()
    desk.sign_up("/my/join/plans/most", email=ICHIRO)
    page = f"/my/subscriptions/{signed_up(shop)['id']}/cancel"
    with later(shop, days=29, hours=11, minutes=58):  # 21 December 23:58 in Japan
        answer = desk.browser.post_form(page, page, when="renewal")
        assert answer.headers["location"].startswith("/my/quotes/")
    with later(shop, days=29, hours=12):
        assert "could be changed until Mon, 21 Dec 2026 23:59" in words(desk.browser.get(page))
        answer = desk.browser.post_form(page, page, when="renewal")
        assert answer.status_code == 422
        answer = desk.browser.post_form(page, page, when="next")
        said = words(desk.browser.get(answer.headers["location"]))
    assert "Takes effect Fri, 22 Jan 2027" in said
    # The charge of this very day comes in any case; confirming takes nothing.
    assert "Charged today ¥49,999" in said
    assert "Pay ¥" not in said


def test_a_charge_that_the_cap_takes_in_parts_says_so_before_it_is_agreed_to(
    shop: Shop, newcomer: Newcomer
) -> None:
    """1,480 is used of 50,000: of what 33 more seats cost today a part waits for December."""
    desk = newcomer()
    desk.sign_up("/my/join/plans/seats", email=NEW)
    own = f"/my/subscriptions/{signed_up(shop)['id']}"
    page = f"{own}/change?what=seats&quantity=35&when=now"
    said = words(desk.browser.get(page))
    # 34 × 1,480 = 50,320 are due today, and 50,000 − 1,480 = 48,520 fit.
    assert "In parts, because of the monthly cap: Sun, 22 Nov 2026 ¥48,520" in said
    assert "Tue, 1 Dec 2026 ¥1,800" in said


def test_what_has_ended_offers_no_change(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/ended", email=HANAKO)
    own = f"/my/subscriptions/{signed_up(shop)['id']}"
    quote = desk.browser.post_form(f"{own}/cancel", f"{own}/cancel", when="now")
    desk.browser.post_form(quote.headers["location"], quote.headers["location"])
    answer = desk.browser.get(f"{own}/change")
    assert "This subscription has ended" in words(answer)
    assert '<form method="get"' not in answer.text.split("<main", 1)[1]


def test_an_extra_that_cannot_be_bought_says_why(shop: Shop, newcomer: Newcomer) -> None:
    desk = newcomer()
    desk.sign_up("/my/join/plans/seats", email=HANAKO)
    mine = signed_up(shop)
    page = f"/my/extras/{mine['external_id']}/mug"
    for typed, status, said in (
        ("１２", 200, "¥18,000"),
        ("0", 422, "Give a number from 1 to 1,000"),
        ("1.5", 422, "is not a whole number"),
        ("40", 200, "room left this month: ¥48,520"),
    ):
        answer = desk.browser.get(f"{page}?quantity={typed}")
        assert (answer.status_code, said in words(answer)) == (status, True), typed
    # In two tabs at once: what was bought in one is asked about in the other, in any language.
    tabs = [hidden(desk, page) for _ in range(2)]
    before = len(shop.taken())
    assert desk.browser.send("POST", page, data=tabs[0] | {"agree": "yes"}).status_code == 303
    answer = desk.browser.send("POST", page, data=tabs[1] | {"agree": "yes"})
    assert answer.status_code == 422
    assert 'name="again"' in desk.browser.get(f"{page}?lang=ja").text
    assert len(shop.taken()) == before + 1
    own = f"/my/subscriptions/{mine['id']}/cancel"
    quote = desk.browser.post_form(own, own, when="now").headers["location"]
    desk.browser.post_form(quote, quote)
    assert "ご利用いただけません" in words(desk.browser.get(page))


def test_an_extra_that_is_forbidden_while_it_is_bought_charges_nothing_and_says_so(
    shop: Shop, newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Charging is stopped between the look at the page's figures and the order."""
    desk = newcomer()
    desk.sign_up("/my/join/plans/team", email=ICHIRO)
    page = f"/my/extras/{signed_up(shop)['external_id']}/mug"
    form = hidden(desk, page)
    before, order = len(shop.taken()), extras.request_one_off
    merchant, at = shop.engine.merchant, shop.clock.now()

    def stopped_first(connection: Connection, *args: Any, **named: Any) -> Any:
        pull_brake(connection, merchant, by="test", reason="a drill", at=at)
        return order(connection, *args, **named)

    monkeypatch.setattr(extras, "request_one_off", stopped_first)
    answer = desk.browser.send("POST", page, data=form | {"agree": "yes"})
    assert answer.status_code == 422
    assert "What was shown has changed" in words(answer)
    assert len(shop.taken()) == before
    monkeypatch.undo()
    answer = desk.browser.send("POST", page, data=hidden(desk, page) | {"agree": "yes"})
    assert answer.status_code == 303
    assert len(shop.taken()) == before + 1

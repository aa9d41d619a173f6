"""Customers sign up, sign in and change how they pay, on the real hosted pages of Amazon Pay."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from join_walk import HANAKO, ICHIRO, MISAKI, Walk
from playwright.sync_api import Browser as Chromium
from support.browser import new_context, serving
from support.sandbox import Sandbox
from support.shop import Shop, opening, subscriber
from web_books import PASSWORD

from amazonpay import CompleteCheckoutSession
from app.web import create_app
from billing import reading, writing
from billing.checkouts import (
    claim_completion,
    completion_key,
    load_checkout,
    stored_consents,
)
from billing.deliveries import claim_mails, plan_notices, store_notice_rules
from scheduler import BillingEngine

PLANS = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: trial, name: {ja: お試し付き, en: With a trial}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, trial_days: 14}
  - {code: goods, name: {ja: コーヒー豆, en: Coffee}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, first_price: 1980, minimum_cycles: 3, physical: true}
  - {code: team, name: {ja: チーム, en: Team}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
add_ons:
  - {code: mug, name: {ja: マグ, en: Mug}, price: 1500, per_seat: true, tax: standard,
     recurring: false}
coupons:
  - {code: HALF, valid_from: 2026-01-01, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: 1}
"""


@dataclass
class House:
    shop: Shop
    address: str
    chromium: Chromium
    hooks: list[Callable[[], None]] = field(default_factory=list)

    def charging(self) -> BillingEngine:
        """The engine, after what a test wants to happen before it works."""
        for hook in self.hooks:
            hook()
        return self.shop.engine

    def walk(self, name: str, **how: Any) -> Walk:
        context = new_context(self.chromium, self.address, **how)
        return Walk(context, context.new_page(), self.shop, name)


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, shared_sandbox: Sandbox, browser: Chromium
) -> Iterator[House]:
    url = f"sqlite:///{tmp_path_factory.mktemp('join') / 'books.sqlite3'}"
    with opening(url, shared_sandbox) as opened:
        shop = opened(subscribers=[subscriber(1), subscriber(2)], catalogue=PLANS)
        house = House(shop, "", browser)
        app = create_app(
            database=shop.database,
            merchant=shop.engine.merchant,
            staff_password=PASSWORD,
            clock=shop.clock,
            master_key=shop.master_key,
            charging=house.charging,
        )
        with serving(app) as address:
            house.address = address.replace("127.0.0.1", "localhost")
            yield house


def test_a_trial_costs_nothing_today_and_says_when_it_will(house: House) -> None:
    walk = house.walk("ja-trial")
    walk.page.goto("/my/join")
    walk.shot("plans")
    walk.page.goto("/my/join/plans/trial?coupon=NONE")
    assert "ご利用いただけません" in walk.said()
    walk.page.goto("/my/join/plans/trial")
    walk.shot("plan")
    last = walk.to_last_screen("trial", HANAKO)
    walk.shot("last-screen")
    said = walk.said()
    # 22 November + 14 days; twelve months hold 12 charges of 1,980 from 6 December on = 23,760.
    for words in (
        "本日 ¥0",
        "2026年12月6日(日) に初回 ¥1,980",
        "¥23,760",
        "自動更新",
        "解約料 0円",
    ):
        assert words in said
    shown = walk.page.locator("#card-terms ~ section").evaluate("node => node.outerHTML")
    walk.page.click("main form button.primary")
    assert "続けるには" in walk.said()
    walk.agree()
    walk.shot("done")
    assert "¥0" in walk.said() or "0円" in walk.said()
    (made,) = walk.signed_up()
    assert (made["state"], str(made["due_at"])[:10]) == ("trialing", "2026-12-06")
    with reading(house.shop.database) as connection:
        (kept,) = stored_consents(connection, house.shop.engine.merchant, checkout_id=last[-32:])
    assert kept.is_intact
    assert kept.html_hash == hashlib.sha256(kept.html.encode()).hexdigest()
    assert "".join(shown.split()) == "".join(kept.html.split())
    walk.page.goto(last)  # a stale tab of the last screen
    assert walk.page.url.endswith("/done")
    assert len(walk.signed_up()) == 1
    walk.context.close()


def test_a_double_click_orders_once_and_amazon_brings_the_customer_back(house: House) -> None:
    walk = house.walk("en-phone", language="en", phone=True)
    walk.page.goto("/my/join")
    walk.shot("plans")
    walk.page.goto("/my/join/plans/team?quantity=3&coupon=HALF")
    # 3 × 1,480 at half = 2,220 first, then 4,440.
    assert "¥2,220" in walk.said()
    walk.shot("plan")
    before, taken = len(walk.signed_up()), len(house.shop.taken())
    walk.press_amazon()
    walk.log_in_at_amazon(ICHIRO)
    walk.choose()
    last = walk.page.url
    walk.shot("last-screen")
    other = walk.context.new_page()  # a second tab of the same last screen
    other.goto(last)
    walk.page.check("#agree")
    walk.page.dblclick("main form button.primary")
    walk.page.wait_for_url("**/done")
    walk.shot("done")
    assert "Your payment of ¥2,220 is confirmed" in walk.said()
    other.check("#agree")
    other.click("main form button.primary")
    other.wait_for_load_state()
    walk.page.goto(f"{last}/result")  # the page that completes, once more
    walk.page.go_back()
    assert len(walk.signed_up()) == before + 1
    assert [yen for _, yen in house.shop.taken()].count(2220) == 1
    assert len(house.shop.taken()) == taken + 1
    _returns_by_amazon(walk)
    _buys_a_mug(walk)
    walk.context.close()


def _returns_by_amazon(walk: Walk) -> None:
    walk.page.goto("/my/account")
    walk.shot("account")
    walk.page.locator("header form button").click()
    walk.page.wait_for_url("**/my/sign-in*")
    walk.shot("sign-in")
    walk.press_amazon()
    walk.page.locator("main form button").first.click()
    walk.page.wait_for_url("**/my/")
    walk.page.goto("/my/account")
    assert "Linked" in walk.said()


def _buys_a_mug(walk: Walk) -> None:
    """Beside the subscription, on the same consent; a double click and the back button buy one."""
    before = len(walk.shop.taken())
    walk.page.goto(f"/my/extras/{walk.signed_up()[-1]['external_id']}")
    walk.shot("extras")
    walk.page.click("text=Choose")
    walk.page.fill("#quantity", "2")
    walk.page.click("text=Work out the price")
    walk.shot("extra")
    walk.page.check("#agree")
    walk.page.dblclick("main form button.primary")
    walk.page.wait_for_url(lambda url: "quantity" not in url and "/mug" not in url)
    assert "Your payment of ¥3,000 is confirmed" in walk.said()
    walk.page.go_back()  # the same again within minutes needs a tick of its own
    walk.page.reload()
    walk.page.check("#agree")
    walk.page.click("main form button.primary")
    assert "Please confirm" in walk.said()
    assert [yen for _, yen in walk.shop.taken()].count(3000) == 1
    assert len(walk.shop.taken()) == before + 1


@pytest.mark.parametrize("card", ["", "3434"], ids=["the buyer leaves", "Amazon declines the card"])
def test_what_ends_at_amazon_orders_nothing(house: House, card: str) -> None:
    walk = house.walk(f"ends-{card or 'left'}")
    before = len(walk.signed_up())
    if card:
        walk.to_last_screen("basic", MISAKI, card=card)
        walk.agree()
        assert "お手続きは完了しませんでした" in walk.said()
        walk.shot("failed")
    else:
        walk.page.goto("/my/join/plans/basic")
        walk.press_amazon()
        walk.page.locator("button", has_text="キャンセル").click()
        walk.page.wait_for_url("**/my/join/plans/basic*")
    assert len(walk.signed_up()) == before
    assert house.shop.faults() == []
    walk.context.close()


def test_a_declined_first_charge_is_paid_another_way(house: House) -> None:
    shop, walk = house.shop, house.walk("declined")
    before = len(shop.taken())
    last = walk.to_last_screen("goods", MISAKI)
    assert "最低ご利用回数 3回" in walk.said()

    house.hooks.append(lambda: _bank_will_decline(shop, last[-32:]))
    walk.agree()
    house.hooks.clear()
    walk.shot("declined")
    assert "¥1,980 のお支払いが承認されませんでした" in walk.said()
    assert len(shop.taken()) == before
    walk.page.click("text=別のお支払い方法を選ぶ")
    walk.shot("payment-method")
    agreement = walk.page.inner_text("#card-at-amazon ~ p .mono, .mono")
    assert (walk.page.get_attribute("a[rel=external]", "href") or "").endswith(agreement)
    walk.press_amazon()
    walk.choose("4444")
    walk.shot("replace")
    walk.agree()
    walk.shot("replaced")
    assert shop.taken().count((f"{_subscription_of(shop, last[-32:])}-0000-renewal", 1980)) == 1
    assert len(shop.taken()) == before + 1
    assert shop.faults() == []
    walk.context.close()


def _subscription_of(shop: Shop, checkout_id: str) -> str:
    with reading(shop.database) as connection:
        merchant = shop.engine.merchant
        return load_checkout(connection, merchant, checkout_id=checkout_id).subscription


def _bank_will_decline(shop: Shop, checkout_id: str) -> None:
    """Once the buyer has approved: Amazon completes it, and its first charge will be declined."""
    merchant = shop.engine.merchant
    with reading(shop.database) as connection:
        found = load_checkout(connection, merchant, checkout_id=checkout_id)
    session = shop.amazon.call("GET", f"/checkout-sessions/{found.session_id}")
    if session["approvedAt"] is None or session["chargePermissionId"] is not None:
        return
    found = writing(shop.database, lambda c: claim_completion(c, merchant, checkout_id=found.id))
    request, key = CompleteCheckoutSession(amount_yen=found.amount_yen), completion_key(found)
    with shop.engine.make_client() as client:
        done = client.complete_checkout_session(found.session_id, request, idempotency_key=key)
    assert done.charge_permission_id
    shop.amazon.patch_permission(done.charge_permission_id, behaviour=["HardDeclined"])


def test_a_member_comes_by_mail_and_links_amazon(house: House) -> None:
    walk = house.walk("mail")
    walk.page.goto("/my/sign-in")
    walk.shot("sign-in")
    for email in ("nobody@example.jp", "user2@example.jp"):
        walk.page.goto("/my/sign-in")
        walk.page.fill("#email", email)
        walk.page.click("main form button")
        walk.page.wait_for_url("**/my/sign-in/sent")
        said = walk.said()  # the same words for both
        assert "ご登録のあるアドレスであれば" in said
    walk.shot("sent")
    link = _link_in_mail(house)
    walk.page.goto(link)
    walk.page.goto(link)  # looking does not use it up
    walk.shot("link")
    telephone = house.walk("mail-elsewhere")
    telephone.page.goto(link)
    telephone.shot("another-browser")
    telephone.page.click("main form button")
    telephone.page.wait_for_url("**/my/sign-in/sent")
    telephone.context.close()
    walk.page.click("main form button")
    walk.page.wait_for_url("**/my/")
    walk.page.goto("/my/account")
    walk.press_amazon()
    walk.log_in_at_amazon(HANAKO)
    walk.page.locator("main form button").first.click()
    walk.page.wait_for_url(lambda url: "localhost" in url)
    assert "別のご登録に連携されています" in walk.said()  # Hanako signed up in another test
    walk.shot("conflict")
    stranger = house.walk("used-link")
    stranger.page.goto(link)
    assert "使用済み" in stranger.said()
    stranger.context.close()
    walk.context.close()


def _link_in_mail(house: House) -> str:
    shop = house.shop
    merchant, at = shop.engine.merchant, shop.clock.now()
    rules = {"mail_from": "shop@shop.example"}
    writing(shop.database, lambda c: store_notice_rules(c, merchant.id, rules))
    plan_notices(shop.database, merchant, at=at)
    mails = claim_mails(
        shop.database, merchant, worker_id="w", at=at, limit=100, master_key=shop.master_key
    )
    bodies = [mail.body for mail in mails if "link?token=" in mail.body]
    (line,) = [each for each in bodies[0].splitlines() if "token=" in each]
    return line


def test_nobody_sees_or_takes_another_buyers_checkout(house: House) -> None:
    mine, theirs = house.walk("idor"), house.walk("idor-other")
    last = mine.to_last_screen("basic", HANAKO)
    for address in (last, f"{last}/result", f"{last}/done"):
        theirs.page.goto(address)
        assert "/my/sign-in" in theirs.page.url, address
    # Somebody else's session id, brought with a mark of one's own.
    session_id = house.shop.rows("SELECT session_id FROM checkout WHERE id = :id", id=last[-32:])[
        0
    ]["session_id"]
    theirs.page.goto("/my/join/plans/basic")
    options = theirs.page.get_attribute("[data-amazon-button]", "data-amazon-button") or ""
    back = options.split('checkoutReviewReturnUrl\\":\\"')[1].split('\\"')[0]
    theirs.page.goto(f"{back}&amazonCheckoutSessionId={session_id}")
    assert "別のブラウザ" in theirs.said()
    theirs.shot("stopped")
    # Signed in, and still not hers.
    mine.page.goto("/my/payment/sub-001")
    assert "sub-001" not in mine.said()
    for walk in (mine, theirs):
        walk.context.close()

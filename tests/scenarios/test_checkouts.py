"""Signing up, saving a method and changing it: booked once, charged by the one path, recovered."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from checkout_desk import CheckoutDesk
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, opening, subscriber

from billing import reading, writing
from billing.agreements import act
from billing.checkouts import (
    CheckoutRefused,
    Wanted,
    begin_checkout,
    checkout_of_browser,
    first_charge,
    same_plan,
    saved_methods,
    sign_up_offer,
)
from billing.customers import customer_of_buyer
from plans import PlansError
from plans.lifecycle import Actor, Cancel, Timing

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: trial, name: {ja: お試し付き, en: With a trial}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, trial_days: 14}
  - {code: goods, name: {ja: 定期便, en: Goods}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, first_price: 1980, minimum_cycles: 3}
  - {code: gift, name: {ja: 初回無料, en: First free}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, first_price: 0}
  - {code: yearly, name: {ja: 年額, en: Yearly}, price: 98000, tax: standard,
     every: {unit: year, count: 1}}
coupons:
  - {code: HALF, valid_from: 2026-01-01, name: {ja: 半額, en: Half price}, off: {percent: 50},
     cycles: 1, once_per_buyer: true}
"""


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """Most of what follows does not depend on the database; what does takes `opened`."""
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one(subscribers=[subscriber(1)], catalogue=CATALOGUE)


@pytest.fixture
def desk(shop: Shop) -> CheckoutDesk:
    return CheckoutDesk(shop)


def word(shop: Shop, subscription_id: int | None) -> str:
    assert subscription_id is not None
    with reading(shop.database) as connection:
        return first_charge(connection, subscription_id=subscription_id).word


def customer(shop: Shop, buyer_id: str) -> int | None:
    with reading(shop.database) as connection:
        return customer_of_buyer(connection, shop.engine.merchant, buyer_id=buyer_id)


@pytest.mark.parametrize(
    ("plan", "taken", "state", "said", "due_on"),
    [
        # 22 November, noon: charged at once, then on the 22nd of every month at 9:00 (0:00 UTC).
        pytest.param("basic", [1980], "active", "paid", "2026-12-22", id="charged at once"),
        pytest.param("goods", [1980], "active", "paid", "2026-12-22", id="its own first price"),
        # 22 November + 14 days
        pytest.param("trial", [], "trialing", "free", "2026-12-06", id="a trial: nothing today"),
        pytest.param("gift", [], "active", "free", "2026-12-22", id="a first cycle for nothing"),
    ],
)
def test_signing_up_books_once_and_charges_by_the_one_path(
    shop: Shop,
    desk: CheckoutDesk,
    plan: str,
    taken: list[int],
    state: str,
    said: str,
    due_on: str,
) -> None:
    found = desk.agreed(plan)
    done = shop.engine.finish_checkout(found.id)
    again = shop.engine.finish_checkout(found.id)
    assert (done.state, again.state) == ("completed", "completed")
    assert done.booked
    assert again.booked
    assert again.booked.repeated
    assert [yen for _, yen in shop.taken()] == taken
    row = shop.subscription(found.subscription)
    assert (row["state"], str(row["due_at"])[:10]) == (state, due_on)
    assert word(shop, done.booked.subscription_id) == said
    assert customer(shop, found.buyer_id) == done.booked.customer_id == row["customer_id"]
    assert len(shop.rows("SELECT 1 FROM subscription")) == 2
    notices = [each["kind"] for each in shop.rows("SELECT kind FROM notice")]
    assert notices.count("signed_up") == 1
    assert shop.faults() == []


def test_the_year_that_was_agreed_to_is_the_year_that_is_charged(
    shop: Shop, desk: CheckoutDesk
) -> None:
    """Law: the charges on the last screen are those that the runs make, to the yen and the day."""
    with reading(shop.database) as connection:
        offer = sign_up_offer(
            connection,
            shop.engine.merchant,
            wanted=Wanted(plan_code="goods", coupon="HALF"),
            subscription_id="preview",
            at=shop.clock.now(),
        )
    # First price 1,980 at half = 990, then 3,240 each: 990 + 11 × 3,240 = 36,630.
    assert (offer.today_yen, offer.year_yen) == (990, 36_630)
    found = desk.agreed(wanted=Wanted(plan_code="goods", coupon="HALF"))
    shop.engine.finish_checkout(found.id)
    for bill in offer.bills[1:4]:
        shop.charge_on(bill.on)
    taken = [yen for reference, yen in shop.taken() if reference.startswith("my-")]
    assert taken == [bill.charge_yen for bill in offer.bills[:4]]
    assert shop.faults() == []


def test_a_death_between_amazon_and_our_books_is_made_good(shop: Shop, desk: CheckoutDesk) -> None:
    found = desk.agreed()
    desk.completed(found)
    assert shop.rows("SELECT 1 FROM subscription WHERE external_id LIKE 'my-%'") == []
    assert shop.engine.finish_checkouts() == 1
    assert [yen for _, yen in shop.taken()] == [1980]
    assert shop.engine.finish_checkouts() == 0
    assert len(list(shop.amazon.permissions())) == 2
    assert shop.faults() == []


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "500_after", "timeout_after"])
def test_an_answer_that_got_lost_stays_unknown_until_it_is_known(
    opened: OpenShop, kind: str
) -> None:
    shop = opened(
        subscribers=[subscriber(1)], catalogue=CATALOGUE, endpoint={"deadline_seconds": 1.0}
    )
    found = CheckoutDesk(shop).agreed()
    shop.amazon.faults([{"operation": "completeCheckoutSession", "kind": kind, "times": 1}])
    assert shop.engine.finish_checkout(found.id).state == "completing"
    assert shop.taken() == []
    shop.amazon.clear_faults()
    assert shop.engine.finish_checkouts() == 1
    assert [yen for _, yen in shop.taken()] == [1980]
    assert len(list(shop.amazon.permissions())) == 2


def test_two_looks_at_once_make_one_subscription(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], catalogue=CATALOGUE)
    found = CheckoutDesk(shop).agreed()
    threads = [
        threading.Thread(target=lambda: shop.engine.finish_checkout(found.id)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.engine.finish_checkout(found.id).state == "completed"
    assert [yen for _, yen in shop.taken()] == [1980]
    assert len(shop.rows("SELECT 1 FROM subscription WHERE external_id LIKE 'my-%'")) == 1
    assert shop.faults() == []


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        pytest.param("3434", "Declined", id="Amazon declines the card"),
        pytest.param("3064", "BuyerCanceled", id="the buyer leaves"),
    ],
)
def test_what_amazon_ends_is_over_and_leaves_nothing(
    shop: Shop, desk: CheckoutDesk, card: str, reason: str
) -> None:
    found = desk.agreed(card=card)
    done = shop.engine.finish_checkout(found.id)
    assert (done.state, done.reason) == ("failed", reason)
    assert shop.engine.finish_checkout(found.id).state == "failed"
    assert shop.taken() == []
    assert len(shop.rows("SELECT 1 FROM subscription")) == 1


def test_a_first_charge_that_is_declined_waits_for_another_method(
    shop: Shop, desk: CheckoutDesk
) -> None:
    found = desk.agreed()
    shop.amazon.patch_permission(desk.completed(found), behaviour=["SoftDeclined"])
    done = shop.engine.finish_checkout(found.id)
    assert done.booked is not None
    assert word(shop, done.booked.subscription_id) == "declined"
    assert shop.subscription(found.subscription)["state"] == "pending"
    other = desk.agreed(
        purpose="replace",
        wanted=Wanted(subscription=found.subscription),
        customer_id=done.booked.customer_id,
    )
    replaced = shop.engine.finish_checkout(other.id)
    assert replaced.state == "completed"
    assert word(shop, done.booked.subscription_id) == "paid"
    assert [yen for _, yen in shop.taken()] == [1980]
    assert shop.faults() == []


def test_an_order_whose_first_charge_was_declined_can_be_taken_back(
    shop: Shop, desk: CheckoutDesk
) -> None:
    found = desk.agreed("goods")  # a minimum term of three cycles binds nobody yet
    shop.amazon.patch_permission(desk.completed(found), behaviour=["SoftDeclined"])
    done = shop.engine.finish_checkout(found.id)
    assert done.booked is not None
    writing(
        shop.database,
        lambda c: act(
            c,
            shop.engine.merchant,
            subscription_id=found.subscription,
            command=Cancel(timing=Timing.NOW),
            actor=Actor.CUSTOMER,
            reason="took it back",
            at=shop.clock.now(),
        ),
    )
    assert shop.subscription(found.subscription)["state"] == "canceled"
    assert word(shop, done.booked.subscription_id) == "ended"
    shop.charge_on(date(2026, 11, 29))
    assert [reference for reference, _ in shop.taken()] == []
    assert shop.faults() == []


def test_a_trial_is_given_once_and_a_coupon_too(shop: Shop, desk: CheckoutDesk) -> None:
    first = desk.agreed(wanted=Wanted(plan_code="trial", coupon="HALF"))
    shop.engine.finish_checkout(first.id)
    second = desk.agreed("trial")
    assert second.wanted.trial_days == 0
    with pytest.raises(PlansError, match="once per buyer"):
        desk.agreed(wanted=Wanted(plan_code="basic", coupon="HALF"))


def test_a_plan_that_can_never_fit_is_refused_before_anybody_agrees(
    sqlite_url: str, sandbox: Sandbox
) -> None:
    with opening(sqlite_url, sandbox) as open_one:
        _look_at_the_cap(open_one(subscribers=[], catalogue=CATALOGUE, cap_rule="refuse"))


def _look_at_the_cap(shop: Shop) -> None:
    with reading(shop.database) as connection:
        offers = {
            plan: sign_up_offer(
                connection,
                shop.engine.merchant,
                wanted=Wanted(plan_code=plan),
                subscription_id="preview",
                at=shop.clock.now(),
            )
            for plan in ("basic", "yearly")  # 1,980 and 98,000 under a cap of 50,000 a month
        }
    assert {plan: offer.fits for plan, offer in offers.items()} == {"basic": True, "yearly": False}


def test_a_saved_method_costs_nothing_and_is_found_again(shop: Shop, desk: CheckoutDesk) -> None:
    (owner,) = shop.rows("SELECT id FROM customer")
    found = desk.agreed(purpose="save", wanted=Wanted(), customer_id=owner["id"])
    assert shop.engine.finish_checkout(found.id).state == "completed"
    assert shop.taken() == []
    with reading(shop.database) as connection:
        saved = saved_methods(connection, shop.engine.merchant, customer_id=owner["id"])
    assert [each.state for each in saved] == ["Chargeable"]
    assert "1111" in saved[0].descriptor
    shop.go_to(date(2026, 12, 22))
    shop.engine.run_due()
    assert [reference for reference, _ in shop.taken()] == ["sub-001-0010-renewal"]


def test_another_customers_subscription_cannot_be_moved(shop: Shop, desk: CheckoutDesk) -> None:
    """The page asks for the owner too; this is the last line behind it."""
    mine = desk.agreed("basic")
    booked = shop.engine.finish_checkout(mine.id).booked
    assert booked is not None
    theirs = Wanted(subscription="sub-001")
    found = desk.agreed(purpose="replace", wanted=theirs, customer_id=booked.customer_id)
    before = shop.subscription("sub-001")
    with pytest.raises(CheckoutRefused, match="belongs to somebody else"):
        shop.engine.finish_checkout(found.id)
    assert shop.subscription("sub-001") == before


def test_a_session_of_another_browser_is_nobodys_here(shop: Shop, desk: CheckoutDesk) -> None:
    found = desk.agreed()
    merchant = shop.engine.merchant
    with reading(shop.database) as connection:
        for browser, known in (("b", True), ("other", False)):
            mine = checkout_of_browser(
                connection, merchant, checkout_id=found.id, browser_hash=browser
            )
            assert (mine is not None) == known

    def begin(connection: Any) -> Any:
        return begin_checkout(
            connection,
            merchant,
            checkout_id="f" * 32,
            session_id=found.session_id,
            purpose="sign_up",
            browser_hash="other",
            buyer_id=found.buyer_id,
            wanted=found.wanted,
            amount_yen=1980,
            language="ja",
            customer_id=None,
            at=shop.clock.now(),
        )

    with pytest.raises(CheckoutRefused, match="another browser"):
        writing(shop.database, begin)


def test_nothing_is_completed_that_nobody_agreed_to(shop: Shop, desk: CheckoutDesk) -> None:
    session_id, buyer_id = desk.session()
    merchant = shop.engine.merchant
    writing(
        shop.database,
        lambda c: begin_checkout(
            c,
            merchant,
            checkout_id="e" * 32,
            session_id=session_id,
            purpose="sign_up",
            browser_hash="b",
            buyer_id=buyer_id,
            wanted=Wanted(plan_code="basic"),
            amount_yen=1980,
            language="ja",
            customer_id=None,
            at=shop.clock.now(),
        ),
    )
    with pytest.raises(CheckoutRefused, match="nobody has agreed"):
        shop.engine.finish_checkout("e" * 32)


def test_terms_are_those_of_the_consent_however_late_it_is_booked(
    shop: Shop, desk: CheckoutDesk
) -> None:
    found = desk.agreed()
    shop.clock.set(shop.clock.now() + timedelta(hours=14))  # past midnight in Japan
    shop.amazon.set_clock(shop.clock.now())
    shop.engine.finish_checkout(found.id)
    row = shop.subscription(found.subscription)
    assert (str(row["started_on"]), row["anchor_day"]) == ("2026-11-22", 22)
    with reading(shop.database) as connection:
        held = same_plan(
            connection,
            shop.engine.merchant,
            customer_id=row["customer_id"],
            plan_code="basic",
        )
    assert held is not None
    assert held.subscription == found.subscription

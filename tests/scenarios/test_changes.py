"""Plan changes through the public doors: quoted, confirmed, charged, renewed; or nothing at all."""

from datetime import date
from typing import Any

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import pull_brake, reading, release_brake, writing
from billing.agreements import ChargingStopped, Confirmation, confirm_quote, keep_quote
from billing.quotes import Quote, load_situation, plan_change, quote
from plans.lifecycle import Actor

# Of the cycle from 30 November to 30 December 15 of 30 days are left.
MIDDLE = date(2026, 12, 15)


def quoted(shop: Shop, plan: str, on: date, subscription: str = "sub-001", **how: Any) -> Quote:
    """Ask for a change on a day and keep the quote."""
    at = shop.go_to(on, hour=12)
    merchant = shop.engine.merchant
    with reading(shop.database) as connection:
        view = load_situation(connection, merchant, subscription_id=subscription, at=at)
        command = plan_change(view, plan_code=plan, on=on, **how)
        asked = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="test")
    writing(shop.database, lambda connection: keep_quote(connection, merchant, asked))
    return asked


def confirmed(shop: Shop, asked: Quote) -> Confirmation:
    """Confirm a quote and charge what it charges."""
    done = writing(
        shop.database,
        lambda connection: confirm_quote(
            connection, shop.engine.merchant, quote_id=asked.quote_id, at=shop.clock.now()
        ),
    )
    if done.slot_ids:
        shop.engine.charge_now(done.slot_ids)
    return done


def changed(shop: Shop, plan: str, on: date, **how: Any) -> Quote:
    """Quote, confirm, charge."""
    asked = quoted(shop, plan, on, **how)
    confirmed(shop, asked)
    return asked


def takings(shop: Shop) -> list[int]:
    """What Amazon captured, smallest first, yen."""
    return sorted(yen for _, yen in shop.taken())


def paying(opened: OpenShop, **how: Any) -> Shop:
    """A subscriber of 1,980 a month who paid on 30 November."""
    shop = opened(subscribers=[subscriber(1)], **how)
    shop.charge_on(date(2026, 11, 30))
    return shop


def test_an_upgrade_charges_the_difference_and_renews_at_the_new_price(opened: OpenShop) -> None:
    """29,800 × 15 ÷ 30 = 14,900; 1,980 × 15 ÷ 30 = 990; 14,900 − 990 = 13,910."""
    shop = paying(opened)
    asked = changed(shop, "studio", MIDDLE)
    assert asked.charge_today_yen == 13_910
    shop.charge_on(date(2026, 12, 30))
    assert takings(shop) == [1_980, 13_910, 29_800]
    after = shop.subscription("sub-001")
    assert (after["state"], after["next_cycle"], str(after["due_at"])[:10]) == (
        "active",
        12,
        "2027-01-30",
    )
    assert sum(shop.balances().values()) == 0
    assert shop.faults() == []


def test_a_declined_upgrade_changes_nothing(opened: OpenShop) -> None:
    shop = opened(
        subscribers=[subscriber(1)], behaviours={"C03-0000001-0000001": ["ok", "SoftDeclined"]}
    )
    shop.charge_on(date(2026, 11, 30))
    changed(shop, "studio", MIDDLE)
    (row,) = shop.rows("SELECT state, result FROM quote")
    assert (row["state"], row["result"]) == ("declined", "SoftDeclined")
    shop.charge_on(date(2026, 12, 30))
    assert takings(shop) == [1_980, 1_980]
    assert shop.rows("SELECT state FROM invoice WHERE purpose <> 'renewal'") == [{"state": "void"}]
    assert shop.faults() == []


def test_a_downgrade_waits_for_the_end_of_the_period(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1, plan_code="studio")])
    shop.charge_on(date(2026, 11, 30))
    asked = changed(shop, "basic", MIDDLE)
    assert (asked.charge_today_yen, asked.effective_on) == (0, date(2026, 12, 30))
    shop.charge_on(date(2026, 12, 30))
    assert takings(shop) == [1_980, 29_800]
    assert shop.faults() == []


@pytest.mark.parametrize("times", [2, 3])
def test_confirming_twice_charges_once(opened: OpenShop, times: int) -> None:
    shop = paying(opened)
    asked = quoted(shop, "studio", MIDDLE)
    states = [confirmed(shop, asked).state for _ in range(times)]
    assert states == ["charging"] + ["confirmed"] * (times - 1)
    assert takings(shop) == [1_980, 13_910]


@pytest.mark.parametrize("fault", ["reset_after", "500_after", "cut_body"])
def test_a_lost_answer_is_replayed_and_the_change_made(opened: OpenShop, fault: str) -> None:
    shop = paying(opened)
    shop.amazon.faults([{"operation": "createCharge", "kind": fault, "times": 1}])
    changed(shop, "studio", MIDDLE)
    assert takings(shop) == [1_980, 13_910]
    assert shop.rows("SELECT state FROM quote") == [{"state": "confirmed"}]
    assert shop.faults() == []


def test_the_twelve_months_of_a_quote_are_what_then_happens(opened: OpenShop) -> None:
    shop = paying(opened)
    asked = changed(shop, "studio", MIDDLE)
    for bill in asked.coming[:4]:
        shop.charge_on(bill.on)
    told = sorted([1_980, asked.charge_today_yen, *(bill.charge_yen for bill in asked.coming[:4])])
    assert takings(shop) == told
    assert shop.faults() == []


def test_nothing_is_confirmed_for_money_while_the_brake_is_pulled(opened: OpenShop) -> None:
    shop = paying(opened)
    asked = quoted(shop, "studio", MIDDLE)
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(shop.database, lambda c: pull_brake(c, merchant, by="staff", reason="test", at=at))
    with pytest.raises(ChargingStopped):
        confirmed(shop, asked)
    writing(shop.database, lambda c: release_brake(c, merchant, reason="test", at=at))
    confirmed(shop, asked)
    assert takings(shop) == [1_980, 13_910]

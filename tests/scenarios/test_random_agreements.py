"""Customers and staff act at random for months, buyers' banks decline; the books stay true.

A failing walk is named by its seed and replays alone: `pytest -k "seed7"`.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import ImportStatus, reading, writing
from billing.agreements import act, confirm_quote, keep_quote
from billing.agreements.refusals import AgreementRefused
from billing.quotes import CapRefuses, load_situation, plan_change, quote
from plans import PlansError
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangeQuantity,
    Command,
    PaidDays,
    Pause,
    Reactivate,
    Refund,
    RemoveAddOn,
    RemoveCoupon,
    Resume,
    ResumeMode,
    SkipCycles,
    Subscription,
    Timing,
    Undo,
)

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: studio, name: {ja: スタジオ, en: Studio}, price: 29800, tax: standard,
     every: {unit: month, count: 1}}
  - {code: team, name: {ja: チーム, en: Team}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
  - {code: week, name: {ja: 週, en: Week}, price: 777, tax: reduced, every: {unit: week, count: 2}}
add_ons:
  - {code: support, name: {ja: 電話, en: Phone}, price: 600, tax: standard, per_seat: true}
  - {code: snack, name: {ja: お菓子, en: Snack}, price: 540, tax: reduced}
coupons:
  - {code: half, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: 2, stackable: true}
  - {code: minus, name: {ja: 値引, en: Minus}, off: {yen: 500}, cycles: forever, stackable: true}
"""
FIRST = date(2026, 11, 25)
DAYS = 75
PLANS = ("basic", "studio", "team", "week")
# Answers that get lost on the way, after or before Amazon did what it was asked.
LOST = ("reset_after", "500_after", "cut_body", "reset_before", "500_before", "timeout_after")
ANSWERS = ("ok", "ok", "ok", "ok", "SoftDeclined")

Asked = Callable[[random.Random, Subscription, date], Command]


def timing(dice: random.Random) -> Timing:
    return dice.choice([Timing.NOW, Timing.NOW, Timing.PERIOD_END])


COMMANDS: tuple[Asked, ...] = (
    lambda dice, sub, on: ChangeQuantity(dice.randint(1, 4), timing(dice)),
    lambda dice, sub, on: AddAddOn(dice.choice(["support", "snack"]), 1, timing(dice)),
    lambda dice, sub, on: ChangeAddOn("support", dice.randint(1, 3), timing(dice)),
    lambda dice, sub, on: RemoveAddOn(dice.choice(["support", "snack"]), timing(dice)),
    lambda dice, sub, on: AddCoupon(dice.choice(["half", "minus"])),
    lambda dice, sub, on: RemoveCoupon(dice.choice(["half", "minus"])),
    lambda dice, sub, on: SkipCycles(dice.randint(1, 2)),
    lambda dice, sub, on: ChangeNextDate(on + timedelta(days=dice.randint(1, 20))),
    lambda dice, sub, on: ChangeAnchor(on + timedelta(days=dice.randint(1, 25))),
    lambda dice, sub, on: Pause(
        timing(dice),
        until=on + timedelta(days=dice.randint(20, 45)),
        paid_days=dice.choice(list(PaidDays)),
        mode=dice.choice(list(ResumeMode)),
    ),
    lambda dice, sub, on: Resume(mode=dice.choice(list(ResumeMode))),
    lambda dice, sub, on: Cancel(timing(dice), refund=dice.choice(list(Refund))),
    lambda dice, sub, on: Reactivate(),
    lambda dice, sub, on: Undo(dice.choice(sub.queue).id if sub.queue else "chg-1"),
)


def somebody_asks(shop: Shop, dice: random.Random, name: str, on: date) -> str:
    """One question of one subscriber: quoted, confirmed, charged; gives what became of it."""
    at = shop.go_to(on, hour=12)
    merchant = shop.engine.merchant
    try:
        with reading(shop.database) as connection:
            view = load_situation(connection, merchant, subscription_id=name, at=at)
            assert view.subscription is not None
            if dice.random() < 0.3:
                command: Command = plan_change(
                    view, plan_code=dice.choice(PLANS), on=on, timing=timing(dice)
                )
            else:
                command = dice.choice(COMMANDS)(dice, view.subscription, on)
            asked = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="walk")
        writing(shop.database, lambda connection: keep_quote(connection, merchant, asked))
        done = writing(
            shop.database,
            lambda connection: confirm_quote(
                connection, merchant, quote_id=asked.quote_id, at=shop.clock.now()
            ),
        )
    except (PlansError, AgreementRefused, CapRefuses) as refused:  # never StaleQuote: it is fresh
        return type(refused).__name__
    if done.slot_ids:
        shop.engine.charge_now(done.slot_ids)
    return f"{type(command).__name__} {done.state}"


def somebody_leaves(shop: Shop, name: str, on: date) -> str:
    """Cancel without a quote, open invoice or not."""
    at = shop.go_to(on, hour=12)
    try:
        writing(
            shop.database,
            lambda connection: act(
                connection,
                shop.engine.merchant,
                subscription_id=name,
                command=Cancel(Timing.NOW),
                actor=Actor.STAFF,
                reason="walk",
                at=at,
            ),
        )
    except (PlansError, AgreementRefused) as refused:
        return type(refused).__name__
    return "left"


def walk(shop: Shop, seed: int, subscribers: int) -> list[str]:
    """Play the days; every evening the audit must find nothing."""
    dice = random.Random(seed)
    told = []
    for day in range(DAYS):
        on = FIRST + timedelta(days=day)
        shop.amazon.clear_faults()
        if dice.random() < 0.2:
            operation = dice.choice(["createCharge", "createRefund"])
            shop.amazon.faults([{"operation": operation, "kind": dice.choice(LOST), "times": 1}])
        shop.charge_on(on)
        for number in range(1, subscribers + 1):
            name = f"sub-{number:03d}"
            if dice.random() < 0.25:
                told.append(f"{on} {name} {somebody_asks(shop, dice, name, on)}")
            elif dice.random() < 0.004:
                told.append(f"{on} {name} {somebody_leaves(shop, name, on)}")
        faults = shop.faults()
        assert faults == [], "\n".join(told[-12:])
    return told


def check_money(shop: Shop) -> None:
    """Our captured charges and refunds are Amazon's; no permission is over its cap."""
    ours = shop.rows("SELECT charge_id, amount_yen FROM attempt WHERE state = 'captured'")
    taken = {c["chargeId"]: c["amount"] for c in shop.amazon.charges() if c["state"] == "Captured"}
    assert {row["charge_id"]: row["amount_yen"] for row in ours} == taken
    monthly: dict[tuple[str, str], int] = {}
    for charge in shop.amazon.charges():
        if charge["state"] == "Captured":
            key = charge["chargePermissionId"], charge["createdAt"][:7]
            monthly[key] = monthly.get(key, 0) + charge["amount"]
    assert max(monthly.values(), default=0) <= 50_000
    assert sum(shop.balances().values()) == 0


def play(opened: OpenShop, seed: int) -> list[str]:
    dice = random.Random(-seed)
    rows = [
        subscriber(
            n,
            plan_code=dice.choice(["basic", "studio", "team"]),
            status=ImportStatus.ACTIVE,
            charge_permission_id=f"C03-{(n + 1) // 2:07d}-0000001",
            buyer_id=f"amzn1.account.BUYER{(n + 1) // 2}",
        )
        for n in range(1, 7)
    ]
    behaviours = {
        row.charge_permission_id: [dice.choice(ANSWERS) for _ in range(40)] for row in rows
    }
    rules = {
        "cap_rule": dice.choice(["refuse", "defer", "split"]),
        "dunning_end": dice.choice(["pause", "cancel", "keep_open"]),
        "dunning_days": dice.choice(["1,3,7", "2", "1,5"]),
    }
    shop = opened(subscribers=rows, catalogue=CATALOGUE, behaviours=behaviours, **rules)
    told = walk(shop, seed, len(rows))
    check_money(shop)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1], ids="seed{}".format)
def test_random_months(opened: OpenShop, seed: int) -> None:
    told = play(opened, seed)
    assert any("charging" in line for line in told)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 140), ids="seed{}".format)
def test_many_random_months(opened: OpenShop, seed: int) -> None:
    play(opened, seed)

"""Three engines at once on one database, answers lost, declines, splits: what must hold."""

import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import SubscriberRow, open_engine
from scheduler import AmazonSilent, BillingEngine

KINDS = ("reset_before", "reset_after", "500_before", "500_after", "cut_body", "503", "429")
ANSWERS = ("ok", "ok", "ok", "SoftDeclined", "HardDeclined", "CaptureInitiated", "MFANotCompleted")


PLANS = ("basic", "studio", "coffee", "yearly")
DAYS = (0, 1, 1, 3, 4, 7, 14, 16, 30, 32, 33, 47)


def sharing_subscribers() -> list[SubscriberRow]:
    """40 agreements on 25 charge permissions."""
    rows = []
    for number in range(1, 41):
        plan, buyer = PLANS[number % 4], number % 25 + 1
        started = date(2025, 11, 30) if plan == "yearly" else date(2026, 1, 30)
        rows.append(
            subscriber(
                number,
                plan_code=plan,
                started_on=started,
                charge_permission_id=f"C03-{buyer:07d}-0000001",
                buyer_id=f"amzn1.account.BUYER{buyer}",
            )
        )
    return rows


def run_together(engines: list[BillingEngine]) -> list[BaseException]:
    """All engines at the same time; what they raised, silence of Amazon aside."""
    errors: list[BaseException] = []

    def work(engine: BillingEngine) -> None:
        try:
            with suppress(AmazonSilent):
                engine.run_due()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def play_day(shop: Shop, days: int, chance: random.Random, permissions: list[str]) -> None:
    """Another day: faults in the air for 40 days, and every week some buyers repair their card."""
    shop.go_to(date(2026, 11, 30) + timedelta(days=days), hour=chance.choice((9, 10, 15)))
    shop.amazon.clear_faults()
    if days < 40:
        shop.amazon.faults(
            {"operation": "createCharge", "kind": kind, "probability": 0.05} for kind in KINDS
        )
    if days % 7 == 0:
        for permission in permissions[::2]:
            shop.amazon.patch_permission(permission, paymentMethod="updated")
    shop.engine.watch()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_three_engines_at_once(opened: OpenShop, seed: int) -> None:
    chance = random.Random(seed)
    rows = sharing_subscribers()
    permissions = sorted({row.charge_permission_id for row in rows})
    shop = opened(
        subscribers=rows,
        behaviours={p: chance.choices(ANSWERS, k=8) for p in permissions},
        endpoint={"deadline_seconds": 1.0, "in_flight": 4},
    )
    url = shop.database.url.render_as_string(hide_password=False)
    engines = [replace(shop.engine, database=open_engine(url)) for _ in range(3)]
    errors: list[BaseException] = []
    for days in DAYS:
        play_day(shop, days, chance, permissions)
        errors += run_together(engines)
    for engine in engines:
        engine.database.dispose()
    assert errors == []
    assert_amazon_was_charged_right(shop)
    assert shop.faults() == []


def assert_amazon_was_charged_right(shop: Shop) -> None:
    """Invariants 1, 4, 5, 8 and 35 of reliability.md §6.2, by Amazon's own lists."""
    charges = [c for c in shop.amazon.charges() if c["state"] == "Captured"]
    assert len({c["merchantReferenceId"] for c in charges}) == len(charges)  # never twice
    months: Counter[tuple[str, str]] = Counter()
    for charge in charges:
        months[charge["chargePermissionId"], charge["capMonth"]] += charge["amount"]
    assert max(months.values()) <= 50_000
    requests = [r for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    bodies = {(r["idempotencyKey"], r["bodySha256"]) for r in requests}
    assert len(bodies) == len({key for key, _ in bodies})  # one body per key
    refusals = {r["reasonCode"] for r in requests}
    assert refusals.isdisjoint({"DuplicateIdempotencyKey", "PeriodicAmountExceeded"})
    ours = shop.rows("SELECT SUM(amount_yen) AS yen FROM attempt WHERE state = 'captured'")
    assert int(ours[0]["yen"]) == sum(c["amount"] for c in charges)

"""Review: three engines at once on one database, answers lost, declines, splits; what holds."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, open_shop, subscriber

from billing import open_engine
from scheduler import AmazonSilent

KINDS = ("reset_before", "reset_after", "500_before", "500_after", "cut_body", "503", "429")
ANSWERS = ("ok", "ok", "ok", "SoftDeclined", "HardDeclined", "CaptureInitiated", "MFANotCompleted")


@pytest.fixture
def opened(database_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    shops: list[Shop] = []

    def _open(**arguments: Any) -> Shop:
        shops.append(open_shop(database_url=database_url, amazon=sandbox, **arguments))
        return shops[-1]

    yield _open
    for shop in shops:
        shop.database.dispose()


@pytest.mark.parametrize("seed", [1, 2])
def test_three_engines_at_once(opened: OpenShop, seed: int) -> None:
    chance = random.Random(seed)
    plans = ("basic", "studio", "coffee", "yearly")
    rows = []
    for number in range(1, 41):
        plan = plans[number % 4]
        started = date(2025, 11, 30) if plan == "yearly" else date(2026, 1, 30)
        buyer = number % 25 + 1
        rows.append(
            subscriber(
                number,
                plan_code=plan,
                started_on=started,
                charge_permission_id=f"C03-{buyer:07d}-0000001",
                buyer_id=f"amzn1.account.BUYER{buyer}",
            )
        )
    permissions = {row.charge_permission_id for row in rows}
    shop = opened(
        subscribers=rows,
        behaviours={p: chance.choices(ANSWERS, k=8) for p in sorted(permissions)},
        endpoint={"deadline_seconds": 1.0, "in_flight": 4},
    )
    url = shop.database.url.render_as_string(hide_password=False)
    engines = [replace(shop.engine, database=open_engine(url)) for _ in range(3)]
    errors: list[BaseException] = []

    def work(engine: Any) -> None:
        try:
            with suppress(AmazonSilent):
                engine.run_due()
        except BaseException as error:
            errors.append(error)

    for days in (0, 1, 1, 3, 4, 7, 14, 16, 30, 32, 33, 47):
        shop.go_to(date(2026, 11, 30) + timedelta(days=days), hour=chance.choice((9, 10, 15)))
        shop.amazon.clear_faults()
        if days < 40:
            shop.amazon.faults(
                {"operation": "createCharge", "kind": kind, "probability": 0.05} for kind in KINDS
            )
        if days % 7 == 0:
            for permission in sorted(permissions)[::2]:
                shop.amazon.patch_permission(permission, paymentMethod="updated")
        try:
            shop.engine.watch()
        except Exception as error:
            errors.append(error)
        threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for engine in engines:
        engine.database.dispose()
    assert errors == []
    charges = [c for c in shop.amazon.charges() if c["state"] == "Captured"]
    twice = [r for r, n in Counter(c["merchantReferenceId"] for c in charges).items() if n > 1]
    assert twice == []
    months: Counter[tuple[str, str]] = Counter()
    for charge in charges:
        months[charge["chargePermissionId"], charge["capMonth"]] += charge["amount"]
    assert max(months.values()) <= 50_000
    requests = [r for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    bodies = {(r["idempotencyKey"], r["bodySha256"]) for r in requests}
    assert len(bodies) == len({key for key, _ in bodies})
    assert not [r for r in requests if r["reasonCode"] == "DuplicateIdempotencyKey"]
    refused = [r for r in requests if r["reasonCode"] == "PeriodicAmountExceeded"]
    assert refused == []
    ours = shop.rows("SELECT SUM(amount_yen) AS yen FROM attempt WHERE state = 'captured'")
    assert int(ours[0]["yen"]) == sum(c["amount"] for c in charges)
    assert shop.faults() == []

"""Two workers on PostgreSQL, one interleaving at a time."""

import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from support.sandbox import Sandbox
from support.shop import OpenShop, opening, subscriber

import billing.charging.ending
from billing import end_waits, open_due_cycles, permissions_to_read, record_permissions

PERMISSION = "C03-0000001-0000001"
DAY = date(2026, 11, 30)


@pytest.fixture
def opened(postgres_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(postgres_url, sandbox) as open_one:
        yield open_one


@pytest.mark.parametrize("answer", ["captured", "in doubt"])
def test_a_wait_that_ends_while_the_buyer_repairs_it(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Worker A ends expired waits; between its read and its write B cures and charges the slot."""
    shop = opened(
        subscribers=[subscriber(1)],
        behaviours={PERMISSION: ["HardDeclined"]},
        endpoint={"deadline_seconds": 0.4},
    )
    shop.charge_on(DAY)
    shop.amazon.patch_permission(PERMISSION, paymentMethod="updated")
    at = shop.go_to(DAY + timedelta(days=14))
    merchant = shop.engine.merchant
    interleaved: list[bool] = []

    def worker_b() -> None:
        watched = permissions_to_read(shop.database, merchant, at=at)
        with shop.engine.make_client() as client:
            seen = [(w, client.get_charge_permission(w.amazon_id)) for w in watched]
        record_permissions(shop.database, merchant, seen, at=at)
        if answer == "in doubt":
            shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 4}])
        shop.engine.run_due()

    end_one = billing.charging.ending._end

    def end_after_worker_b(*arguments: Any) -> int:
        if not interleaved:
            interleaved.append(True)
            worker_b()
        return end_one(*arguments)

    monkeypatch.setattr(billing.charging.ending, "_end", end_after_worker_b)
    end_waits(shop.database, merchant, at=at)
    assert interleaved
    for hours in range(1, 40, 3):
        shop.clock.set(at + timedelta(hours=hours))
        shop.amazon.set_clock(at + timedelta(hours=hours))
        shop.engine.run_due()
    assert shop.faults() == []


def test_who_asks_for_one_charge_waits_for_whoever_holds_its_permission(opened: OpenShop) -> None:
    """A run leaves a held permission for later; nobody looks again for what was asked for now."""
    shop = opened(subscribers=[subscriber(1)])
    open_due_cycles(shop.database, shop.engine.merchant, at=shop.go_to(DAY))
    (slot,) = shop.rows("SELECT id FROM slot")
    asked = threading.Thread(target=shop.engine.charge_now, args=({slot["id"]},))
    with shop.database.begin() as somebody:
        somebody.execute(text("SELECT id FROM charge_permission FOR UPDATE"))
        assert shop.engine.run_due().slots_handled == 0
        asked.start()
        time.sleep(0.5)
        assert shop.taken() == []
    asked.join(timeout=20)
    assert shop.taken() == [("sub-001-0010-renewal", 1_980)]

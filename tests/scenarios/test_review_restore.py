"""Restored books: what Amazon took is booked or told to people, and never passed over."""

from datetime import date
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import text
from support.shop import OpenShop, Shop, subscriber

from billing import writing
from billing.restore import begin_restoration
from plans import BadInput
from scheduler import reconcile

DAY = date(2026, 11, 30)


def lost(opened: OpenShop, state: str) -> tuple[Shop, str]:
    """Amazon has a charge; our books lost it, and hold its slot in another state."""
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(DAY)
    (charge,) = shop.amazon.charges()
    with shop.database.begin() as connection:
        for sql in (
            "UPDATE attempt SET state = 'refused', charge_id = NULL",
            f"UPDATE slot SET state = '{state}'",
        ):
            connection.execute(text(sql))
    at = shop.clock.now()
    writing(shop.database, lambda c: begin_restoration(c, by="sato", reason="a backup", at=at))
    return shop, charge["chargeId"]


@pytest.mark.parametrize("state", ["uncollectible", "refused", "quarantined"])
def test_a_charge_of_a_slot_that_cannot_take_it_is_told(opened: OpenShop, state: str) -> None:
    shop, charge_id = lost(opened, state)
    report = reconcile(shop.engine, charge_ids=[charge_id])
    assert (report.strangers, report.is_clean) == ([charge_id], False)


def test_a_charge_whose_slot_cannot_be_made_due_is_told(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_arguments: Any, **_named: Any) -> None:
        raise BadInput(field="reference", value="x", rule="cannot be", remedy="look")

    shop, charge_id = lost(opened, "waiting_buyer")
    monkeypatch.setattr(import_module("scheduler.reconcile"), "make_due", cannot)
    report = reconcile(shop.engine, charge_ids=[charge_id])
    assert (report.strangers, report.booked) == ([charge_id], [])

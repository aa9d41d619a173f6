"""Goods that will not be shipped: the authorisation is cancelled and the cycle costs nothing."""

from datetime import date

import pytest
from shipments_desk import (
    acts,
    authorized_shop,
    charges_at_amazon,
    hours_later,
    settle,
    ship,
    slots,
)
from support.shop import OpenShop, Shop

from amazonpay import CaptureCharge
from billing import WithdrawnShipment, withdraw_shipment, writing
from plans import BadInput

REFERENCE = "sub-001-0010-renewal"


def withdraw(shop: Shop, reference: str = REFERENCE) -> WithdrawnShipment:
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(
        shop.database,
        lambda c: withdraw_shipment(
            c, merchant, reference=reference, actor="sato", reason="sold out", at=at
        ),
    )


def test_the_cycle_costs_nothing_and_the_next_one_comes(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    before = shop.subscription("sub-001")
    first, again = withdraw(shop), withdraw(shop)
    assert (first.amount_yen, first.repeated, again.repeated) == (3_240, False, True)
    settle(shop)
    assert (acts(shop), slots(shop)) == ([("cancel", "done")], ["uncollectible"])
    assert charges_at_amazon(shop) == [("Canceled", 3_240)]
    assert shop.slot(REFERENCE)["reason"] == "not shipped"
    assert shop.balances() == {}
    after = shop.subscription("sub-001")
    assert after["next_cycle"] == before["next_cycle"] + 1
    assert (after["state"], after["cycles_done"]) == ("active", before["cycles_done"])
    kinds = shop.rows("SELECT kind, actor, reason FROM audit_event")
    assert kinds == [{"kind": "shipment_withdrawn", "actor": "sato", "reason": "sold out"}]
    assert shop.faults() == []
    shop.charge_on(date(2026, 12, 30))
    assert slots(shop) == ["uncollectible", "authorized"]
    assert len(charges_at_amazon(shop)) == 2


def test_a_lost_answer_is_asked_for_again(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    withdraw(shop)
    shop.amazon.faults([{"operation": "cancelCharge", "kind": "500_after", "times": 1}])
    settle(shop)
    assert (acts(shop), slots(shop)) == ([("cancel", "done")], ["uncollectible"])
    assert shop.faults() == []


def test_captured_by_hand_meanwhile_is_put_before_a_person(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    (charge,) = shop.amazon.charges()
    withdraw(shop)
    with shop.engine.make_client() as client:
        client.capture_charge(
            charge["chargeId"], CaptureCharge(amount_yen=3_240), idempotency_key="by-hand"
        )
    settle(shop)
    assert slots(shop) == ["quarantined"]


def test_what_was_shipped_or_never_authorised_is_not_cancelled(opened: OpenShop) -> None:
    shop = authorized_shop(opened, subscribers=2)
    ship(shop)
    with pytest.raises(BadInput, match="is open, and only what Amazon has authorised"):
        withdraw(shop)
    hours_later(shop, 1)
    shop.engine.settle_shipments()
    with pytest.raises(BadInput, match="is paid, and only what"):
        withdraw(shop)
    with pytest.raises(BadInput, match="no charge of this merchant"):
        withdraw(shop, "nobody")
    assert acts(shop) == [("capture", "done")]

"""Closing a charge permission: only when nothing may be charged to it any more, and once."""

from datetime import date

import pytest
from shipments_desk import DAY, GOODS, acts, authorized_shop, hours_later, settle
from sqlalchemy import text
from support.shop import OpenShop, Shop, subscriber

from billing import ActOutcomeKind, request_close, writing
from plans import BadInput

PERMISSION = "C03-0000001-0000001"
SELDOM = ("500_before", "429", "garbage")
LOST = [
    *("timeout_after", "500_after"),
    *(pytest.param(kind, marks=pytest.mark.nightly) for kind in SELDOM),
]


def ended_shop(opened: OpenShop, **arguments: object) -> Shop:
    """A shop whose subscriber has paid and left."""
    shop = opened(subscribers=[subscriber(1)], **arguments)
    shop.charge_on(DAY)
    cancel(shop, "sub-001")
    return shop


def cancel(shop: Shop, external_id: str) -> None:
    ended = text("UPDATE subscription SET state = 'canceled', due_at = NULL WHERE external_id = :i")
    writing(shop.database, lambda c: c.execute(ended, {"i": external_id}))


def close(shop: Shop, external_id: str = "sub-001") -> str:
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(
        shop.database,
        lambda c: request_close(c, merchant, subscription_id=external_id, actor="staff", at=at),
    )


def state_at_amazon(shop: Shop) -> tuple[str, str | None]:
    (found,) = [p for p in shop.amazon.permissions() if p["chargePermissionId"] == PERMISSION]
    return found["state"], found["reasonCode"]


def test_a_permission_that_nobody_needs_is_closed_once(opened: OpenShop) -> None:
    shop = ended_shop(opened)
    reference = close(shop)
    assert state_at_amazon(shop)[0] == "Chargeable", "nothing is sent by the intent"
    shop.engine.settle_shipments()
    assert state_at_amazon(shop) == ("Closed", "MerchantClosed")
    assert acts(shop) == [("close", "done")]
    (row,) = shop.rows("SELECT state, state_reason FROM charge_permission")
    assert row == {"state": "Closed", "state_reason": "MerchantClosed"}
    assert close(shop) == reference, "the same request is the same act"
    shop.engine.settle_shipments()
    assert shop.faults() == []


@pytest.mark.parametrize("kind", LOST)
def test_an_unknown_answer_is_found_by_looking(opened: OpenShop, kind: str) -> None:
    shop = ended_shop(opened, endpoint={"deadline_seconds": 0.4})
    close(shop)
    fault = {"operation": "closeChargePermission", "kind": kind, "times": 3, "seconds": 2}
    shop.amazon.faults([fault])
    shop.engine.settle_shipments()
    settle(shop)
    assert (acts(shop), state_at_amazon(shop)[0]) == ([("close", "done")], "Closed")
    assert shop.faults() == []


def test_one_that_the_buyer_closed_meanwhile_is_done(opened: OpenShop) -> None:
    shop = ended_shop(opened)
    close(shop)
    change = {"state": "Closed", "reasonCode": "BuyerCanceled"}
    shop.amazon.call("PATCH", f"/charge-permissions/{PERMISSION}", change)
    assert shop.engine.settle_shipments() == {ActOutcomeKind.DONE: 1}
    (row,) = shop.rows("SELECT state_reason FROM charge_permission")
    assert row == {"state_reason": "BuyerCanceled"}


def test_not_while_the_agreement_goes_on(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    with pytest.raises(BadInput, match="is used by subscription sub-001, which is not over"):
        close(shop)
    assert acts(shop) == []


def test_not_while_another_agreement_needs_it(opened: OpenShop) -> None:
    sharing = {"charge_permission_id": PERMISSION, "buyer_id": "amzn1.account.BUYER1"}
    shop = opened(subscribers=[subscriber(1), subscriber(2, **sharing)])
    cancel(shop, "sub-001")
    with pytest.raises(BadInput, match="is used by subscription sub-002"):
        close(shop)


def test_not_while_a_charge_of_it_is_authorised(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    cancel(shop, "sub-001")
    with pytest.raises(BadInput, match="may still be charged: sub-001-0010-renewal is authorized"):
        close(shop)
    settle(shop)
    close(shop)
    hours_later(shop, 1)
    shop.engine.settle_shipments()
    assert acts(shop) == [("cancel", "done"), ("close", "done")]


def test_not_twice_and_not_of_a_stranger(opened: OpenShop) -> None:
    shop = ended_shop(opened)
    with pytest.raises(BadInput, match="is no subscription of this merchant"):
        close(shop, "nobody")
    closed = text("UPDATE charge_permission SET state = 'Closed', state_reason = 'BuyerClosed'")
    writing(shop.database, lambda c: c.execute(closed))
    with pytest.raises(BadInput, match="is closed already"):
        close(shop)


def test_nothing_is_charged_to_a_closed_one(opened: OpenShop) -> None:
    shop = ended_shop(opened, catalogue=GOODS)
    settle(shop)
    close(shop)
    shop.engine.settle_shipments()
    before = len(list(shop.amazon.charges()))
    shop.charge_on(date(2026, 12, 30))
    assert len(list(shop.amazon.charges())) == before

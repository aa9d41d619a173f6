"""Authorisations that wait: made anew before they lapse, cancelled at an end, watched."""

from datetime import date, timedelta

import pytest
from shipments_desk import (
    DAY,
    acts,
    attempts,
    authorized_shop,
    cap,
    charges_at_amazon,
    goods_shop,
    hours_later,
    settle,
    ship,
    slots,
)
from sqlalchemy import text
from support.shop import OpenShop

from amazonpay import CancelCharge, CaptureCharge
from billing import ShipmentsRefused, intend_cancellations, writing

PERMISSION = "C03-0000001-0000001"
SELDOM = ("429", "garbage")
LOST = [
    *("timeout_after", "500_before"),
    *(pytest.param(kind, marks=pytest.mark.nightly) for kind in SELDOM),
]


def test_an_authorisation_is_made_anew_before_it_lapses(opened: OpenShop) -> None:
    """30 November + 30 days - 3 days = 27 December: the old one is cancelled, a new one made."""
    shop = authorized_shop(opened)
    shop.charge_on(date(2026, 12, 26))
    assert charges_at_amazon(shop) == [("Authorized", 3_240)]
    shop.charge_on(date(2026, 12, 27), hour=10)
    assert charges_at_amazon(shop) == [("Canceled", 3_240), ("Authorized", 3_240)]
    assert attempts(shop) == [("canceled", 3_240), ("authorized", 3_240)]
    assert (slots(shop), acts(shop)) == (["authorized"], [("cancel", "done")])
    keys = {row["idempotency_key"] for row in shop.rows("SELECT idempotency_key FROM attempt")}
    assert len(keys) == 2
    # The room of November stays counted, that of December is held.
    assert cap(shop) == [("2026-11", 3_240, 0), ("2026-12", 0, 3_240)]
    told = shop.rows("SELECT kind FROM notice WHERE kind = 'shipment_overdue'")
    assert len(told) == 1
    assert shop.faults() == []
    ship(shop)
    settle(shop, looks=1)
    assert slots(shop) == ["paid"]
    assert shop.faults() == []


@pytest.mark.parametrize("kind", LOST)
def test_an_unknown_answer_to_a_cancellation_begins_nothing(opened: OpenShop, kind: str) -> None:
    shop = authorized_shop(opened, endpoint={"deadline_seconds": 0.4})
    shop.go_to(date(2026, 12, 27), hour=10)
    # As often as it is sent in one run, so that its end is not known when the charges run.
    fault = {"operation": "cancelCharge", "kind": kind, "times": 3, "seconds": 2}
    shop.amazon.faults([fault])
    shop.engine.run_due()
    assert len(attempts(shop)) == 1, "no second authorisation beside one that may be open"
    assert shop.faults() == []
    settle(shop)
    shop.engine.run_due()
    assert charges_at_amazon(shop) == [("Canceled", 3_240), ("Authorized", 3_240)]
    assert shop.faults() == []


def test_room_given_back_by_rule(opened: OpenShop) -> None:
    shop = authorized_shop(opened, cap_of_canceled="released")
    shop.charge_on(date(2026, 12, 27), hour=10)
    assert cap(shop) == [("2026-11", 0, 0), ("2026-12", 0, 3_240)]
    assert shop.faults() == []


def test_an_authorisation_that_lapsed_unseen_is_made_anew(opened: OpenShop) -> None:
    """The engine stood still for six weeks: Amazon cancelled it meanwhile (ExpiredUnused)."""
    shop = authorized_shop(opened)
    shop.charge_on(date(2027, 1, 12))
    assert charges_at_amazon(shop) == [("Canceled", 3_240), ("Authorized", 3_240)]
    assert slots(shop) == ["authorized"]
    (row,) = shop.rows("SELECT reason_code FROM attempt WHERE state = 'canceled'")
    assert row == {"reason_code": "ExpiredUnused"}
    assert shop.slot("sub-001-0010-renewal")["declines"] == 0, "nobody is to blame"
    assert shop.faults() == []


def test_short_lives_are_not_authorised_anew_all_the_time(opened: OpenShop) -> None:
    """Sandboxes let authorisations lapse after two days: anew after one, not three days before."""
    shop = authorized_shop(opened, authorization_days=2)
    shop.charge_on(DAY, hour=20)
    assert len(attempts(shop)) == 1
    shop.charge_on(date(2026, 12, 1), hour=10)
    assert len(attempts(shop)) == 2


def test_a_declined_new_authorisation_enters_dunning_once(opened: OpenShop) -> None:
    shop = authorized_shop(opened, behaviours={PERMISSION: ["ok", "SoftDeclined"]})
    shop.charge_on(date(2026, 12, 27), hour=10)
    assert attempts(shop) == [("canceled", 3_240), ("declined", 3_240)]
    slot = shop.slot("sub-001-0010-renewal")
    assert (slot["state"], slot["declines"]) == ("due", 1)
    assert shop.subscription("sub-001")["state"] == "past_due"
    with pytest.raises(ShipmentsRefused, match="is not authorised yet"):
        ship(shop)
    shop.charge_on(date(2026, 12, 28), hour=12)
    assert slots(shop) == ["authorized"]
    assert shop.subscription("sub-001")["state"] == "active"
    assert shop.faults() == []


def test_an_agreement_that_ends_before_its_shipment_is_not_charged(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    writing(
        shop.database,
        lambda c: c.execute(text("UPDATE subscription SET state = 'canceled', due_at = NULL")),
    )
    with pytest.raises(ShipmentsRefused, match="its agreement ended"):
        ship(shop)
    settle(shop, looks=1)
    assert charges_at_amazon(shop) == [("Canceled", 3_240)]
    assert (slots(shop), acts(shop)) == (["uncollectible"], [("cancel", "done")])
    assert shop.balances() == {}, "the invoice is off the books"
    settle(shop)
    shop.engine.run_due()
    assert len(attempts(shop)) == 1, "nothing is authorised again"


def test_the_cancellation_does_not_overtake_a_capture(opened: OpenShop) -> None:
    """Shipped first, ended a moment later: the money for the goods is taken all the same."""
    shop = authorized_shop(opened)
    ship(shop)
    writing(
        shop.database,
        lambda c: c.execute(text("UPDATE subscription SET state = 'canceled', due_at = NULL")),
    )
    merchant, at = shop.engine.merchant, shop.clock.now()
    assert intend_cancellations(shop.database, merchant, at=at) == 0
    settle(shop)
    assert slots(shop) == ["paid"]
    assert charges_at_amazon(shop) == [("Captured", 3_240)]


def test_what_somebody_cancelled_at_amazon_is_found_within_a_day(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    (charge,) = shop.amazon.charges()
    with shop.engine.make_client() as client:
        client.cancel_charge(charge["chargeId"], CancelCharge(cancellation_reason="by hand"))
    hours_later(shop, 20)
    shop.engine.settle_shipments()
    assert slots(shop) == ["authorized"], "looked at once a day"
    hours_later(shop, 5)
    shop.engine.settle_shipments()
    assert attempts(shop) == [("canceled", 3_240)]
    assert slots(shop) == ["waiting_buyer"], "a person decided it: nothing is charged by itself"
    assert shop.faults() == []


def test_what_was_captured_by_hand_is_paid(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    (charge,) = shop.amazon.charges()
    with shop.engine.make_client() as client:
        body = CaptureCharge(amount_yen=3_240)
        client.capture_charge(charge["chargeId"], body, idempotency_key="by-hand")
    hours_later(shop, 25)
    shop.engine.settle_shipments()
    assert (slots(shop), acts(shop)) == (["paid"], [])
    assert shop.balances()["amazon_receivable"] == 3_240
    assert shop.faults() == []


def test_another_sum_captured_by_hand_is_put_before_a_person(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    (charge,) = shop.amazon.charges()
    with shop.engine.make_client() as client:
        body = CaptureCharge(amount_yen=1_000)
        client.capture_charge(charge["chargeId"], body, idempotency_key="by-hand")
    ship(shop)
    settle(shop)
    assert (slots(shop), acts(shop)) == (["quarantined"], [("capture", "quarantined")])
    (act,) = shop.rows("SELECT detail FROM act")
    assert act["detail"] == "captured 1000 yen, we asked for 3240"
    assert "amazon_receivable" not in shop.balances()


def test_a_pending_authorisation_is_polled_until_it_is_there(opened: OpenShop) -> None:
    shop = goods_shop(
        opened, pending_authorizations=True, behaviours={PERMISSION: ["Pending:Authorized"]}
    )
    shop.charge_on(DAY)
    assert (slots(shop), attempts(shop)) == (["open"], [("pending", 3_240)])
    assert shop.subscription("sub-001")["next_cycle"] == 10
    with pytest.raises(ShipmentsRefused, match="no definite answer"):
        ship(shop)
    hours_later(shop, 1)
    shop.engine.run_due()
    assert (slots(shop), attempts(shop)) == (["authorized"], [("authorized", 3_240)])
    ship(shop)
    settle(shop, looks=1)
    assert slots(shop) == ["paid"]
    assert shop.faults() == []


def test_a_late_decline_enters_dunning_once(opened: OpenShop) -> None:
    shop = goods_shop(
        opened, pending_authorizations=True, behaviours={PERMISSION: ["Pending:SoftDeclined"]}
    )
    shop.charge_on(DAY)
    assert shop.subscription("sub-001")["state"] == "active", "pending is not declined"
    for _ in range(3):
        hours_later(shop, 1)
        shop.engine.run_due()
    assert attempts(shop) == [("declined", 3_240)]
    slot = shop.slot("sub-001-0010-renewal")
    assert (slot["state"], slot["declines"], slot["cycle"]) == ("due", 1, 10)
    assert len(shop.rows("SELECT id FROM notice WHERE kind = 'failed'")) == 1
    assert cap(shop) == [("2026-11", 0, 0)]
    assert shop.faults() == []


def test_pending_for_ever_is_put_before_a_person(opened: OpenShop) -> None:
    shop = goods_shop(
        opened, pending_authorizations=True, behaviours={PERMISSION: ["Pending:Authorized"]}
    )
    shop.charge_on(DAY)
    shop.clock.set(shop.clock.now() + timedelta(days=31))  # ours: at Amazon no time passes
    shop.engine.run_due()
    assert slots(shop) == ["quarantined"]
    (notice,) = shop.rows("SELECT reason FROM notice WHERE kind = 'quarantined'")
    assert notice == {"reason": "pending_too_long"}
    assert cap(shop)[0] == ("2026-11", 0, 3_240), "its room stays held"

"""Goods against a real local Amazon Pay: authorised when due, paid for when shipped, once."""

from datetime import date, timedelta

import pytest
from shipments_desk import (
    DAY,
    GOODS,
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
from support.shop import OpenShop, subscriber

from billing import ActOutcomeKind, ShipmentsRefused, pull_brake, release_brake, writing

SEEN_OFTEN = ["timeout_after", "500_before", "garbage"]
SELDOM = [
    *("timeout_before", "reset_before", "reset_after", "cut_body", "500_after", "503", "429"),
    *("processing_failure", "processing_failure_but_charged"),
]
LOST = [*SEEN_OFTEN, *(pytest.param(kind, marks=pytest.mark.nightly) for kind in SELDOM)]
PERMISSION = "C03-0000001-0000001"


def test_goods_are_authorised_when_due_and_paid_for_when_shipped(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    assert slots(shop) == ["authorized"]
    assert attempts(shop) == [("authorized", 3_240)]
    assert charges_at_amazon(shop) == [("Authorized", 3_240)]
    assert cap(shop) == [("2026-11", 0, 3_240)], "the room is held, nothing is used yet"
    # Nothing is paid: the customer owes the invoice, Amazon owes us nothing.
    assert shop.balances() == {
        "customer_receivable": 3_240,
        "sales:reduced": -3_000,
        "consumption_tax:reduced": -240,
    }
    assert shop.subscription("sub-001")["next_cycle"] == 10, "the cycle is open until it is paid"
    assert shop.faults() == []

    ship(shop)
    assert slots(shop) == ["open"]
    settle(shop, looks=1)
    assert slots(shop) == ["paid"]
    assert acts(shop) == [("capture", "done")]
    assert attempts(shop) == [("captured", 3_240)]
    assert charges_at_amazon(shop) == [("Captured", 3_240)]
    assert cap(shop) == [("2026-11", 3_240, 0)]
    assert shop.balances()["amazon_receivable"] == 3_240
    assert "customer_receivable" not in shop.balances()
    after = shop.subscription("sub-001")
    assert (after["next_cycle"], after["cycles_done"]) == (11, 11)
    assert shop.faults() == []


def test_the_next_date_comes_from_the_anchor_however_late_the_shipment(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    shop.go_to(date(2026, 12, 5))
    ship(shop)
    shop.engine.run_due()
    assert slots(shop) == ["paid"]
    shop.charge_on(date(2026, 12, 30))
    assert slots(shop) == ["paid", "authorized"], "anchored on the 30th, not 30 days after"
    assert shop.faults() == []


@pytest.mark.parametrize("kind", LOST)
def test_an_unknown_answer_to_a_capture_takes_the_money_once(opened: OpenShop, kind: str) -> None:
    shop = authorized_shop(opened, endpoint={"deadline_seconds": 0.4})
    ship(shop)
    shop.amazon.faults([{"operation": "captureCharge", "kind": kind, "times": 1, "seconds": 2}])
    settle(shop)
    assert charges_at_amazon(shop) == [("Captured", 3_240)]
    sent = [r for r in shop.amazon.requests() if r["operation"] == "CaptureCharge"]
    assert len({request["idempotencyKey"] for request in sent}) == 1
    assert len({request["bodySha256"] for request in sent}) == 1
    assert slots(shop) == ["paid"]
    assert shop.balances()["amazon_receivable"] == 3_240
    assert shop.faults() == []


def test_what_stays_unknown_is_in_doubt_and_neither_paid_nor_declined(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    ship(shop)
    shop.amazon.faults([{"operation": "captureCharge", "kind": "500_after", "times": 3}])
    assert shop.engine.settle_shipments() == {ActOutcomeKind.UNKNOWN: 1}
    assert (slots(shop), acts(shop)) == (["open"], [("capture", "in_doubt")])
    assert cap(shop) == [("2026-11", 0, 3_240)]
    assert shop.rows("SELECT kind FROM notice WHERE kind <> 'upcoming'") == []
    assert shop.faults() == []
    assert "act_in_doubt_too_long sub-001-0010-renewal/1/capture" in shop.faults(
        shop.clock.now() + timedelta(days=2)
    )
    settle(shop)
    assert slots(shop) == ["paid"]
    assert shop.faults() == []


def test_a_part_is_captured_once_and_only_the_part_is_owed(opened: OpenShop) -> None:
    """2,160 of 3,240 yen are shipped: 1,080 with 80 yen of tax (8 %) are taken back."""
    shop = authorized_shop(opened)
    ship(shop, amount_yen=2_160)
    assert shop.balances() == {
        "customer_receivable": 2_160,
        "sales:reduced": -2_000,
        "consumption_tax:reduced": -160,
    }
    settle(shop, looks=1)
    assert slots(shop) == ["paid"]
    assert attempts(shop) == [("captured", 2_160)]
    (charge,) = shop.amazon.charges()
    assert (charge["state"], charge["capturedAmount"]) == ("Captured", 2_160)
    # Whether Amazon gives the rest of the month's room back is not documented: it stays used.
    assert cap(shop) == [("2026-11", 3_240, 0)]
    assert shop.balances()["amazon_receivable"] == 2_160
    assert shop.subscription("sub-001")["next_cycle"] == 11
    assert shop.faults() == []


def test_the_same_shipment_told_again_is_the_same_capture(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    first, again = ship(shop, on=DAY), ship(shop, on=DAY)
    assert (first.repeated, again.repeated) == (False, True)
    assert first.capture == again.capture
    settle(shop)
    assert ship(shop, on=DAY).repeated, "also when it is paid"
    with pytest.raises(ShipmentsRefused, match="was told to be shipped on 2026-11-30 with 3240"):
        ship(shop, on=DAY, amount_yen=100)
    assert acts(shop) == [("capture", "done")]
    assert charges_at_amazon(shop) == [("Captured", 3_240)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"number": 7}, "is no charge of this merchant", id="unknown"),
        pytest.param({"amount_yen": 3_241}, "at most 3240 yen are authorised", id="too much"),
        pytest.param({"amount_yen": -1}, "at most 3240 yen are authorised", id="less than nothing"),
        pytest.param({"on": date(2026, 12, 1)}, "once it has left", id="tomorrow"),
    ],
)
def test_what_cannot_be_shipped_is_refused_with_the_reason(
    opened: OpenShop, changes: dict, words: str
) -> None:
    shop = authorized_shop(opened)
    with pytest.raises(ShipmentsRefused, match=words):
        ship(shop, **changes)
    assert (slots(shop), acts(shop)) == (["authorized"], [])


def test_nothing_is_shipped_before_it_is_authorised(opened: OpenShop) -> None:
    shop = goods_shop(opened, behaviours={PERMISSION: ["SoftDeclined"]})
    shop.charge_on(DAY)
    with pytest.raises(ShipmentsRefused, match="is not authorised yet"):
        ship(shop)
    assert slots(shop) == ["due"]


def test_a_late_capture_is_pending_and_asked_about(opened: OpenShop) -> None:
    """More than seven days after the authorisation Amazon captures in its own time."""
    shop = authorized_shop(opened)
    shop.go_to(date(2026, 12, 10))
    ship(shop)
    shop.engine.settle_shipments()
    assert (slots(shop), acts(shop)) == (["open"], [("capture", "pending")])
    assert "amazon_receivable" not in shop.balances()
    settle(shop)
    assert (slots(shop), acts(shop)) == (["paid"], [("capture", "done")])
    assert shop.faults() == []


def test_a_capture_that_amazon_forgets_is_put_before_a_person(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    shop.go_to(date(2026, 12, 10))
    ship(shop)
    shop.engine.settle_shipments()
    shop.clock.set(shop.clock.now() + timedelta(days=31))  # ours: at Amazon no time passes
    shop.engine.settle_shipments()
    assert (slots(shop), acts(shop)) == (["quarantined"], [("capture", "quarantined")])
    notices = shop.rows("SELECT reason FROM notice WHERE kind = 'quarantined'")
    assert notices == [{"reason": "pending_too_long"}]


@pytest.mark.parametrize(
    ("reason", "slot"),
    [
        ("SoftDeclined", "due"),
        ("HardDeclined", "waiting_buyer"),
        ("AmazonRejected", "waiting_buyer"),
    ],
)
def test_a_declined_capture_enters_dunning_once(opened: OpenShop, reason: str, slot: str) -> None:
    """The goods have left, so the next try takes the money at once."""
    shop = authorized_shop(opened, behaviours={PERMISSION: [f"Capture:{reason}"]})
    ship(shop)
    settle(shop)
    assert (slots(shop), acts(shop)) == ([slot], [("capture", "declined")])
    assert attempts(shop) == [("canceled", 3_240)]
    assert shop.slot("sub-001-0010-renewal")["declines"] == 1
    assert shop.subscription("sub-001")["state"] == "past_due"
    assert cap(shop)[0] == ("2026-11", 3_240, 0), "what was authorised stays counted"
    assert shop.faults() == []
    if slot != "due":
        return
    shop.charge_on(date(2026, 12, 1), hour=12)
    assert attempts(shop) == [("canceled", 3_240), ("captured", 3_240)]
    assert slots(shop) == ["paid"]
    assert shop.faults() == []


def test_another_charge_waits_for_the_shipment_by_default(opened: OpenShop) -> None:
    """Whether Amazon allows a charge beside an open authorisation is not documented."""
    rows = [
        subscriber(1),
        subscriber(
            2,
            plan_code="digital",
            charge_permission_id=PERMISSION,
            buyer_id="amzn1.account.BUYER1",
            next_charge_on=date(2026, 12, 2),
            started_on=date(2026, 1, 2),
            anchor_day=2,
        ),
    ]
    shop = opened(subscribers=rows, catalogue=GOODS)
    shop.charge_on(DAY)
    shop.charge_on(date(2026, 12, 2))
    assert slots(shop) == ["authorized", "due"]
    assert shop.faults(shop.clock.now() + timedelta(days=2)) == [], "it is not lost, it waits"
    ship(shop)
    shop.engine.run_due()
    assert slots(shop) == ["paid", "paid"]
    assert shop.faults() == []


def test_by_the_merchants_rule_it_does_not_wait(opened: OpenShop) -> None:
    rows = [
        subscriber(1),
        subscriber(
            2,
            plan_code="digital",
            charge_permission_id=PERMISSION,
            buyer_id="amzn1.account.BUYER1",
        ),
    ]
    shop = opened(subscribers=rows, catalogue=GOODS, open_authorizations="many")
    shop.charge_on(DAY)
    assert sorted(slots(shop)) == ["authorized", "paid"]
    assert cap(shop) == [("2026-11", 1_100, 3_240)]
    assert shop.faults() == []


def test_the_brake_keeps_new_captures_from_beginning(opened: OpenShop) -> None:
    shop = authorized_shop(opened)
    ship(shop)
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(shop.database, lambda c: pull_brake(c, merchant, by="staff", reason="look", at=at))
    hours_later(shop, 1)
    assert shop.engine.settle_shipments() == {}
    writing(shop.database, lambda c: release_brake(c, merchant, by="staff", reason="ok", at=at))
    settle(shop, looks=1)
    assert slots(shop) == ["paid"]

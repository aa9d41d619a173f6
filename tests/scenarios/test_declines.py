"""Declines by Amazon's reason code: who is tried again, who waits for the buyer, how it ends."""

from datetime import date, timedelta

import pytest
from support.shop import OpenShop, subscriber

from billing import ImportStatus

PERMISSION = "C03-0000001-0000001"
FIRST_DAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("reason", "state", "again_on"),
    [
        ("SoftDeclined", "due", "2026-12-01"),
        ("TransactionTimedOut", "due", "2026-12-01"),
        ("HardDeclined", "waiting_buyer", "2026-12-14"),  # the buyer has the schedule's 14 days
        ("PaymentMethodNotAllowed", "waiting_buyer", "2026-12-14"),
        ("AmazonRejected", "waiting_buyer", "2026-12-14"),
        ("MFANotCompleted", "waiting_buyer", "2026-12-14"),
    ],
)
def test_what_follows_a_decline(opened: OpenShop, reason: str, state: str, again_on: str) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: [reason]})
    shop.charge_on(FIRST_DAY)
    slot = shop.slot("sub-001-0010-renewal")
    assert (slot["state"], slot["reason"], slot["declines"]) == (state, reason, 1)
    assert str(slot["due_at"])[:10] == again_on
    assert shop.subscription("sub-001")["state"] == "past_due"
    assert shop.rows("SELECT used_yen, held_yen FROM cap_month") == [{"used_yen": 0, "held_yen": 0}]
    assert shop.faults() == []


def test_a_retry_is_a_new_attempt_with_a_new_key_and_recovers(opened: OpenShop) -> None:
    shop = opened(
        subscribers=[subscriber(1)], behaviours={PERMISSION: ["SoftDeclined", "SoftDeclined"]}
    )
    for days in range(5):  # the schedule is day 1 and day 3 after the first decline
        shop.charge_on(FIRST_DAY + timedelta(days=days))
    requests = list(shop.amazon.requests())
    assert [request["at"][:10] for request in requests] == [
        "2026-11-30",
        "2026-12-01",
        "2026-12-03",
    ]
    assert len({request["idempotencyKey"] for request in requests}) == 3
    assert shop.taken() == [("sub-001-0010-renewal", 1980)]
    assert shop.subscription("sub-001")["state"] == "active"
    assert shop.faults() == []


def test_the_open_invoice_is_charged_once_the_buyer_changed_the_method(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: ["HardDeclined"]})
    shop.charge_on(FIRST_DAY)
    shop.charge_on(FIRST_DAY + timedelta(days=1))
    assert shop.taken() == []  # NonChargeable: no try is wasted on it
    shop.amazon.patch_permission(PERMISSION, paymentMethod="updated")
    shop.charge_on(FIRST_DAY + timedelta(days=2))
    assert shop.taken() == [("sub-001-0010-renewal", 1980)]
    events = [row["kind"] for row in shop.rows("SELECT kind FROM subscription_event ORDER BY id")]
    assert events == ["imported", "past_due", "recovered"]


def test_a_rejected_charge_is_not_tried_again_because_the_permission_looks_chargeable(
    opened: OpenShop,
) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={PERMISSION: ["MFANotCompleted"]})
    for days in range(4):
        shop.charge_on(FIRST_DAY + timedelta(days=days))
    creations = [r for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    assert len(creations) == 1


@pytest.mark.parametrize(
    ("policy", "state", "invoice", "slot"),
    [
        ("pause", "paused", "uncollectible", "uncollectible"),
        ("cancel", "canceled", "uncollectible", "uncollectible"),
        ("keep_open", "past_due", "open", "waiting_buyer"),
    ],
)
@pytest.mark.parametrize("reason", ["SoftDeclined", "HardDeclined"])
def test_dunning_ends_by_the_merchants_policy(
    opened: OpenShop, policy: str, state: str, invoice: str, slot: str, reason: str
) -> None:
    shop = opened(
        subscribers=[subscriber(1)], behaviours={PERMISSION: [reason] * 9}, dunning_end=policy
    )
    for days in range(20):
        shop.charge_on(FIRST_DAY + timedelta(days=days))
    assert shop.subscription("sub-001")["state"] == state
    assert [row["state"] for row in shop.rows("SELECT state FROM invoice")] == [invoice]
    assert shop.slot("sub-001-0010-renewal")["state"] == slot
    owed = {"customer_receivable": 1980, "sales:standard": -1800, "consumption_tax:standard": -180}
    assert shop.balances() == (owed if policy == "keep_open" else {})
    creations = [r for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    assert len(creations) == (5 if reason == "SoftDeclined" else 1)  # day 0, 1, 3, 7, 14
    assert shop.faults() == []


def test_an_agreement_the_buyer_ended_at_amazon_is_not_charged_again(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.amazon.patch_permission(PERMISSION, state="Closed", reasonCode="BuyerClosed")
    for days in range(3):
        shop.charge_on(FIRST_DAY + timedelta(days=days))
    assert shop.taken() == []
    assert shop.subscription("sub-001")["state"] == "paused"
    creations = [r for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    assert len(creations) == 1
    assert shop.faults() == []


@pytest.mark.parametrize("reason", ["SoftDeclined", "HardDeclined"])
def test_the_first_charge_after_a_trial_may_be_declined(opened: OpenShop, reason: str) -> None:
    trialing = subscriber(1, status=ImportStatus.TRIALING)
    shop = opened(subscribers=[trialing, subscriber(2)], behaviours={PERMISSION: [reason]})
    shop.charge_on(FIRST_DAY)
    assert shop.subscription("sub-001")["state"] == "past_due"
    assert shop.taken() == [("sub-002-0010-renewal", 1980)]
    assert shop.faults() == []


def test_a_permission_that_amazon_does_not_know_waits_and_goes_on_once_it_does(
    opened: OpenShop,
) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.amazon.reset()
    shop.charge_on(FIRST_DAY)
    assert shop.slot("sub-001-0010-renewal")["reason"] == "ResourceNotFound"
    assert [row["kind"] for row in shop.rows("SELECT kind FROM notice")] == ["permission_unknown"]
    shop.amazon.create_permissions([{"id": PERMISSION, "buyerId": "b", "amountLimit": 50_000}])
    shop.charge_on(FIRST_DAY + timedelta(days=1))
    assert shop.taken() == [("sub-001-0010-renewal", 1980)]
    assert shop.faults() == []

"""What happens when dunning ends while something of the same invoice is still open."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, opening, subscriber

from billing import ImportStatus

PERMISSION = "C03-0000001-0000001"
FIRST_DAY = date(2026, 11, 30)
SHARED = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}


@pytest.fixture
def opened(sqlite_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one


def _part_two_in_doubt_while_part_one_ends(opened: OpenShop, behaviours: list[str]) -> Shop:
    """98,000 yen in two parts; part 1 (50,000) waits for the buyer, part 2 (48,000) in doubt."""
    yearly = subscriber(1, plan_code="yearly", started_on=date(2025, 11, 30))
    shop = opened(
        subscribers=[yearly],
        behaviours={PERMISSION: behaviours},
        endpoint={"deadline_seconds": 0.4},
    )
    shop.charge_on(FIRST_DAY)  # part 1: MFANotCompleted, waits until 14 December
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 4}])
    # At nine the old month, which is full, may not be over yet at Amazon.
    shop.charge_on(date(2026, 12, 1), hour=10)  # part 2: no answer
    assert shop.slot("sub-001-0001-renewal")["state"] == "waiting_buyer"
    assert shop.slot("sub-001-0001-renewal:2")["state"] == "open"
    shop.go_to(date(2026, 12, 15))
    shop.engine.watch()  # the wait of part 1 is over
    return shop


def test_an_invoice_is_not_given_up_while_a_part_of_it_may_still_be_paid(opened: OpenShop) -> None:
    shop = _part_two_in_doubt_while_part_one_ends(opened, ["MFANotCompleted"])
    shop.charge_on(date(2026, 12, 15), hour=10)  # the replay captures part 2
    assert shop.taken() == [("sub-001-0001-renewal:2", 48_000)]
    assert shop.balances()["customer_receivable"] == 50_000  # part 1 is still owed
    shop.engine.watch()  # nothing is under way any more: now its wait may end
    assert shop.balances()["write_off"] == 50_000
    assert shop.balances().get("customer_receivable", 0) == 0
    assert shop.faults() == []


def test_two_parts_whose_dunning_ends_apart_do_not_break_the_watch(opened: OpenShop) -> None:
    shop = _part_two_in_doubt_while_part_one_ends(opened, ["MFANotCompleted", "MFANotCompleted"])
    shop.charge_on(date(2026, 12, 15), hour=10)  # the replay: part 2 is declined and waits
    for days in (20, 40):
        shop.go_to(date(2026, 12, 15) + timedelta(days=days))
        shop.engine.watch()
    assert shop.slot("sub-001-0001-renewal:2")["state"] == "uncollectible"


def test_a_part_declined_after_the_write_off_is_not_charged_later(opened: OpenShop) -> None:
    shop = _part_two_in_doubt_while_part_one_ends(opened, ["MFANotCompleted", "SoftDeclined"])
    for days in range(30):
        shop.charge_on(date(2026, 12, 15) + timedelta(days=days), hour=10)
    with shop.database.begin() as connection:  # the buyer comes back: the agreement goes on
        connection.execute(text("UPDATE subscription SET state = 'active'"))
    before = shop.taken()
    shop.charge_on(date(2027, 2, 1), hour=10)
    assert shop.taken() == before  # a written-off invoice is not charged any more
    assert shop.slot("sub-001-0001-renewal:2")["state"] == "uncollectible"


def test_a_trial_that_meets_a_nonchargeable_permission_does_not_break_the_watch(
    opened: OpenShop,
) -> None:
    trialing = subscriber(
        2,
        status=ImportStatus.TRIALING,
        started_on=date(2026, 12, 1),
        anchor_day=1,
        next_charge_on=date(2026, 12, 1),
        **SHARED,
    )
    shop = opened(
        subscribers=[subscriber(1, **SHARED), trialing],
        behaviours={SHARED["charge_permission_id"]: ["HardDeclined"] * 5},
    )
    for days in range(20):
        shop.charge_on(FIRST_DAY + timedelta(days=days))
    assert shop.slot("sub-002-0000-renewal")["state"] == "uncollectible"


def test_a_wait_for_a_passing_reason_ends_when_the_permission_is_chargeable(
    opened: OpenShop,
) -> None:
    """NonChargeable for ChargeInProgress is no fault of the buyer's and passes by itself."""
    second = subscriber(
        2,
        started_on=date(2026, 1, 1),
        anchor_day=1,
        next_charge_on=date(2026, 12, 1),
        **SHARED,
    )
    permission = SHARED["charge_permission_id"]
    shop = opened(
        subscribers=[subscriber(1, **SHARED), second], behaviours={permission: ["HardDeclined"]}
    )
    shop.charge_on(FIRST_DAY)
    shop.amazon.patch_permission(permission, state="NonChargeable", reasonCode="ChargeInProgress")
    shop.charge_on(date(2026, 12, 1))
    assert shop.slot("sub-002-0011-renewal")["reason"] == "ChargeInProgress"
    shop.amazon.patch_permission(permission, state="Chargeable")
    for days in range(2, 20):
        shop.charge_on(FIRST_DAY + timedelta(days=days))
    assert [reference for reference, _ in shop.taken()] == [
        "sub-001-0010-renewal",
        "sub-002-0011-renewal",
    ]

"""A person makes a slot due now: what is refused with which reason, and what is charged."""

from datetime import date

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import charge_story, check_retry, make_due, reading, writing
from plans import BadInput

DAY = date(2026, 11, 30)
REFERENCE = "sub-001-0010-renewal"


def retry(shop: Shop, reference: str = REFERENCE) -> str:
    """Make it due and charge it; returns the state of the slot after it."""
    with reading(shop.database) as connection:
        story = charge_story(connection, shop.engine.merchant, reference=reference)
    check_retry(story)
    writing(
        shop.database,
        lambda connection: make_due(
            connection, shop.engine.merchant, reference=reference, at=shop.clock.now()
        ),
    )
    shop.engine.charge_now([story.slot_id])
    return str(shop.slot(reference)["state"])


def test_a_soft_decline_is_tried_again_before_its_day(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={"C03-0000001-0000001": ["SoftDeclined"]})
    shop.charge_on(DAY)
    assert shop.slot(REFERENCE)["state"] == "due"
    shop.go_to(DAY, hour=15)
    assert retry(shop) == "paid"
    assert shop.taken() == [(REFERENCE, 1_980)]
    assert [row["state"] for row in shop.rows("SELECT state FROM attempt ORDER BY id")] == [
        "declined",
        "captured",
    ]
    assert shop.faults() == []


@pytest.mark.parametrize(
    ("behaviour", "fault", "told"),
    [
        pytest.param([], None, "paid already", id="paid"),
        pytest.param(["CaptureInitiated"], None, "under way or in doubt", id="pending"),
        pytest.param([], "500_after", "the same key is sent again", id="in doubt"),
        pytest.param([], None, "set aside for a person", id="set aside"),
    ],
)
def test_what_may_not_be_retried(
    opened: OpenShop, behaviour: list[str], fault: str | None, told: str
) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={"C03-0000001-0000001": behaviour})
    if fault is not None:
        shop.amazon.faults([{"operation": "createCharge", "kind": fault, "times": 4}])
    shop.charge_on(DAY)
    keys = shop.rows("SELECT idempotency_key FROM attempt")
    if told == "set aside for a person":
        writing(
            shop.database,
            lambda c: c.exec_driver_sql("UPDATE slot SET state = 'quarantined'") and None,
        )
    with pytest.raises(BadInput, match=told):
        retry(shop)
    assert shop.rows("SELECT idempotency_key FROM attempt") == keys, "no new key was made"


def test_a_paused_subscription_is_not_charged(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={"C03-0000001-0000001": ["SoftDeclined"]})
    shop.charge_on(DAY)
    writing(
        shop.database,
        lambda c: c.exec_driver_sql("UPDATE subscription SET state = 'paused'") and None,
    )
    with pytest.raises(BadInput, match="its subscription is paused"):
        retry(shop)


def test_charges_of_a_permission_go_one_after_another(opened: OpenShop) -> None:
    shared = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
    shop = opened(
        subscribers=[subscriber(1, **shared), subscriber(2, **shared)],
        endpoint={"deadline_seconds": 0.4},
    )
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 4}])
    shop.charge_on(DAY)
    waiting = "sub-002-0010-renewal"
    assert shop.slot(waiting)["state"] == "due"
    with pytest.raises(BadInput, match="one after another"):
        retry(shop, waiting)


def test_a_charge_that_the_cap_moved_is_moved_again(opened: OpenShop) -> None:
    """A retry is no way around the cap: without room the planner moves it once more."""
    shared = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}
    studio = [subscriber(number, plan_code="studio", **shared) for number in (1, 2)]
    shop = opened(subscribers=studio, cap_rule="defer")
    shop.charge_on(date(2026, 11, 30))
    moved = "sub-002-0010-renewal"
    before = shop.slot(moved)
    assert (before["state"], before["reason"]) == ("due", "cap")
    assert retry(shop, moved) == "due"
    after = shop.slot(moved)
    assert after["due_at"] == before["due_at"]
    assert len(shop.taken()) == 1

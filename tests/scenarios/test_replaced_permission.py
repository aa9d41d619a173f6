"""A new charge permission takes over: nothing is charged to both, and nothing is forgotten."""

from datetime import date, timedelta

import pytest
from support.shop import OpenShop, Shop, subscriber

from amazonpay import CloseChargePermission
from billing import Replaced, replace_permission, writing
from plans import BadInput
from scheduler import run

OLD, NEW = "C03-0000001-0000001", "C03-0000001-0000002"
DAY = date(2026, 11, 30)
REFERENCE = "sub-001-0010-renewal"


def replaced(shop: Shop, new: str = NEW, subscription: str = "sub-001") -> Replaced:
    """The buyer has consented anew; the engine reads the permission and changes over."""
    with shop.engine.make_client() as client:
        found = client.get_charge_permission(new)
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(
        shop.database,
        lambda c: replace_permission(
            c,
            merchant,
            subscription_id=subscription,
            new=found,
            actor="sato",
            reason="new card",
            at=at,
        ),
    )


def consent(shop: Shop, permission: str = NEW, behaviour: list[str] | None = None) -> None:
    buyer = "amzn1.account.BUYER1"
    row = {"id": permission, "buyerId": buyer, "amountLimit": 50_000, "behaviour": behaviour or []}
    shop.amazon.create_permissions([row])


def charged_to(shop: Shop) -> list[tuple[str, str]]:
    """(reference, permission) of every captured charge, by Amazon's own list."""
    return sorted(
        (charge["merchantReferenceId"], charge["chargePermissionId"])
        for charge in shop.amazon.charges()
        if charge["state"] == "Captured"
    )


def permission_states(shop: Shop) -> dict[str, str]:
    return {row["amazon_id"]: row["state"] for row in shop.rows("SELECT * FROM charge_permission")}


def later(shop: Shop, hours: float) -> None:
    at = shop.clock.now() + timedelta(hours=hours)
    shop.amazon.set_clock(at)
    shop.clock.set(at)


def test_the_next_cycle_goes_to_the_new_one_and_the_old_one_is_closed(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    consent(shop)
    before = shop.subscription("sub-001")
    assert replaced(shop) == Replaced("sub-001", OLD, NEW)
    assert replaced(shop).repeated
    after = shop.subscription("sub-001")
    assert {k for k in before if before[k] != after[k]} == {"permission_id"}
    shop.charge_on(DAY)
    assert charged_to(shop) == [(REFERENCE, NEW)]
    shop.engine.settle_shipments()
    assert [row["state"] for row in shop.rows("SELECT state FROM act WHERE kind = 'close'")] == [
        "done"
    ]
    assert shop.rows("SELECT kind, actor, reason FROM audit_event") == [
        {"kind": "permission_replaced", "actor": "sato", "reason": "new card"}
    ]
    assert shop.faults() == []


def test_what_waited_for_the_buyer_is_charged_once_and_at_once(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)], behaviours={OLD: ["HardDeclined"]})
    shop.charge_on(DAY)
    assert shop.slot(REFERENCE)["state"] == "waiting_buyer"
    consent(shop)
    done = replaced(shop)
    assert (done.moved, done.kept) == ((REFERENCE,), ())
    shop.engine.charge_now(done.slot_ids)
    assert charged_to(shop) == [(REFERENCE, NEW)]
    assert shop.subscription("sub-001")["state"] == "active"
    shop.charge_on(DAY + timedelta(days=1))
    assert len(charged_to(shop)) == 1
    assert shop.faults() == []


@pytest.mark.parametrize("fault", ["500_after", "500_before"])
def test_a_charge_in_doubt_stays_with_the_old_one(
    opened: OpenShop, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    shop = opened(subscribers=[subscriber(1)])
    shop.amazon.faults([{"operation": "createCharge", "kind": fault, "times": 1}])
    shop.charge_on(DAY)
    assert shop.slot(REFERENCE)["state"] == "open"
    consent(shop)
    done = replaced(shop)
    assert (done.moved, done.kept, done.slot_ids) == ((), (REFERENCE,), ())
    shop.engine.settle_shipments()
    assert permission_states(shop)[OLD] == "Chargeable"  # its answer is still to come
    later(shop, 1)
    shop.engine.run_due()
    assert charged_to(shop) == [(REFERENCE, OLD)]
    shop.engine.settle_shipments()
    shop.charge_on(date(2026, 12, 30))
    assert charged_to(shop) == [(REFERENCE, OLD), ("sub-001-0011-renewal", NEW)]
    assert shop.faults() == []


def test_a_decline_of_the_old_one_after_the_change_is_tried_on_the_new_one(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    shop = opened(subscribers=[subscriber(1)], behaviours={OLD: ["HardDeclined"]})
    shop.amazon.faults([{"operation": "createCharge", "kind": "500_before", "times": 1}])
    shop.charge_on(DAY)
    consent(shop)
    assert replaced(shop).kept == (REFERENCE,)
    later(shop, 1)
    shop.engine.run_due()  # replays the old key: declined for good
    assert shop.slot(REFERENCE)["state"] == "waiting_buyer"
    shop.engine.run_due()
    assert charged_to(shop) == [(REFERENCE, NEW)]
    keys = shop.rows("SELECT number, state FROM attempt ORDER BY id")
    assert [(row["number"], row["state"]) for row in keys] == [(1, "declined"), (2, "captured")]
    assert shop.faults() == []


def test_a_permission_that_others_use_stays_open(opened: OpenShop) -> None:
    rows = [subscriber(1), subscriber(2, charge_permission_id=OLD)]
    shop = opened(subscribers=rows)
    consent(shop)
    replaced(shop)
    shop.charge_on(DAY)
    assert charged_to(shop) == [(REFERENCE, NEW), ("sub-002-0010-renewal", OLD)]
    assert shop.rows("SELECT id FROM act") == []


@pytest.mark.parametrize("end", ["closed", "unknown", "canceled"])
def test_what_cannot_be_replaced(opened: OpenShop, end: str) -> None:
    shop = opened(subscribers=[subscriber(1)])
    consent(shop)
    if end == "closed":
        with shop.engine.make_client() as client:
            client.close_charge_permission(
                NEW, CloseChargePermission(closure_reason="over", cancel_pending_charges=False)
            )
        with pytest.raises(BadInput, match="is Closed at Amazon"):
            replaced(shop)
        return
    if end == "canceled":
        with shop.database.begin() as connection:
            connection.exec_driver_sql("UPDATE subscription SET state = 'canceled', due_at = NULL")
        with pytest.raises(BadInput, match="is over"):
            replaced(shop)
        return
    with pytest.raises(BadInput, match="no subscription"):
        replaced(shop, subscription="nobody")

"""The buyer's permission, heard of by notification or by the nightly sweep: the same books."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from amazon_hints import PERMISSION, asked, deliver, later, notices, of_permission
from support.shop import OpenShop, Shop, subscriber

from billing import ImportStatus, reading, writing
from billing.agreements import confirm_quote, keep_quote, load_agreements
from billing.quotes import load_situation, quote
from plans.lifecycle import Actor, AddAddOn, Permission, PermissionState

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
add_ons:
  - {code: support, name: {ja: 電話, en: Phone}, price: 600, tax: standard}
"""
PAID_ON, CHANGED_ON = date(2026, 11, 30), date(2026, 12, 15)
RENEWAL = date(2026, 12, 30)


@pytest.fixture(params=["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.nightly)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both databases at night: nothing here locks in a way of its own."""
    url: str = request.getfixturevalue(request.param)
    return url


def confirm_add_on(shop: Shop) -> tuple[int, ...]:
    """Confirm 600 yen a month more; returns what is to be charged for it now."""
    at = shop.clock.now()
    merchant = shop.engine.merchant
    with reading(shop.database) as connection:
        view = load_situation(connection, merchant, subscription_id="sub-001", at=at)
        on = CHANGED_ON
        command = AddAddOn("support")
        asked_for = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="phone")
    writing(shop.database, lambda c: keep_quote(c, merchant, asked_for))
    quote_id = asked_for.quote_id
    done = writing(shop.database, lambda c: confirm_quote(c, merchant, quote_id=quote_id, at=at))
    return done.slot_ids


def plain(opened: OpenShop, **options: Any) -> Shop:
    """A subscriber who paid on 30 November, seen on 15 December."""
    shop = opened(subscribers=[subscriber(1)], catalogue=CATALOGUE, sweep_days=20, **options)
    shop.charge_on(PAID_ON)
    shop.go_to(CHANGED_ON, hour=12)
    return shop


def changed(opened: OpenShop, **options: Any) -> Shop:
    """The same after a change, so with an agreement."""
    shop = plain(opened, **options)
    shop.engine.charge_now(confirm_add_on(shop))
    return shop


def by_notification(shop: Shop) -> None:
    later(shop, minutes=10)
    deliver(shop, of_permission(), of_permission())
    shop.engine.process_notifications()


def by_sweep(shop: Shop) -> None:
    later(shop, minutes=10)
    shop.engine.sweep()


def heard_permission(shop: Shop) -> Permission:
    """What the agreement last heard of its permission."""
    (row,) = shop.rows("SELECT id FROM subscription")
    with reading(shop.database) as connection:
        return load_agreements(connection, [row["id"]])[row["id"]].subscription.permission


def events(shop: Shop) -> list[tuple[str, str]]:
    rows = shop.rows("SELECT kind, actor FROM subscription_event ORDER BY id")
    return [(row["kind"], row["actor"]) for row in rows]


HEARD = pytest.mark.parametrize("heard", [by_notification, by_sweep])
NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize(
    ("made", "heard"),
    [
        (plain, by_sweep),
        (changed, by_notification),
        pytest.param(plain, by_notification, marks=NIGHTLY),
        pytest.param(changed, by_sweep, marks=NIGHTLY),
    ],
)
def test_a_buyer_who_closes_at_amazon_keeps_paid_days_and_is_not_charged_again(
    opened: OpenShop, made: Callable[[OpenShop], Shop], heard: Callable[[Shop], None]
) -> None:
    """Closed on 15 December: served to 30 December, nothing invoiced for January."""
    shop = made(opened)
    shop.amazon.patch_permission(PERMISSION, state="Closed", reasonCode="BuyerClosed")
    heard(shop)
    owner = shop.subscription("sub-001")
    assert (owner["state"], owner["cancel_at_period_end"]) == ("active", 1)
    assert heard_permission(shop) == Permission(PERMISSION, PermissionState.CLOSED, "BuyerClosed")
    assert notices(shop, "charged") == ["permission_closed", "cancel_scheduled"]
    assert events(shop)[-2:] == [("permission_changed", "amazon"), ("scheduled", "amazon")]
    for other in (by_notification, by_sweep):
        other(shop)
    shop.charge_on(RENEWAL)
    shop.charge_on(RENEWAL + timedelta(days=1))
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert len(shop.rows("SELECT id FROM invoice WHERE purpose = 'renewal'")) == 1
    assert shop.faults() == []


@HEARD
def test_an_agreement_hears_of_a_suspension_and_of_its_end(
    opened: OpenShop, heard: Callable[[Shop], None]
) -> None:
    shop = changed(opened)
    shop.amazon.patch_permission(PERMISSION, state="NonChargeable")
    heard(shop)
    assert heard_permission(shop).state is PermissionState.NOT_CHARGEABLE
    assert notices(shop, "charged") == ["permission_suspended"], "days before the charge"
    shop.amazon.patch_permission(PERMISSION, paymentMethod="updated")
    later(shop, hours=21)
    deliver(shop, of_permission(), first=10)
    heard(shop)
    assert heard_permission(shop) == Permission(PERMISSION, PermissionState.CHARGEABLE)
    shop.charge_on(RENEWAL)
    assert sorted(yen for _, yen in shop.taken()) == [300, 1980, 2580]
    assert shop.faults() == []


@pytest.mark.parametrize(
    ("heard", "rule", "slot", "owed_yen"),
    [
        (by_notification, "pause", "uncollectible", 0),
        (by_sweep, "keep_open", "waiting_buyer", 2580),
        pytest.param(by_sweep, "pause", "uncollectible", 0, marks=NIGHTLY),
        pytest.param(by_notification, "keep_open", "waiting_buyer", 2580, marks=NIGHTLY),
    ],
)
def test_who_closes_while_owing_is_canceled_and_the_invoice_ends_by_its_schedule(
    opened: OpenShop, heard: Callable[[Shop], None], rule: str, slot: str, owed_yen: int
) -> None:
    """The renewal of 1,980 + 600 was declined before."""
    declines = {PERMISSION: ["ok", "ok", "HardDeclined"]}
    shop = changed(opened, behaviours=declines, dunning_end=rule)
    shop.charge_on(RENEWAL)
    assert shop.subscription("sub-001")["state"] == "past_due"
    shop.amazon.patch_permission(PERMISSION, state="Closed", reasonCode="BuyerClosed")
    later(shop, hours=1)
    deliver(shop, of_permission())
    shop.engine.watch() if heard is by_sweep else shop.engine.process_notifications()
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert shop.slot("sub-001-0011-renewal")["state"] == slot
    assert shop.balances().get("customer_receivable", 0) == owed_yen
    assert shop.faults() == []


def test_a_change_that_waits_for_its_charge_is_told_when_it_is_settled(opened: OpenShop) -> None:
    """Nothing else may happen to the agreement meanwhile; the next reading catches up."""
    shop = plain(opened, behaviours={PERMISSION: ["ok", "CaptureInitiated"]})
    shop.engine.charge_now(confirm_add_on(shop))
    shop.amazon.patch_permission(PERMISSION, state="Closed", reasonCode="BuyerClosed")
    by_notification(shop)
    assert shop.subscription("sub-001")["cancel_at_period_end"] == 0
    later(shop, hours=21)
    shop.engine.run_due()
    shop.engine.sweep()
    assert heard_permission(shop).state is PermissionState.CLOSED
    assert shop.subscription("sub-001")["cancel_at_period_end"] == 1
    assert shop.faults() == []


def test_the_sweep_reads_what_is_charged_soon_once_a_day(opened: OpenShop) -> None:
    """Due on 30 November; seven days before, each permission costs one call a day."""
    late = subscriber(3, next_charge_on=date(2026, 12, 2))
    ended = subscriber(4, status=ImportStatus.CANCELED, next_charge_on=None)
    shop = opened(subscribers=[subscriber(1), subscriber(2), late, ended])
    read = []
    for day in range(22, 27):
        shop.go_to(date(2026, 11, day), hour=13)
        read += [shop.engine.sweep(), shop.engine.sweep()]
    assert read == [0, 0, 2, 0, 2, 0, 3, 0, 3, 0]
    assert asked(shop)["GetChargePermission"] == sum(read)


def test_the_sweep_goes_on_where_a_slice_ended(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.watch.SLICE", 2)
    shop = opened(subscribers=[subscriber(number) for number in range(1, 6)])
    shop.go_to(date(2026, 11, 29))
    assert shop.engine.sweep() == 5


def test_staff_know_before_the_charge_what_will_be_in_its_way(opened: OpenShop) -> None:
    """Each is told once, however often it is read: one suspended, one with a lower limit, one
    whose consent ends before its charge."""
    rows = [subscriber(number) for number in range(1, 4)]
    shop = opened(subscribers=rows)
    shop.go_to(date(2026, 11, 24))
    shop.amazon.patch_permission(rows[0].charge_permission_id, state="NonChargeable")
    shop.amazon.patch_permission(rows[1].charge_permission_id, amountLimit=1_000)
    with shop.database.begin() as connection:
        # Consents of the local Amazon Pay last longer than this cycle: one of ours comes later.
        connection.exec_driver_sql(
            "UPDATE subscription SET due_at = '2028-11-30 00:00:00' WHERE external_id = 'sub-003'"
        )
    for _ in range(2):
        deliver(shop, of_permission(rows[2].charge_permission_id), first=_ + 1)
        shop.engine.process_notifications()
        shop.engine.sweep()
        later(shop, days=1)
    assert sorted(notices(shop)) == ["limit_lowered", "permission_expires", "permission_suspended"]
    told = shop.rows("SELECT kind, facts FROM notice WHERE kind = 'limit_lowered'")
    assert '"limit_yen":1000' in told[0]["facts"]

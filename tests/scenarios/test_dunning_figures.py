"""What tries bring in, and where unpaid invoices stand, as real runs leave it."""

from datetime import UTC, date, datetime, timedelta

from support.shop import MERCHANT, OpenShop, Shop, subscriber

from billing import (
    DunningStanding,
    Recovery,
    dunning_standing,
    reading,
    recovery_by_step,
    subscription_ahead,
)
from billing.store.merchants import load_merchant

FIRST_DAY = date(2026, 11, 30)
CURED = "C03-0000003-0000001"


def recovery(shop: Shop, first: date, last: date) -> tuple[Recovery, ...]:
    """By days in UTC: a run at 9:00 in Tokyo is at 0:00 of the same day."""
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    until = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    with reading(shop.database) as connection:
        merchant = load_merchant(connection, MERCHANT)
        return recovery_by_step(connection, merchant, since=since, until=until)


def standing(shop: Shop) -> tuple[DunningStanding, ...]:
    with reading(shop.database) as connection:
        return dunning_standing(connection, load_merchant(connection, MERCHANT))


def test_the_room_of_a_subscription_is_that_of_its_permission(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1), subscriber(2)])
    shop.charge_on(FIRST_DAY)
    with reading(shop.database) as connection:
        merchant = load_merchant(connection, MERCHANT)
        now = shop.clock.now()
        ahead = subscription_ahead(connection, merchant, subscription="sub-001", at=now)
    assert (ahead.plan_code, ahead.cap.amount_yen, ahead.cap.limit_yen) == ("basic", 1_980, 50_000)
    assert dict(ahead.cap.taken_yen) == {"2026-11": 1_980}


def test_recovery_and_standing(opened: OpenShop) -> None:
    """Paid on the first try, on the second, after the buyer acted; one never."""
    shop = opened(
        subscribers=[subscriber(number) for number in range(1, 6)],
        behaviours={
            "C03-0000001-0000001": ["SoftDeclined"],
            "C03-0000002-0000001": ["SoftDeclined", "TransactionTimedOut"],
            CURED: ["HardDeclined"],
            "C03-0000004-0000001": ["SoftDeclined"] * 9,
        },
        dunning_days="1,3",
    )
    shop.charge_on(FIRST_DAY)
    assert recovery(shop, FIRST_DAY, FIRST_DAY) == ()  # first charges are no tries
    stands = standing(shop)
    assert [(s.state, s.reason_code, s.step, s.invoices, s.amount_yen) for s in stands] == [
        ("due", "SoftDeclined", 1, 3, 5_940),
        ("waiting_buyer", "HardDeclined", 1, 1, 1_980),
    ]
    assert stands[0].next_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert {s.schedule_code for s in stands} == {None}
    shop.amazon.patch_permission(CURED, paymentMethod="updated")
    for day in (1, 2, 3, 4):
        shop.charge_on(FIRST_DAY + timedelta(days=day))
    second, fourth = date(2026, 12, 1), date(2026, 12, 3)
    assert recovery(shop, second, fourth) == (
        Recovery("HardDeclined", 1, 1, 1, 0, 1_980),
        Recovery("SoftDeclined", 1, 3, 1, 2, 1_980),
        Recovery("SoftDeclined", 2, 1, 0, 1, 0),
        Recovery("TransactionTimedOut", 2, 1, 1, 0, 1_980),
    )
    assert [r.rate_percent for r in recovery(shop, second, fourth)] == [100, 33, 0, 100]
    only_second = recovery(shop, date(2026, 12, 2), fourth)
    assert [(r.reason_code, r.step) for r in only_second] == [
        ("SoftDeclined", 2),
        ("TransactionTimedOut", 2),
    ]
    assert standing(shop) == ()
    assert shop.faults() == []

"""Clocks that jump, month edges, and figures of Amazon's that are taken for too much."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.shop import MERCHANT, OpenShop, opening, subscriber

from amazonpay import CreateCharge
from billing import Outcome, OutcomeKind, intend_due_slots, open_due_cycles, record_outcomes
from billing.dates import possible_months
from scheduler.pacing import Quota, take
from scheduler.ticks import won

PERMISSION = "C03-0000001-0000001"
DAY = date(2026, 11, 30)


@pytest.fixture
def opened(sqlite_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one


def test_a_run_in_the_future_does_not_make_later_calls_wait_for_months(opened: OpenShop) -> None:
    """`run --at` of next month, or a clock that was wrong for a minute, then the right time."""
    shop = opened(subscribers=[subscriber(1)])
    now = datetime(2026, 11, 30, tzinfo=UTC)
    quota = Quota(2, 1)
    arguments = {"merchant_id": MERCHANT, "operation": "create_charge", "quota": quota}
    take(shop.database, calls=1, now=now + timedelta(days=31), **arguments)
    (wait,) = take(shop.database, calls=1, now=now, **arguments)
    assert wait < 60


def test_a_tick_from_the_future_does_not_stop_the_watch(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    now = datetime(2026, 11, 30, tzinfo=UTC)
    watch: dict[str, Any] = {"job": "watch/shop", "worker_id": "a", "every_seconds": 3600}
    won(shop.database, slot=now + timedelta(days=365), **watch)
    wins = [won(shop.database, slot=now + timedelta(hours=n), **watch) for n in range(5)]
    assert any(wins)


def test_the_month_of_japan_counts_wherever_the_merchant_is() -> None:
    """16:00 UTC on 30 November is 01:00 on 1 December in Japan, where Amazon may reset the cap."""
    at = datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert "2026-12" in possible_months(at=at, timezone="Europe/London")


def test_a_send_at_the_end_of_its_window_is_still_in_a_month_it_holds() -> None:
    """`send` lets a call begin at `send_by`; with its 10 s deadline it lands in December (JST)."""
    at = datetime(2026, 11, 30, 14, 49, 59, tzinfo=UTC)  # 23:49:59 JST, send_by 23:59:59
    assert "2026-12" in possible_months(at=at, timezone="Asia/Tokyo")


def test_a_balance_of_november_says_nothing_about_december(opened: OpenShop) -> None:
    """23:55 JST: room is held in both months; Amazon's balance can be of one of them only."""
    row = subscriber(1, plan_code="studio")
    shop = opened(subscribers=[row], charge_hour=23, cap_rule="defer")
    shop.go_to(DAY, hour=8)
    with shop.engine.make_client() as client:
        other = CreateCharge(charge_permission_id=PERMISSION, amount_yen=45_000)
        client.create_charge(other, idempotency_key="another-system")
    at = datetime(2026, 11, 30, 14, 55, tzinfo=UTC)
    shop.amazon.set_clock(at)
    shop.clock.set(at)
    shop.engine.run_due()
    for day in range(1, 31):
        shop.charge_on(date(2026, 12, day), hour=12)
    assert [reference for reference, _ in shop.taken() if reference] == ["sub-001-0010-renewal"]


def test_money_taken_for_an_attempt_we_settled_otherwise_is_not_forgotten(
    opened: OpenShop,
) -> None:
    """Two senders of one key hear different things (Amazon may not keep a 4xx under its key)."""
    shop = opened(subscribers=[subscriber(1)])
    at = shop.go_to(DAY)
    merchant = shop.engine.merchant
    open_due_cycles(shop.database, merchant, at=at)
    _, (attempt,) = intend_due_slots(shop.database, merchant, at=at, worker_id="a")
    declined = Outcome(attempt, OutcomeKind.DECLINED, reason_code="SoftDeclined")
    captured = Outcome(attempt, OutcomeKind.CAPTURED, charge_id="S03-1-1-C1")
    record_outcomes(shop.database, merchant, [declined], at=at)
    record_outcomes(shop.database, merchant, [captured], at=at)
    shop.charge_on(DAY + timedelta(days=1))
    slot = shop.slot("sub-001-0010-renewal")
    assert slot["state"] in ("paid", "quarantined")
    assert shop.taken() == []  # nothing is charged on top of the charge we heard of


@pytest.mark.parametrize(
    ("charge_id", "state"),
    [
        pytest.param("S03-1-1-C1", "due", id="the same charge: an older answer"),
        pytest.param("S03-1-1-C2", "quarantined", id="another charge of the key"),
    ],
)
def test_an_answer_that_comes_after_the_decline_of_its_charge(
    opened: OpenShop, charge_id: str, state: str
) -> None:
    """A frozen process says at last that Amazon works on it, when its end is known already."""
    shop = opened(subscribers=[subscriber(1)])
    at = shop.go_to(DAY)
    merchant = shop.engine.merchant
    open_due_cycles(shop.database, merchant, at=at)
    _, (attempt,) = intend_due_slots(shop.database, merchant, at=at, worker_id="a")
    declined = Outcome(
        attempt, OutcomeKind.DECLINED, charge_id="S03-1-1-C1", reason_code="SoftDeclined"
    )
    late = Outcome(attempt, OutcomeKind.PENDING, charge_id=charge_id)
    record_outcomes(shop.database, merchant, [declined], at=at)
    record_outcomes(shop.database, merchant, [late], at=at)
    assert shop.slot("sub-001-0010-renewal")["state"] == state

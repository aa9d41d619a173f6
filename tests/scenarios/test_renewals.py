"""Renewals through the public doors: what is charged, what the books say, what comes next."""

from datetime import date
from typing import Any

import pytest
from support.shop import OpenShop, subscriber

from billing import ImportStatus


def test_a_renewal_is_charged_booked_and_followed_by_the_next_cycle(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1)])
    shop.charge_on(date(2026, 11, 30))

    assert shop.taken() == [("sub-001-0010-renewal", 1980)]
    # 1,980 holds 10 % tax: 1,980 × 10 ÷ 110 = 180; sales 1,800
    assert shop.balances() == {
        "amazon_receivable": 1980,
        "sales:standard": -1800,
        "consumption_tax:standard": -180,
    }
    after = shop.subscription("sub-001")
    assert (after["next_cycle"], after["cycles_done"], after["state"]) == (11, 11, "active")
    assert str(after["due_at"])[:10] == "2026-12-30"
    assert shop.faults() == []


def test_a_second_run_on_the_same_day_charges_nothing(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(n) for n in range(1, 6)])
    shop.charge_on(date(2026, 11, 30))
    shop.charge_on(date(2026, 11, 30))
    assert len(shop.taken()) == 5
    assert len(list(shop.amazon.requests())) == 5


@pytest.mark.parametrize(
    ("day", "started", "charge_days"),
    [
        # the 31st: clamped to short months and back again, never drifting
        (31, date(2026, 1, 31), ["2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"]),
        (29, date(2026, 1, 29), ["2026-11-29", "2026-12-29", "2027-01-29", "2027-02-28"]),
    ],
)
def test_anchored_days_never_drift(
    opened: OpenShop, day: int, started: date, charge_days: list[str]
) -> None:
    first = date.fromisoformat(charge_days[0])
    shop = opened(
        subscribers=[subscriber(1, started_on=started, anchor_day=day, next_charge_on=first)]
    )
    for charge_day in charge_days:
        shop.charge_on(date.fromisoformat(charge_day))
    charged = shop.rows("SELECT period_start FROM invoice ORDER BY cycle")
    assert [str(row["period_start"]) for row in charged] == charge_days
    assert len(shop.taken()) == len(charge_days)


@pytest.mark.parametrize(
    ("changes", "yen"),
    [
        pytest.param({"plan_code": "team", "quantity": 3}, [4440], id="3 seats x 1,480"),
        pytest.param(
            {"plan_code": "coffee", "status": ImportStatus.TRIALING},
            [1980],
            id="the first paid cycle has its own price",
        ),
        pytest.param({"plan_code": "coffee"}, [3240], id="a later cycle has the regular price"),
        pytest.param({"status": ImportStatus.PAUSED}, [], id="paused: nothing"),
        pytest.param({"status": ImportStatus.CANCEL_SCHEDULED}, [], id="ends on its day"),
        pytest.param(
            {"status": ImportStatus.CANCELED, "next_charge_on": None}, [], id="canceled: nothing"
        ),
        pytest.param({"status": ImportStatus.PAST_DUE}, [1980], id="past due: charged, recovered"),
    ],
)
def test_what_a_subscription_pays_on_its_day(
    opened: OpenShop, changes: dict[str, Any], yen: list[int]
) -> None:
    shop = opened(subscribers=[subscriber(1, **changes)])
    shop.charge_on(date(2026, 11, 30))
    assert [amount for _, amount in shop.taken()] == yen
    assert shop.faults() == []


def test_a_scheduled_cancellation_ends_the_subscription(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1, status=ImportStatus.CANCEL_SCHEDULED)])
    shop.charge_on(date(2026, 11, 30))
    assert shop.subscription("sub-001")["state"] == "canceled"
    shop.charge_on(date(2026, 12, 30))
    assert shop.taken() == []


def test_a_pause_with_a_date_resumes_on_the_next_anchored_day(opened: OpenShop) -> None:
    paused = subscriber(1, status=ImportStatus.PAUSED, resume_on=date(2027, 1, 9))
    shop = opened(subscribers=[paused])
    shop.charge_on(date(2026, 12, 30))
    assert shop.taken() == []
    shop.charge_on(date(2027, 1, 9))  # resumed, and nothing is charged before the 30th
    assert (shop.taken(), shop.subscription("sub-001")["state"]) == ([], "active")
    shop.charge_on(date(2027, 1, 30))
    assert shop.taken() == [("sub-001-0012-renewal", 1980)]


def test_missed_months_are_caught_up_one_after_another(opened: OpenShop) -> None:
    """The engine stood still from November to February: four cycles, each charged once."""
    shop = opened(subscribers=[subscriber(1)])
    for _ in range(5):
        shop.charge_on(date(2027, 2, 28))
    assert [reference[8:12] for reference, _ in shop.taken()] == ["0010", "0011", "0012", "0013"]
    assert shop.faults() == []


def test_a_first_cycle_for_nothing_asks_amazon_for_nothing(opened: OpenShop) -> None:
    free = subscriber(1, plan_code="gift", status=ImportStatus.TRIALING)
    shop = opened(subscribers=[free, subscriber(2)])
    shop.charge_on(date(2026, 11, 30))
    assert shop.taken() == [("sub-002-0010-renewal", 1980)]
    after = shop.subscription("sub-001")
    assert (after["state"], after["next_cycle"], after["cycles_done"]) == ("active", 11, 1)
    shop.charge_on(date(2026, 12, 30))
    assert ("sub-001-0011-renewal", 1980) in shop.taken()
    assert shop.faults() == []

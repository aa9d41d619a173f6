"""The monthly cap: planned, shared by all subscriptions of a permission, never broken."""

from datetime import date

import pytest
from support.shop import OpenShop, subscriber

from amazonpay import CreateCharge
from billing import SubscriberRow

SHARED = {"charge_permission_id": "C03-7777777-7777777", "buyer_id": "amzn1.account.SHARED"}


def test_a_yearly_price_above_the_cap_is_split_over_months(opened: OpenShop) -> None:
    yearly = subscriber(1, plan_code="yearly", started_on=date(2025, 11, 30))
    shop = opened(subscribers=[yearly])
    for day in (date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 1)):
        shop.charge_on(day, hour=10)
    # 98,000 = 50,000 in November + 48,000 on the first day of December
    assert shop.taken() == [
        ("sub-001-0001-renewal", 50_000),
        ("sub-001-0001-renewal:2", 48_000),
    ]
    sent = [r for r in shop.amazon.requests() if r["operation"] == "CreateCharge"]
    assert [request["status"] for request in sent] == [201, 201]
    (invoice,) = shop.rows("SELECT state, total_yen, paid_yen FROM invoice")
    assert invoice == {"state": "paid", "total_yen": 98_000, "paid_yen": 98_000}
    assert str(shop.subscription("sub-001")["due_at"])[:10] == "2027-11-30"
    assert shop.faults() == []


@pytest.mark.parametrize("rule", ["refuse", "defer"])
def test_a_price_above_the_cap_is_refused_with_its_reason_and_never_sent(
    opened: OpenShop, rule: str
) -> None:
    """The import would refuse such a row under these rules; a lowered cap can still bring it."""
    yearly = subscriber(1, plan_code="yearly", started_on=date(2025, 11, 30))
    shop = opened(subscribers=[yearly], cap_rule=rule)
    shop.charge_on(date(2026, 11, 30))
    slot = shop.slot("sub-001-0001-renewal")
    assert (slot["state"], slot["reason"]) == ("refused", "cap_impossible")
    assert list(shop.amazon.requests()) == []
    assert [row["kind"] for row in shop.rows("SELECT kind FROM notice")] == ["cap_refused"]


@pytest.mark.parametrize(
    ("rule", "on_day", "later"),
    [
        # 29,800 + 29,800 = 59,600 in November: 9,600 too much
        ("defer", [("sub-001-0010-renewal", 29_800)], [("sub-002-0010-renewal", 29_800)]),
        (
            "split",
            [("sub-001-0010-renewal", 29_800), ("sub-002-0010-renewal", 20_200)],
            [("sub-002-0010-renewal:2", 9_600)],
        ),
        ("refuse", [("sub-001-0010-renewal", 29_800)], []),
    ],
)
def test_subscriptions_of_one_permission_share_its_cap(
    opened: OpenShop,
    rule: str,
    on_day: list[tuple[str, int]],
    later: list[tuple[str, int]],
) -> None:
    rows = [subscriber(number, plan_code="studio", **SHARED) for number in (1, 2)]
    shop = opened(subscribers=rows, cap_rule=rule)
    shop.charge_on(date(2026, 11, 30))
    assert shop.taken() == on_day
    shop.charge_on(date(2026, 12, 1), hour=10)
    assert shop.taken() == sorted(on_day + later)
    assert all(request["status"] in (200, 201) for request in shop.amazon.requests())
    assert shop.faults() == []


def test_amazons_lower_limit_is_learnt_from_its_refusal(opened: OpenShop) -> None:
    """We planned with 50,000; Amazon says 20,000: not a decline, the plan follows its figures."""
    shop = opened(subscribers=[subscriber(1, plan_code="studio")], amount_limit_yen=20_000)
    shop.charge_on(date(2026, 11, 30))
    shop.charge_on(date(2026, 12, 1), hour=10)
    assert [amount for _, amount in shop.taken()] == [20_000, 9_800]
    assert shop.slot("sub-001-0010-renewal")["declines"] == 0
    refused = [r for r in shop.amazon.requests() if r["status"] == 400]
    assert len(refused) == 1
    (permission,) = shop.rows("SELECT amount_limit_yen FROM charge_permission")
    assert permission["amount_limit_yen"] == 20_000
    assert shop.faults() == []


def test_a_charge_on_the_same_permission_by_somebody_else_is_believed(opened: OpenShop) -> None:
    """Another system of the merchant took 30,000 of the 50,000: Amazon's balance wins."""
    shop = opened(subscribers=[subscriber(1, plan_code="studio")])
    shop.go_to(date(2026, 11, 30), hour=8)
    with shop.engine.make_client() as client:
        other = CreateCharge(charge_permission_id="C03-0000001-0000001", amount_yen=30_000)
        client.create_charge(other, idempotency_key="another-system")
    shop.charge_on(date(2026, 11, 30))
    shop.charge_on(date(2026, 12, 1), hour=10)
    ours = [taken for taken in shop.taken() if taken[0]]
    assert ours == [("sub-001-0010-renewal", 20_000), ("sub-001-0010-renewal:2", 9_800)]


def full_november_and_one_due_on_the_first() -> list[SubscriberRow]:
    """Two of 29,800 share a cap of 50,000: on 30 November and on 1 December."""
    return [
        subscriber(1, plan_code="studio", **SHARED),
        subscriber(
            2,
            plan_code="studio",
            started_on=date(2026, 1, 1),
            anchor_day=1,
            next_charge_on=date(2026, 12, 1),
            **SHARED,
        ),
    ]


def test_before_nine_on_the_first_a_charge_counts_in_both_months(opened: OpenShop) -> None:
    """00:00–09:00 JST on the 1st is still November in UTC: it must fit there too, or wait."""
    rows = full_november_and_one_due_on_the_first()
    shop = opened(subscribers=rows, charge_hour=7)
    shop.charge_on(date(2026, 11, 30), hour=7)
    shop.charge_on(date(2026, 12, 1), hour=7)
    assert shop.taken() == [("sub-001-0010-renewal", 29_800)]  # November has 20,200 left
    shop.charge_on(date(2026, 12, 1), hour=10)
    assert shop.taken() == [("sub-001-0010-renewal", 29_800), ("sub-002-0011-renewal", 29_800)]
    assert shop.faults() == []


def test_at_nine_on_the_first_a_full_old_month_costs_three_minutes_and_no_notice(
    opened: OpenShop,
) -> None:
    """Our clock may be three minutes fast; a wait of minutes is not worth a mail."""
    shop = opened(subscribers=full_november_and_one_due_on_the_first())
    shop.charge_on(date(2026, 11, 30))
    shop.charge_on(date(2026, 12, 1), hour=9)
    assert shop.taken() == [("sub-001-0010-renewal", 29_800)]
    assert str(shop.slot("sub-002-0011-renewal")["due_at"])[:16] == "2026-12-01 00:03"
    assert shop.rows("SELECT 1 FROM notice WHERE kind = 'cap_moved'") == []
    shop.charge_on(date(2026, 12, 1), hour=10)
    assert shop.taken() == [("sub-001-0010-renewal", 29_800), ("sub-002-0011-renewal", 29_800)]
    assert shop.faults() == []

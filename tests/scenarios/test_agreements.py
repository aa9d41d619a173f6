"""The life of a changed agreement in real runs: what is charged, given back, kept and booked."""

from datetime import date, timedelta

import pytest
from support.shop import OpenShop, Shop, subscriber

from billing import civil_date, forecast, reading, writing
from billing.agreements import confirm_quote, keep_quote
from billing.mass_forecast import forecast_in_mass
from billing.quotes import Quote, load_situation, plan_change, quote
from plans import CouponUsedBefore
from plans.lifecycle import (
    Actor,
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeNextDate,
    Command,
    PaidDays,
    Pause,
    Refund,
    Resume,
    SkipCycles,
    Timing,
    Undo,
)

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: studio, name: {ja: スタジオ, en: Studio}, price: 29800, tax: standard,
     every: {unit: month, count: 1}}
add_ons:
  - {code: support, name: {ja: 電話, en: Phone}, price: 600, tax: standard}
coupons:
  - {code: half, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: 1}
  - {code: welcome, name: {ja: 初回, en: Welcome}, off: {yen: 300}, cycles: 1, once_per_buyer: true}
"""
# Of the cycle from 30 November to 30 December 15 of 30 days are left.
MIDDLE = date(2026, 12, 15)


def do(shop: Shop, command: Command, on: date = MIDDLE) -> Quote:
    """Quote a command at noon of a day, confirm it, charge what it charges."""
    at = shop.go_to(on, hour=12)
    merchant = shop.engine.merchant
    with reading(shop.database) as connection:
        view = load_situation(connection, merchant, subscription_id="sub-001", at=at)
        asked = quote(view, command, on=on, at=at, actor=Actor.STAFF, reason="phone call")
    writing(shop.database, lambda connection: keep_quote(connection, merchant, asked))
    done = writing(
        shop.database,
        lambda connection: confirm_quote(
            connection, merchant, quote_id=asked.quote_id, at=shop.clock.now()
        ),
    )
    if done.slot_ids:
        shop.engine.charge_now(done.slot_ids)
    return asked


def play(shop: Shop, first: date, last: date) -> None:
    """A run every day."""
    day = first
    while day <= last:
        shop.charge_on(day)
        day += timedelta(days=1)


def takings(shop: Shop) -> list[int]:
    """What Amazon captured, in the order of its creation, yen."""
    captured = [c for c in shop.amazon.charges() if c["state"] == "Captured"]
    return [c["amount"] for c in sorted(captured, key=lambda c: c["createdAt"])]


@pytest.fixture
def shop(opened: OpenShop) -> Shop:
    """A subscriber of 1,980 a month who paid on 30 November."""
    made = opened(subscribers=[subscriber(1)], catalogue=CATALOGUE)
    made.charge_on(date(2026, 11, 30))
    return made


def test_an_add_on_is_charged_for_the_rest_of_the_cycle_and_then_every_cycle(shop: Shop) -> None:
    """600 × 15 ÷ 30 = 300; then 1,980 + 600 = 2,580."""
    do(shop, AddAddOn("support"))
    shop.charge_on(date(2026, 12, 30))
    shop.charge_on(date(2027, 1, 30))
    assert takings(shop) == [1_980, 300, 2_580, 2_580]
    kinds = shop.rows("SELECT kind FROM invoice_line ORDER BY invoice_id, position")
    assert [row["kind"] for row in kinds][-2:] == ["plan", "add_on"]
    assert shop.faults() == []


def test_a_coupon_of_one_cycle_counts_once(shop: Shop) -> None:
    """1,980 less 50 % = 990, once."""
    do(shop, AddCoupon("half"))
    for month in (date(2026, 12, 30), date(2027, 1, 30)):
        shop.charge_on(month)
    assert takings(shop) == [1_980, 990, 1_980]
    assert shop.faults() == []


def test_a_skipped_cycle_is_not_charged(shop: Shop) -> None:
    do(shop, SkipCycles(1))
    play(shop, date(2026, 12, 29), date(2027, 1, 31))
    assert takings(shop) == [1_980, 1_980]
    cycles = shop.rows("SELECT cycle FROM invoice ORDER BY cycle")
    assert [row["cycle"] for row in cycles] == [10, 12]
    assert shop.faults() == []


def test_a_moved_date_moves_one_charge(shop: Shop) -> None:
    do(shop, ChangeNextDate(date(2027, 1, 5)))
    play(shop, date(2026, 12, 29), date(2027, 1, 31))
    paid_on = shop.rows("SELECT issued_on FROM invoice ORDER BY cycle")
    assert [str(row["issued_on"]) for row in paid_on] == ["2026-11-30", "2027-01-05", "2027-01-30"]
    assert shop.faults() == []


def test_a_pause_banks_paid_days_and_gives_them_back(shop: Shop) -> None:
    """15 paid days are banked on 15 December; back on 15 January they are served to 30 January."""
    do(shop, Pause(Timing.NOW, paid_days=PaidDays.BANK))
    play(shop, date(2026, 12, 29), date(2027, 1, 2))
    do(shop, Resume(), date(2027, 1, 15))
    play(shop, date(2027, 1, 29), date(2027, 1, 31))
    assert takings(shop) == [1_980, 1_980]
    assert shop.subscription("sub-001")["state"] == "active"
    assert shop.faults() == []


def test_a_cancellation_now_gives_the_unused_days_back_through_amazon(shop: Shop) -> None:
    """1,980 × 15 ÷ 30 = 990."""
    do(shop, Cancel(Timing.NOW, refund=Refund.PRORATED))
    play(shop, date(2026, 12, 16), date(2026, 12, 17))
    refunds = [(row["state"], row["amount"]) for row in shop.amazon.refunds()]
    assert [yen for _, yen in refunds] == [990]
    shop.charge_on(date(2026, 12, 30))
    assert takings(shop) == [1_980]
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert shop.balances().get("refund_payable", 0) in (0, -990)
    assert shop.faults() == []


def test_a_cancellation_at_the_end_of_the_period_can_be_undone(shop: Shop) -> None:
    do(shop, Cancel(Timing.PERIOD_END))
    with reading(shop.database) as connection:
        view = load_situation(
            connection, shop.engine.merchant, subscription_id="sub-001", at=shop.clock.now()
        )
    assert view.subscription is not None
    (waiting,) = view.subscription.queue
    shop.act(Undo(waiting.id), MIDDLE)
    shop.charge_on(date(2026, 12, 30))
    assert takings(shop) == [1_980, 1_980]
    assert shop.faults() == []


def test_a_cancellation_at_the_end_of_the_period_ends_it(shop: Shop) -> None:
    do(shop, Cancel(Timing.PERIOD_END))
    play(shop, date(2026, 12, 29), date(2026, 12, 31))
    assert takings(shop) == [1_980]
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert shop.faults() == []


def test_dunning_of_a_changed_agreement_recovers(opened: OpenShop) -> None:
    """The renewal after the change is declined once; the next try takes it."""
    shop = opened(
        subscribers=[subscriber(1)],
        catalogue=CATALOGUE,
        behaviours={"C03-0000001-0000001": ["ok", "ok", "SoftDeclined"]},
    )
    shop.charge_on(date(2026, 11, 30))
    do(shop, AddAddOn("support"))
    shop.charge_on(date(2026, 12, 30))
    assert shop.subscription("sub-001")["state"] == "past_due"
    play(shop, date(2026, 12, 31), date(2027, 1, 3))
    assert takings(shop) == [1_980, 300, 2_580]
    assert shop.subscription("sub-001")["state"] == "active"
    assert shop.faults() == []


def test_a_past_due_agreement_can_be_canceled_and_owes_nothing(opened: OpenShop) -> None:
    declines = ["ok", "ok"] + ["SoftDeclined"] * 9
    shop = opened(
        subscribers=[subscriber(1)],
        catalogue=CATALOGUE,
        behaviours={"C03-0000001-0000001": declines},
    )
    shop.charge_on(date(2026, 11, 30))
    do(shop, AddAddOn("support"))
    shop.charge_on(date(2026, 12, 30))
    shop.act(Cancel(Timing.NOW), date(2026, 12, 31))
    play(shop, date(2027, 1, 1), date(2027, 1, 20))
    assert takings(shop) == [1_980, 300]
    assert shop.subscription("sub-001")["state"] == "canceled"
    assert shop.balances().get("customer_receivable", 0) == 0
    assert shop.faults() == []


def test_dunning_that_ends_pauses_a_changed_agreement(opened: OpenShop) -> None:
    shop = opened(
        subscribers=[subscriber(1)],
        catalogue=CATALOGUE,
        behaviours={"C03-0000001-0000001": ["ok", "ok"] + ["SoftDeclined"] * 20},
    )
    shop.charge_on(date(2026, 11, 30))
    do(shop, AddAddOn("support"))
    play(shop, date(2026, 12, 30), date(2027, 1, 20))
    assert shop.subscription("sub-001")["state"] == "paused"
    assert takings(shop) == [1_980, 300]
    assert shop.faults() == []
    assert civil_date(at=shop.clock.now(), timezone="Asia/Tokyo") == date(2027, 1, 20)


def test_a_plain_subscription_and_a_changed_one_are_charged_alike(opened: OpenShop) -> None:
    """The fast path and the life cycle must say the same of an agreement that changed nothing."""
    shop = opened(subscribers=[subscriber(1), subscriber(2)], catalogue=CATALOGUE)
    shop.charge_on(date(2026, 11, 30))
    do(shop, Cancel(Timing.PERIOD_END))
    with reading(shop.database) as connection:
        view = load_situation(
            connection, shop.engine.merchant, subscription_id="sub-001", at=shop.clock.now()
        )
    assert view.subscription is not None
    shop.act(Undo(view.subscription.queue[0].id), MIDDLE)
    for month in (date(2026, 12, 30), date(2027, 1, 30), date(2027, 2, 28), date(2027, 3, 30)):
        shop.charge_on(month)
    told = shop.rows(
        """SELECT s.external_id, i.cycle, i.purpose, i.state, i.issued_on, i.period_start,
        i.period_end, i.total_yen, i.paid_yen, i.offset_yen, l.kind, l.quantity, l.unit_yen,
        t.rate_percent, t.gross_yen, t.tax_yen, t.net_yen, k.purpose AS slot, k.first_due_at
        FROM invoice i JOIN subscription s ON s.id = i.subscription_id
        JOIN invoice_line l ON l.invoice_id = i.id JOIN invoice_tax t ON t.invoice_id = i.id
        JOIN slot k ON k.invoice_id = i.id ORDER BY s.external_id, i.cycle"""
    )
    changed = [{**row, "external_id": ""} for row in told if row["external_id"] == "sub-001"]
    plain = [{**row, "external_id": ""} for row in told if row["external_id"] == "sub-002"]
    assert changed == plain
    assert len(plain) == 5
    names = "state, next_cycle, cycles_done, due_at, price_id, quantity, anchor_day"
    rows = shop.rows(f"SELECT {names} FROM subscription ORDER BY external_id")
    assert rows[0] == rows[1]
    assert shop.faults() == []


def test_both_forecasts_know_what_was_changed(opened: OpenShop) -> None:
    """An add-on now, a downgrade waiting, a plain subscriber beside it; then what happens."""
    rows = [subscriber(1, plan_code="studio"), subscriber(2)]
    shop = opened(subscribers=rows, catalogue=CATALOGUE)
    shop.charge_on(date(2026, 11, 30))
    do(shop, AddAddOn("support"))
    with reading(shop.database) as connection:
        view = load_situation(
            connection, shop.engine.merchant, subscription_id="sub-001", at=shop.clock.now()
        )
    do(shop, plan_change(view, plan_code="basic", on=MIDDLE))
    with reading(shop.database) as connection:
        now = shop.clock.now()
        told = forecast(connection, shop.engine.merchant, at=now, days=60)
        columns = forecast_in_mass(connection, shop.engine.merchant, at=now, days=60)
    assert [(str(c.on), c.subscription, c.amount_yen) for c in told.charges] == [
        ("2026-12-30", "sub-001", 2_580),
        ("2026-12-30", "sub-002", 1_980),
        ("2027-01-30", "sub-001", 2_580),
        ("2027-01-30", "sub-002", 1_980),
    ]
    months = [(str(m.month), m.charges, m.amount_yen) for m in columns.months if m.charges]
    assert months == [("2026-12", 2, 4_560), ("2027-01", 2, 4_560)]
    shop.charge_on(date(2026, 12, 30))
    shop.charge_on(date(2027, 1, 30))
    assert sorted(takings(shop)[3:]) == [1_980, 1_980, 2_580, 2_580]
    assert shop.faults() == []


def test_a_migrated_price_is_charged_from_its_day_on(opened: OpenShop) -> None:
    """Told on 1 November, in force on 1 January: the cycle of 30 December keeps the old price."""
    every = "every: {unit: month, count: 1}"
    dated = f"""
plans:
  - code: basic
    name: {{ja: ベーシック, en: Basic}}
    tax: standard
    {every}
    prices: [{{price: 1980, valid_from: 2020-01-01}}, {{price: 2480, valid_from: 2026-12-01}}]
migrations:
  - {{code: up, from: {{plan: basic, valid_from: 2020-01-01}},
     to: {{plan: basic, valid_from: 2026-12-01}},
     notice_on: 2026-11-01, effective_on: 2027-01-01}}
"""
    shop = opened(subscribers=[subscriber(1)], catalogue=dated)
    for month in (date(2026, 11, 30), date(2026, 12, 30), date(2027, 1, 30)):
        shop.charge_on(month)
    assert takings(shop) == [1_980, 1_980, 2_480]
    assert shop.faults() == []


def test_a_coupon_for_new_buyers_is_used_once_whichever_subscription(opened: OpenShop) -> None:
    """Two subscriptions of one buyer on two charge permissions: the second one is refused."""
    second = subscriber(2, buyer_id=subscriber(1).buyer_id)
    shop = opened(subscribers=[subscriber(1), second], catalogue=CATALOGUE)
    shop.charge_on(date(2026, 11, 30))
    do(shop, AddCoupon("welcome"))
    with reading(shop.database) as connection:
        view = load_situation(
            connection, shop.engine.merchant, subscription_id="sub-002", at=shop.clock.now()
        )
    with pytest.raises(CouponUsedBefore):
        quote(view, AddCoupon("welcome"), on=MIDDLE, at=shop.clock.now(), actor=Actor.CUSTOMER)
    shop.charge_on(date(2026, 12, 30))
    assert sorted(takings(shop)[2:]) == [1_680, 1_980]

"""What changes of a running cycle cost, by hand: April has 30 days and 15 are left on the 16th."""

from dataclasses import replace
from datetime import date

import pytest
from quote_cases import CATALOGUE, CHANGE, FIRST, asked, happen, rules, subscriber, totals

from billing.quotes import plan_change
from plans import (
    BadInput,
    ChangeEffect,
    ChangeRule,
    CouponsDoNotStack,
    NegativeResult,
    TaxCategory,
    TaxedYen,
    UnknownOffer,
    UnknownPlan,
)
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    ChangeAddOn,
    ChangeQuantity,
    GuardRefused,
    Policy,
    RemoveAddOn,
    RemoveCoupon,
    Timing,
    Undo,
)

NOW, NEXT = ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE
RESTART, NONE = ChangeEffect.RESTART_CYCLE, ChangeEffect.NONE
CARRY, REFUND, FORFEIT = NegativeResult
STANDARD, REDUCED = TaxCategory.STANDARD, TaxCategory.REDUCED
MAY = date(2026, 5, 1)


def moved(view, plan, /, on=CHANGE, **how):
    how.setdefault("timing", None if "on_date" in how else Timing.NOW)
    return asked(view, plan_change(view, plan_code=plan, on=on, **how), on)


def by_rate(bill):
    return {row.category.value: (row.gross_yen, row.tax_yen) for row in bill.tax.rates}


@pytest.mark.parametrize(
    ("old", "new", "effect", "negative", "expected"),
    [
        # Expected: (charged today, credit used, new credit, refund, forfeited).
        # 10,000×15/30 − 3,000×15/30 = 5,000 − 1,500
        pytest.param("small", "large", NOW, CARRY, (3500, 0, 0, 0, 0), id="upgrade"),
        pytest.param("small", "large", NEXT, CARRY, (0, 0, 0, 0, 0), id="upgrade, next invoice"),
        pytest.param("small", "large", NONE, CARRY, (0, 0, 0, 0, 0), id="upgrade, no difference"),
        # a whole new cycle today: 10,000 − 1,500
        pytest.param("small", "large", RESTART, CARRY, (8500, 0, 0, 0, 0), id="upgrade, restart"),
        pytest.param("large", "small", NOW, CARRY, (0, 0, 3500, 0, 0), id="downgrade, carried"),
        pytest.param("large", "small", NOW, REFUND, (0, 0, 0, 3500, 0), id="downgrade, refunded"),
        pytest.param("large", "small", NOW, FORFEIT, (0, 0, 0, 0, 3500), id="downgrade, forfeited"),
        # 3,000 − 10,000×15/30
        pytest.param("large", "small", RESTART, CARRY, (0, 0, 2000, 0, 0), id="restart, carried"),
        pytest.param("large", "small", RESTART, FORFEIT, (0, 0, 0, 0, 2000), id="restart, lost"),
        # to the year's price a new cycle starts: 36,000 − 1,500
        pytest.param("small", "year", NOW, CARRY, (34500, 0, 0, 0, 0), id="to another interval"),
        # 5,400×15/30 − 3,000×15/30 = 2,700 − 1,500, one sum of money, two rates
        pytest.param("small", "food", NOW, CARRY, (1200, 0, 0, 0, 0), id="to the reduced rate"),
    ],
)
def test_a_change_of_plan_now(old, new, effect, negative, expected):
    view = subscriber(old, rules=rules(change=ChangeRule(effect, negative)))
    found = moved(view, new)
    assert totals(found) == expected
    assert found.effective_on == CHANGE


def test_the_upgrade_in_detail():
    """3,000 → 10,000 on 16 April: 1,500 come back, 5,000 are due; tax 3,500×10/110 = 318.18."""
    found = moved(subscriber("small"), "large")
    assert [(line.kind, line.amount_yen) for line in found.lines] == [
        ("credit", -1500),
        ("charge", 5000),
    ]
    (bill,) = found.today
    assert by_rate(bill) == {"standard": (3500, 318)}
    assert found.next_charge.on == MAY
    assert found.next_charge.charge_yen == 10_000
    assert [bill.charge_yen for bill in found.coming] == [10_000] * 12
    assert [bill.charge_yen for bill in found.coming_before] == [3_000] * 12
    assert found.deadline.isoformat() == "2026-05-01T23:59:00+09:00"


def test_two_rates_are_never_netted():
    """2,700 at 8 %: 2,700×8/108 = 200; −1,500 at 10 %: −136.36, rounded by magnitude."""
    (bill,) = moved(subscriber("small"), "food").today
    assert by_rate(bill) == {"standard": (-1500, -136), "reduced": (2700, 200)}
    assert bill.charge_yen == 1200


def test_the_difference_waits_for_the_next_invoice():
    """3,500 + 10,000 on 1 May; tax 13,500×10/110 = 1,227.27."""
    view = subscriber("small", rules=rules(change=ChangeRule(NEXT)))
    found = moved(view, "large")
    assert found.next_charge.charge_yen == 13_500
    assert by_rate(found.next_charge) == {"standard": (13_500, 1227)}
    assert [bill.charge_yen for bill in found.coming[1:]] == [10_000] * 11


def test_a_credit_is_used_by_the_charges_that_follow():
    """3,500 are kept: 1 May 3,000 − 3,000, 1 June 3,000 − 500."""
    found = moved(subscriber("large"), "small")
    first, second, third = found.coming[:3]
    assert (first.charge_yen, first.credit_used_yen) == (0, 3000)
    assert (second.charge_yen, second.credit_used_yen) == (2500, 500)
    assert (third.charge_yen, third.credit_used_yen) == (3000, 0)
    assert found.next_charge.on == date(2026, 6, 1)


def test_open_credit_pays_what_is_due_today():
    """3,500 due, 1,000 open: 2,500 are charged; the tax is that of the whole 3,500."""
    view = subscriber("small", credit=(TaxedYen(STANDARD, 1000),))
    found = moved(view, "large")
    assert totals(found) == (2500, 1000, 0, 0, 0)
    assert by_rate(found.today[0]) == {"standard": (3500, 318)}
    assert found.next_charge.credit_used_yen == 0


@pytest.mark.parametrize(
    ("how", "effective_on", "first", "second"),
    [
        # at renewal nothing is settled
        pytest.param({"timing": Timing.PERIOD_END}, MAY, 10_000, 10_000, id="renewal"),
        # On 10 May 22 of 31 days are left: 10,000×22/31 = 7,096.77; 3,000×22/31 = 2,129.03
        pytest.param({"on_date": date(2026, 5, 10)}, date(2026, 5, 10), 3_000, 4_967, id="a date"),
    ],
)
def test_a_change_that_waits_moves_no_money_today(how, effective_on, first, second):
    found = moved(subscriber("small"), "large", **how)
    assert totals(found) == (0, 0, 0, 0, 0)
    assert found.today == ()
    assert found.effective_on == effective_on
    assert [bill.charge_yen for bill in found.coming[:2]] == [first, second]
    assert found.coming[-1].charge_yen == 10_000


@pytest.mark.parametrize(
    ("quantity", "expected", "becomes"),
    [
        # 1,000 × 2 more seats × 15/30
        pytest.param(5, (1000, 0, 0, 0, 0), 5_000, id="more seats"),
        pytest.param(1, (0, 0, 1000, 0, 0), 1_000, id="fewer seats"),
    ],
)
def test_seats(quantity, expected, becomes):
    view = subscriber("seats", quantity=3)
    found = asked(view, ChangeQuantity(quantity))
    assert totals(found) == expected
    assert found.coming[-1].charge_yen == becomes
    assert plan_change(view, plan_code="seats", quantity=5, on=CHANGE) == ChangeQuantity(5)


@pytest.mark.parametrize(
    ("command", "expected", "becomes"),
    [
        # 600×15/30 at 10 %
        pytest.param(AddAddOn("support"), (300, 0, 0, 0, 0), 3_000 + 1_080 + 600, id="add"),
        # 540×15/30×(3 − 2) at 8 %
        pytest.param(ChangeAddOn("snack", 3), (270, 0, 0, 0, 0), 3_000 + 1_620, id="one more"),
        pytest.param(RemoveAddOn("snack"), (0, 0, 540, 0, 0), 3_000, id="remove"),
    ],
)
def test_add_ons_are_settled_at_their_own_rate(command, expected, becomes):
    found = asked(subscriber("small", add_ons={"snack": 2}), command)
    assert totals(found) == expected
    assert found.coming[-1].charge_yen == becomes
    rate = "standard" if command == AddAddOn("support") else "reduced"
    assert by_rate(found.today[0]).keys() == {rate}
    assert len(found.lines) == (2 if isinstance(command, ChangeAddOn) else 1)


def test_what_is_bought_once_comes_with_the_next_invoice():
    """5,500 with the cycle of 1 May, and never again."""
    found = asked(subscriber("small"), AddAddOn("visit"))
    assert found.today == ()
    assert [bill.charge_yen for bill in found.coming[:3]] == [8_500, 3_000, 3_000]


def test_a_coupon_counts_from_the_next_charge_on():
    """500 off two cycles."""
    found = asked(subscriber("small"), AddCoupon("minus"))
    assert found.today == ()
    assert [bill.charge_yen for bill in found.coming[:4]] == [2_500, 2_500, 3_000, 3_000]
    with_it = happen(subscriber("small"), AddCoupon("tenth"), CHANGE)
    taken_off = asked(with_it, RemoveCoupon("tenth"))
    assert taken_off.next_charge.charge_yen == 3_000
    assert taken_off.coming_before[0].charge_yen == 2_700


def test_only_what_was_paid_comes_back():
    """10 % off the plan: 2,700 paid, of which 2,700×15/30 = 1,350 come back."""
    view = subscriber("small", coupons=("tenth",), add_ons={"snack": 2})
    # 3,000 − 300 + 1,080
    assert view.received == (TaxedYen(STANDARD, 2_700), TaxedYen(REDUCED, 1_080))
    assert totals(moved(view, "large")) == (5_000 - 1_350, 0, 0, 0, 0)


def test_an_order_coupon_is_shared_by_what_it_was_taken_from():
    """500 of 3,000 and 1,080: 367.6 and 132.4, so 2,632 and 948 were paid; half of each is left."""
    view = subscriber("small", coupons=("minus",), add_ons={"snack": 2})
    assert [part.time.paid_yen for part in view.paid] == [2_632, 948]
    assert moved(view, "large").lines[0].amount_yen == -1_316


def test_what_was_not_paid_gives_nothing_back():
    view = replace(subscriber("small"), paid=(), received=())
    found = moved(view, "large")
    assert totals(found) == (0, 0, 0, 0, 0)
    assert found.next_charge.charge_yen == 10_000


def test_a_change_and_its_reverse_on_one_day_cost_nothing():
    view = subscriber("small")
    up = plan_change(view, plan_code="large", on=CHANGE, timing=Timing.NOW)
    upgraded = happen(view, up, CHANGE)
    back = moved(upgraded, "small")
    assert totals(back) == (0, 0, 3500, 0, 0)
    assert back.coming[0].credit_used_yen == 3_000


def test_a_waiting_change_can_be_undone():
    view = subscriber("small")
    later = plan_change(view, plan_code="large", on=CHANGE, timing=Timing.PERIOD_END)
    waiting = happen(view, later, CHANGE)
    (entry,) = waiting.subscription.queue
    found = asked(waiting, Undo(entry.id))
    assert [bill.charge_yen for bill in found.coming_before] == [10_000] * 12
    assert [bill.charge_yen for bill in found.coming] == [3_000] * 12


def test_the_default_timing_is_the_habit_of_the_trade():
    view = subscriber("large")
    assert plan_change(view, plan_code="small", on=CHANGE).timing is Timing.PERIOD_END
    assert plan_change(view, plan_code="huge", on=CHANGE).timing is Timing.NOW


@pytest.mark.parametrize(
    ("command", "error", "told"),
    [
        pytest.param(AddAddOn("nothing"), UnknownOffer, "nothing", id="unknown add-on"),
        pytest.param(AddCoupon("nothing"), UnknownOffer, "nothing", id="unknown coupon"),
        pytest.param(ChangeQuantity(2), BadInput, "not sold per seat", id="seats of a flat plan"),
        pytest.param(AddAddOn("support", 2), BadInput, "quantity", id="flat add-on twice"),
    ],
)
def test_what_is_not_sold_is_refused(command, error, told):
    with pytest.raises(error, match=told):
        asked(subscriber("small"), command)


def test_unknown_plans_and_closed_directions_are_refused():
    view = subscriber("large")
    with pytest.raises(UnknownPlan, match="nope"):
        plan_change(view, plan_code="nope", on=CHANGE)
    down = plan_change(view, plan_code="small", on=CHANGE, timing=Timing.NOW)
    with pytest.raises(GuardRefused, match="downgrade"):
        asked(view, down, policy=Policy())
    wrong = replace(down, direction=down.direction.__class__.UPGRADE)
    with pytest.raises(BadInput, match="plan_change"):
        asked(view, wrong)


def test_coupons_that_do_not_stack_are_refused_before_they_are_charged():
    alone = replace(CATALOGUE.coupon_on("minus", FIRST), stackable=False)
    catalogue = replace(CATALOGUE, coupons={**CATALOGUE.coupons, "minus": (alone,)})
    view = replace(subscriber("small", coupons=("tenth",)), catalogue=catalogue)
    with pytest.raises(CouponsDoNotStack):
        asked(view, AddCoupon("minus"))

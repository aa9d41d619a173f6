"""A change that begins a cycle, and its reverse on the same day: as if nothing had been asked."""

from dataclasses import replace
from datetime import date

import pytest
from quote_cases import CHANGE, asked, happen, of, paid, rules, subscriber

from billing.quotes import plan_change
from plans import ChangeEffect, ChangeRule, NegativeResult
from plans.lifecycle import Actor, SkipCycles, Timing, decide, event_from_json, event_to_json

RESTART = ChangeEffect.RESTART_CYCLE


def restarting(plan, negative=NegativeResult.CARRY, /, on=date(2026, 4, 1), **more):
    return subscriber(plan, on, rules=rules(change=ChangeRule(RESTART, negative)), **more)


def turned(view, plan, on=CHANGE, *, charged=True):
    """Move to a plan, which begins a cycle, and pay it."""
    how = {"plan_code": plan, "on": on, "timing": Timing.NOW}
    view = happen(view, plan_change(view, **how), on)
    return paid(view) if charged else view


def back(view, plan, on=CHANGE):
    return asked(view, plan_change(view, plan_code=plan, on=on, timing=Timing.NOW), on)


@pytest.mark.parametrize("negative", NegativeResult)
@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        # 10,000 - 1,500 were charged, so 8,500 come back
        pytest.param("small", "large", 8_500, id="up and down"),
        # 3,000 - 5,000: 2,000 were kept, paid back, or lost, and are taken again
        pytest.param("large", "small", -2_000, id="down and up"),
        # To a year and back: 36,000 - 1,500
        pytest.param("small", "year", 34_500, id="another interval"),
    ],
)
def test_there_and_back_costs_nothing_and_the_calendar_is_the_old_one(old, new, first, negative):
    view = restarting(old, negative)
    untouched = asked(view, SkipCycles(1, from_cycle=6))
    found = back(turned(view, new), old)
    sums = sum(line.amount_yen for line in found.lines)
    lost = first < 0 and negative is NegativeResult.FORFEIT
    assert sums == (0 if lost else -first)
    refunded = first < 0 and negative is NegativeResult.REFUND
    assert found.charge_today_yen == (2_000 if refunded else 0)
    there = turned(view, new)
    here = happen(there, plan_change(there, plan_code=old, on=CHANGE, timing=Timing.NOW), CHANGE)
    assert here.paid == view.paid
    assert here.received == view.received
    assert [bill.on for bill in found.coming] == [bill.on for bill in untouched.coming_before]
    total = sum(bill.charge_yen + bill.credit_used_yen for bill in found.coming)
    assert total == sum(bill.charge_yen for bill in untouched.coming_before)
    # Only the number of the cycle that was begun in between is used up.
    counted = {"next_cycle": 1, "anchor": of(view).anchor, "last_paid_cycle": 0, "sequence": 0}
    assert replace(of(here), **counted) == replace(of(view), sequence=0)


def test_over_two_plans_and_back_is_there_and_back():
    view = turned(turned(restarting("small"), "large"), "huge")
    found = back(view, "small")
    # 45,000 - 10,000 and 10,000 - 1,500 were charged
    assert found.credit_yen == 35_000 + 8_500
    assert found.coming[0].on == date(2026, 5, 1)


def test_before_it_was_charged_nothing_is_to_give_back():
    view = turned(restarting("small"), "large", charged=False)
    found = back(view, "small")
    assert found.today == ()
    assert (found.next_charge.on, found.next_charge.charge_yen) == (date(2026, 5, 1), 3_000)


def test_a_coupon_is_not_used_up_by_a_cycle_that_was_undone():
    view = turned(restarting("small", coupons=("minus",)), "large")
    assert of(view).coupons[0].cycles_used == 2
    found = back(view, "small")
    # The second of two cycles is still to come.
    assert [bill.charge_yen + bill.credit_used_yen for bill in found.coming[:2]] == [2_500, 3_000]


def test_on_the_next_day_it_is_another_change():
    """On 17 April 10,000 for 30 days were used for one: 9,666 come back, 3,000 begin anew."""
    on = date(2026, 4, 17)
    found = back(turned(restarting("small"), "large"), "small", on)
    assert found.today[0].on == on
    assert found.coming[0].on == date(2026, 5, 17)


def test_the_31st_stays_the_31st():
    first, on = date(2026, 1, 31), date(2026, 2, 10)
    view = turned(restarting("small", on=first), "large", on)
    found = back(view, "small", on)
    assert [f"{bill.on:%m-%d}" for bill in found.coming[:3]] == ["02-28", "03-31", "04-30"]


def test_the_fact_survives_json():
    view = turned(restarting("small", coupons=("minus",)), "large")
    command = plan_change(view, plan_code="small", on=CHANGE, timing=Timing.NOW)
    found = asked(view, command)
    (event,) = decide(
        of(view), command, actor=Actor.STAFF, reason="x", at=found.asked_at, on=CHANGE
    )
    assert event.fact.kind == "restart_undone"
    assert event_from_json(event_to_json(event)) == event

"""Where every yen went: lives of prices in whole yen a day, whatever people ask for.

Taken less given back is what the served days are worth; and what a quote promised is what came.
"""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_cases import CHANGE, asked, happen, paid, rules, subscriber
from review_steps import PLANS, steps, walked
from review_walk import Walk, carrying

from billing.quotes import OpenDays, plan_change
from plans import ChangeEffect, ChangeRule, NegativeResult
from plans.lifecycle import (
    AddAddOn,
    Cancel,
    ChangeAnchor,
    ChangeNextDate,
    Pause,
    Policy,
    Refund,
    Resume,
    Timing,
)

NOW, LATER = ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE
CARRY, REFUND = NegativeResult.CARRY, NegativeResult.REFUND
EFFECTS = [NOW, LATER, ChangeEffect.RESTART_CYCLE]


@given(
    plan=st.sampled_from(PLANS),
    life=steps,
    effect=st.sampled_from(EFFECTS),
    negative=st.sampled_from([CARRY, REFUND]),
    later=st.sampled_from([3, 40, 370]),
)
def test_every_quote_is_kept_and_every_yen_is_accounted_for(plan, life, effect, negative, later):
    walk = walked(Walk.begun(plan, rules=carrying(effect, negative=negative)), life)
    walk.until(walk.on + timedelta(days=later))
    promises_are_kept(walk)
    walk.left()
    assert walk.cash_yen == walk.worth_yen


def promises_are_kept(walk):
    """What a quote says of twelve months is what comes, until the next one is confirmed."""
    nexts = [found.on - timedelta(days=1) for found, _ in walk.quotes[1:]]
    for (found, known), end in zip(walk.quotes, [*nexts, walk.on], strict=True):
        until = min(end, found.on + timedelta(days=364))
        came = [bill for bill in walk.bills[known:] if bill.on <= until]
        assert came == [bill for bill in found.coming if bill.on <= until]


ALL_REFUNDS = Policy(refunds=frozenset(Refund), cutoff_days=0)


def upgraded(view, on):
    return happen(view, plan_change(view, plan_code="large", on=on, timing=Timing.NOW), on)


def next_charges(found, count=2):
    return [(f"{bill.on:%m-%d}", bill.charge_yen) for bill in found.coming][:count]


@pytest.mark.parametrize(
    ("choice", "today"),
    [
        # April: 24 days of 30 are left, 8,000 - 2,400. The nine added days, by the 31 of May:
        # 10,000×9/31 = 2,903.2, and the 870 that were paid for them come back.
        pytest.param(OpenDays.CHARGE, 8_000 - 2_400 + 2_903 - 870, id="added days were paid"),
        pytest.param(OpenDays.FREE, 8_000 - 2_400 + 2_903, id="added days were free"),
    ],
)
def test_an_upgrade_in_a_stretched_period_is_priced_over_all_its_days(choice, today):
    """On the 7th 33 days are left, more than a cycle of 31 days has."""
    view = subscriber("small", rules=rules(open_days=choice))
    view = happen(view, ChangeAnchor(date(2026, 5, 10)), date(2026, 4, 2))
    on = date(2026, 4, 7)
    found = asked(view, plan_change(view, plan_code="large", on=on, timing=Timing.NOW), on)
    assert found.charge_today_yen == today
    assert sum(line.amount_yen for line in found.lines) == today
    assert next_charges(found) == [("05-10", 10_000), ("06-10", 10_000)]


def test_a_downgrade_in_a_stretched_period_gives_the_added_days_back_too():
    """11 days of April, 1,100, and the nine added ones, 870, of the small plan: nothing is lost."""
    view = happen(subscriber("small"), ChangeAnchor(date(2026, 5, 10)), date(2026, 4, 2))
    back = Cancel(Timing.NOW, refund=Refund.PRORATED)
    found = asked(view, back, date(2026, 4, 20), policy=ALL_REFUNDS)
    assert found.refund_yen == 1_100 + 870


def test_a_cycle_paid_ahead_does_not_swallow_the_days_before_it():
    """Charged on the 15th for May; on the 20th 11 days of April, 1,100, and all May come back."""
    view = happen(subscriber("small"), ChangeNextDate(date(2026, 4, 15)), date(2026, 4, 10))
    view = paid(view)
    on = date(2026, 4, 20)
    found = asked(view, Cancel(Timing.NOW, refund=Refund.PRORATED), on, policy=ALL_REFUNDS)
    assert found.refund_yen == 1_100 + 3_000
    whole = asked(view, Cancel(Timing.NOW, refund=Refund.FULL), on, policy=ALL_REFUNDS)
    assert whole.refund_yen == 3_000 + 3_000
    # An upgrade is for both: 10,000×11/30 - 1,100 = 2,566, and 7,000 for May.
    up = asked(view, plan_change(view, plan_code="large", on=on, timing=Timing.NOW), on)
    assert up.charge_today_yen == 3_666 - 1_100 + 7_000
    assert next_charges(up, 1) == [("06-01", 10_000)]


@pytest.mark.parametrize(
    ("refund", "charged"),
    [
        # Ten of May's 31 days were served: 3,000×10/31 = 967.74
        pytest.param(Refund.NONE, 967, id="none"),
        pytest.param(Refund.PRORATED, 967, id="prorated"),
        pytest.param(Refund.FULL, 0, id="full"),
    ],
)
def test_days_served_before_a_postponed_charge_are_not_free(refund, charged):
    view = happen(subscriber("small"), ChangeNextDate(date(2026, 5, 20)), CHANGE)
    found = asked(view, Cancel(Timing.NOW, refund=refund), date(2026, 5, 11), policy=ALL_REFUNDS)
    assert found.charge_today_yen == charged
    assert all("10日÷31日" in line.text_ja for line in found.lines)


def test_an_upgrade_during_a_pause_is_for_the_banked_days_too():
    """15 days are banked; 5,000 - 1,500 for them come with the invoice of 1 June."""
    view = happen(subscriber("small"), Pause(Timing.NOW), CHANGE)
    on = date(2026, 4, 20)
    up = asked(view, plan_change(view, plan_code="large", on=on, timing=Timing.NOW), on)
    assert up.charge_today_yen == 0
    found = asked(upgraded(view, on), Resume(), date(2026, 5, 17))
    assert found.charge_today_yen == 0
    assert next_charges(found) == [("06-01", 13_500), ("07-01", 10_000)]


def test_an_add_on_taken_during_a_pause_is_for_the_banked_days_too():
    """600×15/30 = 300."""
    view = happen(subscriber("small"), Pause(Timing.NOW), CHANGE)
    view = happen(view, AddAddOn("support"), date(2026, 4, 20))
    found = asked(view, Resume(), date(2026, 5, 17))
    assert next_charges(found) == [("06-01", 3_600 + 300), ("07-01", 3_600)]


def test_a_plan_of_another_interval_during_a_pause_takes_the_banked_days_over():
    """15 banked days: 1,500 come back, 15 of the year's 365 days are 36,000×15/365 = 1,479.45."""
    view = happen(subscriber("small"), Pause(Timing.NOW), CHANGE)
    on = date(2026, 4, 20)
    view = happen(view, plan_change(view, plan_code="year", on=on, timing=Timing.NOW), on)
    assert sum(line.amount_yen for line in view.waiting) == 1_479 - 1_500


def test_what_two_pieces_give_back_is_one_sum():
    on = date(2026, 4, 10)
    view = happen(subscriber("large", coupons=("tenth",)), ChangeNextDate(date(2026, 4, 15)), on)
    view = paid(view)
    found = asked(view, plan_change(view, plan_code="small", on=CHANGE, timing=Timing.NOW), CHANGE)
    (bill,) = found.today
    assert bill.charge_yen == 0
    # 9,000 were paid for each: 4,500 - 1,500 of April, 9,000 - 3,000 of May
    assert bill.credit_yen == 3_000 + 6_000


def test_days_that_wait_for_the_next_invoice_are_banked_and_still_owed():
    view = subscriber("small", rules=rules(change=ChangeRule(LATER)))
    view = happen(view, ChangeAnchor(date(2026, 5, 10)), date(2026, 4, 2))
    found = asked(view, Cancel(Timing.NOW, refund=Refund.PRORATED), CHANGE, policy=ALL_REFUNDS)
    # The 870 are owed and come back at once; 15 days of April are 1,500.
    assert (found.charge_today_yen, found.refund_yen) == (0, 1_500)

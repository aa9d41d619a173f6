"""Quotes of everything else people ask: sign up, skip, pause, resume, cancel, move dates."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from quote_cases import (
    CHANGE,
    FIRST,
    OPEN,
    asked,
    happen,
    paid,
    rules,
    signed_up,
    stranger,
    subscriber,
    totals,
)

from billing.quotes import CreditAtEnd, OpenDays, plan_change
from plans import (
    BadInput,
    ChangeEffect,
    ChangeRule,
    Period,
    TaxCategory,
    TaxedYen,
    UsageCharge,
    UsageTerms,
    amount_of,
)
from plans.lifecycle import (
    Actor,
    AddAddOn,
    Cancel,
    ChangeAnchor,
    ChangeNextDate,
    ChargeSucceeded,
    Conflict,
    EarlyLeave,
    EndTrialEarly,
    ExtendTrial,
    MinimumTermOpen,
    PaidDays,
    Pause,
    Policy,
    Reactivate,
    Refund,
    Resume,
    ResumeMode,
    SkipCycles,
    Timing,
)

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
NOW, PERIOD_END, ON_DATE = Timing.NOW, Timing.PERIOD_END, Timing.ON_DATE
STANDARD = TaxCategory.STANDARD
ALL_REFUNDS = Policy(refunds=frozenset(Refund), leave_early=EarlyLeave.FOR_FEE, cutoff_days=0)


def charges(found, count=3):
    return [(f"{bill.on:%m-%d}", bill.charge_yen) for bill in found.coming if bill.charge_yen][
        :count
    ]


@pytest.mark.parametrize(
    ("plan", "terms", "today", "coming"),
    [
        pytest.param("small", {}, 3000, [("05-01", 3000), ("06-01", 3000)], id="today"),
        pytest.param(
            "small", {"trial_days": 14}, 0, [("04-15", 3000), ("05-15", 3000)], id="trial"
        ),
        pytest.param(
            "seats", {"quantity": 4}, 4000, [("05-01", 4000), ("06-01", 4000)], id="seats"
        ),
        # From 1 April to the 27th: 26 of the 31 days from 27 March: 3,000×26/31 = 2,516.13
        pytest.param("fixed", {}, 2516, [("04-27", 3000), ("05-27", 3000)], id="fixed day"),
    ],
)
def test_signing_up(plan, terms, today, coming):
    found = asked(stranger(), signed_up(plan, **terms), FIRST)
    assert found.charge_today_yen == today
    assert charges(found, 2) == coming
    assert found.coming_before == ()


def test_the_words_of_a_partial_first_period_hold_its_arithmetic():
    (line,) = asked(stranger(), signed_up("fixed"), FIRST).lines
    assert "3,000円×26日÷31日(1円未満切捨て)=2,516円" in line.text_ja
    assert "¥3,000 × 26 ÷ 31 days (rounded down) = ¥2,516" in line.text_en


def test_trials_end_early_or_late():
    view = happen(stranger(), signed_up("small", trial_days=30), FIRST)
    early = asked(view, EndTrialEarly(CHANGE))
    assert early.charge_today_yen == 3000
    assert charges(early, 1) == [("05-16", 3000)]
    late = asked(view, ExtendTrial(date(2026, 5, 11)), actor=Actor.STAFF, reason="a gift")
    assert (late.charge_today_yen, charges(late, 1)) == (0, [("05-11", 3000)])
    assert late.overridden == ("not_offered",)


def test_a_skip_leaves_a_cycle_out():
    found = asked(subscriber(), SkipCycles(1))
    assert totals(found) == (0, 0, 0, 0, 0)
    assert charges(found) == [("06-01", 3000), ("07-01", 3000), ("08-01", 3000)]
    assert len(found.coming_before) - len([b for b in found.coming if b.charge_yen]) == 1


def test_the_next_date_moves_and_the_ones_after_it_stay():
    found = asked(subscriber(), ChangeNextDate(date(2026, 5, 10)))
    assert charges(found) == [("05-10", 3000), ("06-01", 3000), ("07-01", 3000)]


@pytest.mark.parametrize(
    ("choice", "first_on", "today", "coming"),
    [
        # Nine days are added, of the 31 that the next cycle would have had: 3,000×9/31 = 870.97
        pytest.param("charge", date(2026, 5, 10), 870, ("05-10", 3000), id="later, charged"),
        pytest.param("free", date(2026, 5, 10), 0, ("05-10", 3000), id="later, free"),
        # Ten days are cut, 3,000×10/30 = 1,000, and come off the next cycle
        pytest.param("charge", date(2026, 4, 21), 0, ("04-21", 2000), id="earlier"),
    ],
)
def test_a_moved_anchor_settles_the_days_between(choice, first_on, today, coming):
    view = subscriber(rules=rules(open_days=OpenDays(choice)))
    found = asked(view, ChangeAnchor(first_on))
    assert found.charge_today_yen == today
    assert charges(found, 1) == [coming]
    assert found.coming[1].charge_yen == 3000


def test_added_days_can_wait_for_the_next_invoice():
    view = subscriber(rules=rules(change=ChangeRule(ChangeEffect.NEXT_INVOICE)))
    found = asked(view, ChangeAnchor(date(2026, 5, 10)))
    assert (found.charge_today_yen, charges(found, 1)) == (0, [("05-10", 3870)])


@pytest.mark.parametrize(
    ("paid_days", "banked", "lost"),
    [
        pytest.param(PaidDays.BANK, 15, 0, id="banked"),
        # 3,000×15/30
        pytest.param(PaidDays.FORFEIT, 0, 1500, id="given up"),
    ],
)
def test_a_pause_banks_the_paid_days_or_gives_them_up(paid_days, banked, lost):
    found = asked(subscriber(), Pause(NOW, paid_days=paid_days))
    assert (found.banked_days, found.forfeited_yen, found.charge_today_yen) == (banked, lost, 0)
    assert found.next_charge is None
    assert found.deadline is None
    assert len(found.coming_before) == 12


@pytest.mark.parametrize(
    ("paused_on", "resumed_on", "mode", "today", "first"),
    [
        # 15 days are banked; ten of them are served until 1 June, five come off: 3,000×5/30 = 500
        pytest.param("04-16", "05-22", "same_anchor", 0, ("06-01", 2500), id="credit"),
        # 15 served from 7 May to the 21st; ten open: 3,000×10/31 = 967.74
        pytest.param("04-16", "05-07", "same_anchor", 967, ("06-01", 3000), id="open days"),
        # the new anchor is the day the banked days are used up
        pytest.param("04-16", "05-07", "restart", 0, ("05-22", 3000), id="restart"),
        # on a cycle's first day all 15 days come off: 3,000 − 1,500, charged that day
        pytest.param("04-16", "05-01", "same_anchor", 1500, ("06-01", 3000), id="at once"),
    ],
)
def test_resuming_gives_the_banked_days_back_once(paused_on, resumed_on, mode, today, first):
    view = happen(subscriber(), Pause(NOW), date.fromisoformat(f"2026-{paused_on}"))
    on = date.fromisoformat(f"2026-{resumed_on}")
    found = asked(view, Resume(mode=ResumeMode(mode)), on)
    assert found.charge_today_yen == today
    assert charges(found, 1) == [first]
    assert found.coming[-1].charge_yen == 3000


def test_a_pause_that_ends_by_itself_is_in_the_twelve_months():
    found = asked(subscriber(), Pause(NOW, until=date(2026, 5, 22)))
    assert charges(found, 2) == [("06-01", 2500), ("07-01", 3000)]


@pytest.mark.parametrize(
    ("timing", "refund", "expected"),
    [
        # (charged, credit used, new credit, refund, forfeited); 3,000×15/30 are unused
        pytest.param(NOW, Refund.NONE, (0, 0, 0, 0, 1500), id="now, nothing back"),
        pytest.param(NOW, Refund.PRORATED, (0, 0, 0, 1500, 0), id="now, prorated"),
        pytest.param(NOW, Refund.FULL, (0, 0, 0, 3000, 0), id="now, all"),
        pytest.param(PERIOD_END, Refund.PRORATED, (0, 0, 0, 0, 0), id="at the end"),
    ],
)
def test_canceling(timing, refund, expected):
    found = asked(subscriber(), Cancel(timing, refund=refund), policy=ALL_REFUNDS)
    assert totals(found) == expected
    assert found.next_charge is None
    assert found.cap.after == ()


@pytest.mark.parametrize(
    ("choice", "refund", "lost"),
    [
        pytest.param(CreditAtEnd.REFUND, 1500 + 700, 0, id="paid out"),
        pytest.param(CreditAtEnd.FORFEIT, 1500, 700, id="lost"),
    ],
)
def test_open_credit_at_the_end(choice, refund, lost):
    view = subscriber(credit=(TaxedYen(STANDARD, 700),), rules=rules(credit_at_end=choice))
    found = asked(view, Cancel(NOW, refund=Refund.PRORATED), policy=ALL_REFUNDS)
    assert (found.refund_yen, found.forfeited_yen) == (refund, lost)


def test_leaving_early_costs_the_formula_of_the_catalogue():
    """Six cycles were agreed and one is paid: 50 % of 5 × 3,000 = 7,500."""
    view = subscriber("term")
    found = asked(view, Cancel(NOW), policy=ALL_REFUNDS)
    assert found.charge_today_yen == 7_500
    fee = found.lines[-1]
    assert (fee.kind, fee.tax_category) == ("cancellation_fee", TaxCategory.OUT_OF_SCOPE)
    assert "残り5回×3,000円=15,000円" in fee.text_ja
    assert found.decided.pays_fee
    # At the period's end on 1 May one is paid still; on 1 June two are: 50 % of 4 × 3,000.
    later = asked(view, Cancel(ON_DATE, on_date=JUNE), policy=ALL_REFUNDS)
    assert later.charge_today_yen == 0
    assert charges(later) == [("05-01", 3000), ("06-01", 6000)]


def test_a_fee_that_the_catalogue_does_not_know_is_refused():
    view = subscriber("term")
    with pytest.raises(BadInput, match="7500 yen"):
        asked(view, Cancel(NOW, fee_yen=1, pays_fee=True), policy=ALL_REFUNDS)
    with pytest.raises(BadInput, match="costs 0 yen"):
        asked(subscriber(), Cancel(NOW, fee_yen=100, pays_fee=True))
    with pytest.raises(MinimumTermOpen):
        asked(view, Cancel(NOW))


def test_fee_and_refund_are_one_sum_in_two_categories():
    """7,500 outside of tax, less 1,500 at 10 %: −136.36."""
    found = asked(subscriber("term"), Cancel(NOW, refund=Refund.PRORATED), policy=ALL_REFUNDS)
    assert totals(found) == (6_000, 0, 0, 0, 0)
    rates = {r.category.value: (r.gross_yen, r.tax_yen) for r in found.today[0].tax.rates}
    assert rates == {"standard": (-1500, -136), "out_of_scope": (7500, 0)}


def test_going_on_after_all():
    waiting = happen(subscriber(), Cancel(PERIOD_END), CHANGE)
    found = asked(waiting, Reactivate())
    assert found.coming_before == ()
    assert charges(found, 1) == [("05-01", 3000)]


def test_only_people_ask_and_only_of_what_exists():
    with pytest.raises(BadInput, match="ChargeSucceeded"):
        asked(subscriber(), ChargeSucceeded(1))
    with pytest.raises(BadInput, match="only an agreement that exists"):
        asked(stranger(), SkipCycles(1))
    waiting = happen(subscriber(), Cancel(PERIOD_END), CHANGE)
    with pytest.raises(Conflict):
        asked(waiting, Cancel(PERIOD_END), policy=OPEN)


def test_an_unpaid_invoice_must_be_settled_first():
    view = replace(subscriber(), invoiced_cycle=1)
    with pytest.raises(BadInput, match="invoiced and not settled"):
        asked(view, SkipCycles(1))


def test_metered_use_comes_with_the_next_invoice_only():
    """1,500 used and 1,000 free: 500 × 0.5 = 250 beside 3,000."""
    terms = UsageTerms("calls", 1_000, Decimal("0.5"))
    used = UsageCharge("calls", Period(FIRST, MAY), amount_of(terms, usage=1_500))
    view = replace(subscriber(), usage=(used,))
    found = asked(view, AddAddOn("support"))
    assert charges(found, 2) == [("05-01", 3_000 + 600 + 250), ("06-01", 3_600)]
    assert "利用1,500−無料枠1,000=500" in found.next_charge.lines[-1].text_ja


def test_what_waits_is_settled_when_the_agreement_ends():
    """The upgrade's 3,500 wait; at the end the 15 days of 10,000 come back: 3,500 − 5,000."""
    view = subscriber(rules=rules(change=ChangeRule(ChangeEffect.NEXT_INVOICE)))
    up = plan_change(view, plan_code="large", on=CHANGE, timing=NOW)
    upgraded = happen(view, up, CHANGE)
    found = asked(upgraded, Cancel(NOW, refund=Refund.PRORATED), policy=ALL_REFUNDS)
    assert totals(found) == (0, 0, 0, 1500, 0)
    # A full refund takes back what came in, 3,000, and nothing of what never did.
    whole = asked(upgraded, Cancel(NOW, refund=Refund.FULL), policy=ALL_REFUNDS)
    assert totals(whole) == (0, 0, 0, 3000, 0)
    # Without a refund the difference is still owed.
    none = asked(upgraded, Cancel(NOW), policy=ALL_REFUNDS)
    assert totals(none) == (3500, 0, 0, 0, 5000)


def test_a_second_cycle_counts_what_it_was_paid_with():
    view = paid(subscriber())
    assert view.paid[0].time.cycle.start == MAY
    assert view.received == (TaxedYen(STANDARD, 3000),)

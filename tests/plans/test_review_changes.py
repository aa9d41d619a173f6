"""Changes of one day as an auditor plays them: twice the same click, mixed settings, no effect."""

from dataclasses import replace
from datetime import date

import pytest
from proration_cases import APRIL, MONTHLY, at

from plans import Interval, Tier, Tiered, TierMode, Unit, amount_of
from plans.proration.change_effect import settle_change
from plans.proration.change_rule import ChangeEffect, ChangeRule, NegativeResult
from plans.proration.paid_time import PaidTime

ON = date(2026, 4, 16)  # 15 of 30 days are left
NOW, NEXT = ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE
RESTART, NONE = ChangeEffect.RESTART_CYCLE, ChangeEffect.NONE
CARRY, REFUND, FORFEIT = NegativeResult


def paid(yen):
    return PaidTime.of_cycle(cycle=APRIL, terms=at(yen))


def cost(*settled):
    """What the customer paid in the end, credit he keeps taken off."""
    back = sum(lot.amount_yen for each in settled for lot in (*each.credit_lots, *each.refunds))
    return sum(each.due_today_yen + each.next_invoice_yen for each in settled) - back


@pytest.mark.parametrize("effect", [NOW, NEXT, RESTART, NONE])
def test_the_same_click_again_changes_nothing(effect):
    # Restarted with the terms that run: the second click must not be read as "undo".
    first = settle_change(held=paid(3000), change_on=ON, to=at(3000), rule=ChangeRule(RESTART))
    again = settle_change(held=first.held, change_on=ON, to=at(3000), rule=ChangeRule(effect))
    assert (again.lines, cost(again), again.held) == ((), 0, first.held)
    assert (again.anchor, again.cycle) == (None, None)


@pytest.mark.parametrize("there", [NOW, NEXT, RESTART])
@pytest.mark.parametrize("back", [NOW, NEXT, RESTART, NONE])
@pytest.mark.parametrize("to_yen", [1000, 10000])
def test_going_back_that_day_costs_nothing_whatever_the_effects(there, back, to_yen):
    gone = settle_change(held=paid(3000), change_on=ON, to=at(to_yen), rule=ChangeRule(there))
    home = settle_change(held=gone.held, change_on=ON, to=at(3000), rule=ChangeRule(back))
    assert cost(gone, home) == gone.forfeited_yen + home.forfeited_yen == 0
    assert replace(home.held, pending_yen=0) == paid(3000)


@pytest.mark.parametrize("back", [NOW, NEXT, RESTART, NONE])
def test_undoing_a_restart_puts_the_calendar_back(back):
    to = at(30000, interval=Interval(Unit.YEAR))
    gone = settle_change(held=paid(3000), change_on=ON, to=to, rule=ChangeRule(RESTART))
    home = settle_change(held=gone.held, change_on=ON, to=at(3000), rule=ChangeRule(back))
    assert (home.cycle, home.held.cycle, home.held.starts_on) == (APRIL, APRIL, APRIL.start)
    assert home.held.terms.interval == MONTHLY


TIERS = Tiered(TierMode.GRADUATED, (Tier(10, 1000), Tier(None, 800, 500)))


@pytest.mark.parametrize(
    ("seats_before", "seats", "today", "carried"),
    [
        # 10 × 1,000 = 10,000; 25 seats: 10,000 + 15 × 800 + 500 = 22,500; half a month of each
        pytest.param(10, 25, 11_250 - 5_000, 0, id="into the second tier"),
        pytest.param(25, 10, 0, 11_250 - 5_000, id="back to the first"),
        pytest.param(10, 11, 5_650 - 5_000, 0, id="one seat more: 800 and the fee of the tier"),
    ],
)
def test_seats_of_a_tiered_price_are_prorated_by_what_all_of_them_cost(
    seats_before, seats, today, carried
):
    old, new = (at(amount_of(TIERS, quantity=each).yen) for each in (seats_before, seats))
    held = PaidTime.of_cycle(cycle=APRIL, terms=old)
    settled = settle_change(held=held, change_on=ON, to=new)
    assert (settled.due_today_yen, cost(settled)) == (today, today - carried)


@pytest.mark.parametrize(
    ("coupon_yen", "credit_yen"),
    [(0, 1500), (1, 1499), (1500, 750), (2999, 0), (3000, 0)],
)
def test_what_a_coupon_paid_is_never_given_back(coupon_yen, credit_yen):
    # (3,000 − coupon) × 15 ÷ 30, rounded down
    held = PaidTime.of_cycle(cycle=APRIL, terms=at(3000), paid_yen=3000 - coupon_yen)
    settled = settle_change(held=held, change_on=ON, to=at(0))
    assert cost(settled) == -credit_yen


@pytest.mark.parametrize("kept", [CARRY, REFUND])
def test_a_second_downgrade_of_a_day_is_never_charged(kept):
    # 5,000 − 1,500 = 3,500 come back; the rule says forfeit when 1,500 − 500 = 1,000 more would.
    down = settle_change(
        held=paid(10000), change_on=ON, to=at(3000), rule=ChangeRule(negative=kept)
    )
    more = settle_change(
        held=down.held, change_on=ON, to=at(1000), rule=ChangeRule(negative=FORFEIT)
    )
    assert (more.due_today_yen, more.forfeited_yen, cost(down, more)) == (0, 1000, -3500)
    home = settle_change(held=more.held, change_on=ON, to=at(10000), rule=ChangeRule())
    assert (home.due_today_yen, home.forfeited_yen) == (3500, -1000)


def test_of_a_carried_credit_a_forfeiting_change_takes_only_what_it_costs():
    # Net of the day: 1,500 − 5,000 = −3,500, then 4,000 − 5,000 = −1,000: 2,500 are owed again.
    down = settle_change(held=paid(10000), change_on=ON, to=at(3000))
    up = settle_change(held=down.held, change_on=ON, to=at(8000), rule=ChangeRule(negative=FORFEIT))
    assert (up.due_today_yen, up.forfeited_yen) == (2500, 0)

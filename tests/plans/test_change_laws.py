"""Laws of settled changes, for any prices, payments, dates and settings."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from proration_cases import (
    MONTHLY,
    Purse,
    change_rules,
    day_in,
    paid_cycles,
    periods,
    rules,
    sides,
    terms,
)

from plans import Change, Divisor, Interval, RoundAt, Rounding, Side, Unit, chain
from plans.proration.change_effect import settle_change
from plans.proration.change_rule import ChangeEffect, ChangeLineKind, ChangeRule, NegativeResult
from plans.proration.paid_time import PaidTime, Terms, unused_share


def restart(rule):
    """The same choices, with a new cycle."""
    return replace(rule, effect=ChangeEffect.RESTART_CYCLE)


@given(st.data(), rules())
def test_a_change_and_its_reverse_on_one_day_cost_nothing(data, proration):
    held = data.draw(paid_cycles(proration))
    on, to = data.draw(day_in(held.cycle)), data.draw(terms)
    there, back = data.draw(change_rules(proration)), data.draw(change_rules(proration))
    purse = Purse()
    after = purse.book(settle_change(held=held, change_on=on, to=to, rule=there))
    after = purse.book(settle_change(held=after, change_on=on, to=held.terms, rule=back))
    assert (purse.cost_yen, purse.forfeited_yen) == (0, 0)
    assert replace(after, pending_yen=0) == held
    assert after.pending_yen == purse.next_invoice_yen


@given(st.data(), rules(), st.sampled_from(NegativeResult), st.sampled_from([1, 12]))
def test_undoing_a_restart_that_day_costs_nothing_either(data, proration, negative, months):
    held = data.draw(paid_cycles(proration))
    on = data.draw(day_in(held.cycle))
    to = replace(data.draw(terms), interval=Interval(Unit.MONTH, months))
    rule = restart(ChangeRule(negative=negative, proration=proration))
    purse = Purse()
    after = purse.book(settle_change(held=held, change_on=on, to=to, rule=rule))
    after = purse.book(settle_change(held=after, change_on=on, to=held.terms, rule=rule))
    if to != held.terms:
        assert (purse.cost_yen, purse.forfeited_yen, after) == (0, 0, held)


@given(st.data(), rules(round_at=RoundAt.TOTAL, one_rounding=True))
def test_a_chain_of_changes_costs_what_the_whole_chain_says(data, proration):
    cycle, start = data.draw(periods(rule=proration)), data.draw(sides)
    days = sorted(data.draw(st.lists(day_in(cycle), max_size=8)))
    changes = [Change(on, data.draw(sides)) for on in days]
    keep = st.sampled_from([NegativeResult.CARRY, NegativeResult.REFUND])
    purse, held = Purse(), PaidTime.of_cycle(cycle=cycle, terms=Terms(start, MONTHLY))
    for change in changes:
        rule = replace(data.draw(change_rules(proration)), negative=data.draw(keep))
        to = Terms(change.to, MONTHLY)
        held = purse.book(settle_change(held=held, change_on=change.on, to=to, rule=rule))
    whole = chain(period=cycle, start=start, changes=changes, rule=proration)
    assert start.cycle_yen + purse.cost_yen == whole.total_yen


@given(st.data(), rules())
def test_every_yen_of_the_lines_has_one_place_to_go(data, proration):
    held = data.draw(paid_cycles(proration))
    for on in sorted(data.draw(st.lists(day_in(held.cycle), max_size=6))):
        purse = Purse()
        old, to = held.terms, data.draw(terms)
        settled = settle_change(
            held=held, change_on=on, to=to, rule=data.draw(change_rules(proration))
        )
        held = purse.book(settled)
        lines = sum(line.amount_yen for line in settled.lines)
        assert lines == purse.cost_yen - purse.forfeited_yen
        assert lines == sum(each.amount_yen for each in settled.by_category)
        for line in settled.lines:
            credit = line.kind is ChangeLineKind.CREDIT
            assert line.terms == (old if credit else to)
            assert (line.amount_yen < 0) is credit
        assert settled.due_today_yen >= 0
        assert held.pending_yen >= 0
        assert 0 <= held.paid_yen <= held.terms.side.cycle_yen


@given(st.data(), rules())
def test_nobody_gets_back_more_than_was_received(data, proration):
    held = data.draw(paid_cycles(proration))
    received, purse = held.paid_yen, Purse()
    for on in sorted(data.draw(st.lists(day_in(held.cycle), max_size=6))):
        rule = data.draw(change_rules(proration))
        held = purse.book(settle_change(held=held, change_on=on, to=data.draw(terms), rule=rule))
        assert purse.given_back_yen <= received + purse.paid_yen


@given(st.data(), rules())
def test_a_credit_never_exceeds_what_was_paid_for_that_time(data, rule):
    held = data.draw(paid_cycles(rule))
    starts_on = data.draw(day_in(held.cycle))
    held = replace(held, starts_on=starts_on)
    on = data.draw(st.dates(starts_on, held.cycle.last_day))
    credit_yen = unused_share(held, on=on, rule=rule).amount_yen

    def counted(days: int) -> int:  # with a divisor of 30, the 31st day is free
        return days if rule.divisor is Divisor.ACTUAL else min(days, 30)

    unused, bought = (held.cycle.end - on).days, (held.cycle.end - starts_on).days
    paid_for_it = Fraction(held.paid_yen * counted(unused), counted(bought))
    assert 0 <= credit_yen < paid_for_it + 1
    assert credit_yen <= held.paid_yen
    discounted = starts_on == held.cycle.start and rule.round_at is RoundAt.TOTAL
    if discounted and rule.credit_rounding is Rounding.FLOOR:
        assert credit_yen <= paid_for_it


@given(st.data(), rules())
def test_a_credit_grows_with_the_days_left_and_with_what_was_paid(data, rule):
    held = data.draw(paid_cycles(rule))
    early, late = sorted([data.draw(day_in(held.cycle)), data.draw(day_in(held.cycle))])
    less = replace(held, paid_yen=data.draw(st.integers(0, held.paid_yen)))

    def credit(piece, on):
        return unused_share(piece, on=on, rule=rule).amount_yen

    assert credit(held, late) <= credit(held, early)
    assert credit(less, early) <= credit(held, early)


@given(st.data(), rules(), sides, sides)
def test_a_dearer_plan_never_costs_less(data, proration, one, other):
    held = data.draw(paid_cycles(proration))
    on = data.draw(day_in(held.cycle))
    low, high = sorted([one, other], key=lambda side: side.cycle_yen)
    rule = ChangeRule(proration=proration)

    def cost(side: Side) -> int:
        purse = Purse()
        to = Terms(side, MONTHLY, held.terms.tax_category, "別")
        purse.book(settle_change(held=held, change_on=on, to=to, rule=rule))
        return purse.cost_yen

    assert cost(low) <= cost(high)


@given(st.data(), rules(), st.sampled_from(NegativeResult))
def test_changes_of_one_day_that_commute_may_come_in_any_order(data, proration, negative):
    # One changes the price, the other the quantity: the end is the same whichever comes first.
    held = data.draw(paid_cycles(proration))
    on, to = data.draw(day_in(held.cycle)), data.draw(terms)
    rule = ChangeRule(negative=negative, proration=proration)
    price_first = replace(to, side=Side(to.side.price_yen, held.terms.side.quantity))
    quantity_first = replace(held.terms, side=Side(held.terms.side.price_yen, to.side.quantity))
    ends = []
    for step in (price_first, quantity_first):
        purse, after = Purse(), held
        for each in (step, to):
            after = purse.book(settle_change(held=after, change_on=on, to=each, rule=rule))
        ends.append((purse.cost_yen, purse.forfeited_yen, after))
    assert ends[0] == ends[1]


@given(st.data(), rules(one_rounding=True))
def test_the_parts_of_a_period_add_up_to_its_price(data, proration):
    # The name changes and the price does not: what is kept of each part sums to the price.
    proration = replace(proration, round_at=RoundAt.TOTAL)
    held = data.draw(paid_cycles(proration))
    held = replace(held, paid_yen=held.terms.side.cycle_yen)
    price_yen, parts = held.paid_yen, []
    for on in sorted(data.draw(st.sets(day_in(held.cycle), max_size=8))):
        renamed = replace(held.terms, name_ja=on.isoformat())
        before, rule = held.paid_yen, ChangeRule(proration=proration)
        settled = settle_change(held=held, change_on=on, to=renamed, rule=rule)
        credits_yen = [line.amount_yen for line in settled.lines if line.amount_yen < 0]
        parts.append(before + sum(credits_yen) if settled.held is not held else 0)
        held = settled.held
        assert settled.due_today_yen == sum(lot.amount_yen for lot in settled.credit_lots) == 0
    assert sum(parts) + held.paid_yen == price_yen


@given(st.data(), rules())
def test_a_forfeiting_merchant_gives_nothing_back(data, proration):
    held, purse = data.draw(paid_cycles(proration)), Purse()
    for on in sorted(data.draw(st.sets(day_in(held.cycle), max_size=6))):
        effect = data.draw(st.sampled_from([ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE]))
        rule = ChangeRule(effect, NegativeResult.FORFEIT, proration)
        settled = settle_change(held=held, change_on=on, to=data.draw(terms), rule=rule)
        held = purse.book(settled)
        assert settled.forfeited_yen >= 0
    assert purse.given_back_yen == 0

"""Laws of settled changes over whole histories: all effects, first periods, seats, tax categories.

Each law names a property of the issue and was seen to fail under a bug planted by hand.
"""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

from change_histories import (
    INSIDE,
    histories,
    purse_of,
    sides,
    started,
    step_from,
    terms_of,
    yearly,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from proration_cases import MONTHLY, change_rules, periods, rules

from plans import (
    ChangeDay,
    Divisor,
    FirstPeriod,
    RoundAt,
    Rounding,
    Side,
    TaxCategory,
    days_share,
    round_yen,
    unused_share,
    yen_en,
    yen_ja,
)
from plans.proration.change_effect import settle_change
from plans.proration.change_rule import (
    ChangeEffect,
    ChangeLineKind,
    ChangeRule,
    NegativeResult,
)
from plans.proration.first_period import first_period_charge
from plans.proration.paid_time import PaidTime, Terms


def back_yen(settled):
    return sum(each.amount_yen for each in (*settled.credit_lots, *settled.refunds))


@given(histories())
def test_every_yen_of_every_history_is_accounted_for(steps):
    waiting_yen = 0
    for step in steps:
        settled, lines = step.settled, sum(line.amount_yen for line in step.settled.lines)
        out_yen = settled.due_today_yen + settled.next_invoice_yen - back_yen(settled)
        assert lines == out_yen - settled.forfeited_yen
        assert settled.due_today_yen >= 0
        assert not (settled.due_today_yen and back_yen(settled))
        assert not (settled.due_today_yen and settled.next_invoice_yen)
        waiting_yen += settled.next_invoice_yen
        assert settled.held.pending_yen == waiting_yen >= 0
        # Nothing is handed out while a part of it was never received.
        assert not (back_yen(settled) and waiting_yen)
        assert not (settled.refunds and settled.credit_lots)


@given(histories())
def test_no_history_gives_back_more_than_was_received(steps):
    received_yen, given_yen = steps[0].held.paid_yen, 0
    for step in steps:
        received_yen += step.settled.due_today_yen
        given_yen += back_yen(step.settled)
        assert given_yen <= received_yen


@given(histories())
def test_categories_are_never_netted_and_credit_goes_back_in_its_own(steps):
    for step in steps:
        settled, sums = step.settled, {}
        for line in settled.lines:
            sums[line.tax_category] = sums.get(line.tax_category, 0) + line.amount_yen
            old = line.kind is ChangeLineKind.CREDIT
            # Going back, the terms before are charged again: they are `to` then.
            assert line.terms == (step.held.terms if old else step.to)
        assert {each.tax_category: each.amount_yen for each in settled.by_category} == sums
        if step.held.terms.tax_category is not step.to.tax_category:
            assert len(settled.lines) == len(sums)
        for lot in (*settled.credit_lots, *settled.refunds):
            assert lot.tax_category is step.held.terms.tax_category


@given(histories())
def test_no_amount_depends_on_the_tax_category(steps):
    def untaxed(held):
        day = held.same_day
        if day is not None:
            day = replace(day, before=untaxed(day.before))
        return replace(held, terms=plain(held.terms), same_day=day)

    def plain(terms):
        # The name keeps terms apart that only their category told from each other.
        return replace(terms, tax_category=TaxCategory.STANDARD, name_ja=terms.tax_category.value)

    for step in steps:
        again = settle_change(
            held=untaxed(step.held), change_on=step.on, to=plain(step.to), rule=step.rule
        )
        told = step.settled
        assert (again.due_today_yen, again.next_invoice_yen) == (
            told.due_today_yen,
            told.next_invoice_yen,
        )
        assert (back_yen(again), again.forfeited_yen) == (back_yen(told), told.forfeited_yen)


@given(histories())
def test_seats_cost_what_one_of_their_sum_costs(steps):
    def one(terms):
        # The name keeps 2 × 500 and 1 × 1,000 apart.
        side = Side(terms.side.cycle_yen)
        return replace(terms, side=side, name_ja=f"{terms.side.quantity}席")

    def together(held):
        day = held.same_day
        if day is not None:
            day = replace(day, before=together(day.before))
        return replace(held, terms=one(held.terms), same_day=day)

    for step in steps:
        again = settle_change(
            held=together(step.held), change_on=step.on, to=one(step.to), rule=step.rule
        )
        assert [line.amount_yen for line in again.lines] == [
            line.amount_yen for line in step.settled.lines
        ]
        assert again.held == together(step.settled.held)


@given(histories())
def test_credit_is_a_share_of_what_was_paid_and_unpaid_time_gives_none(steps):
    for step in steps:
        if step.settled.held.same_day is None:
            continue  # nothing was settled, or a change was undone
        credit_yen = -sum(line.amount_yen for line in step.settled.lines if line.amount_yen < 0)
        held, divisor = step.held, step.rule.proration.divisor

        def counted(days, divisor=divisor):  # with a divisor of 30, the 31st day is free
            return days if divisor is Divisor.ACTUAL else min(days, 30)

        unused = (held.cycle.end - step.settled.effective_on).days
        exact = Fraction(held.paid_yen * counted(unused), counted(held.days.days))
        assert credit_yen < exact + 1
        assert held.paid_yen or not credit_yen


@given(st.data(), rules(round_at=RoundAt.TOTAL))
def test_a_credit_is_that_share_rounded_by_its_own_rule(data, rule):
    """Never the list price of what was discounted, and not a yen less than the share either."""
    held = data.draw(started(rule))
    on = data.draw(st.dates(held.starts_on, held.cycle.last_day))
    days = held.cycle.days if rule.divisor is Divisor.ACTUAL else 30
    bought, unused = held.days.days, (held.cycle.end - on).days
    asked_yen = days_share(held.terms.side, cycle=held.cycle, on=held.starts_on, rule=rule)
    if unused == bought:
        exact = Fraction(held.paid_yen)
    elif held.starts_on == held.cycle.start:
        exact = Fraction(held.paid_yen * unused, days)
    elif held.paid_yen == asked_yen.amount_yen:  # its price is known, so no rounding adds up
        exact = Fraction(held.terms.side.cycle_yen * unused, days)
    else:
        exact = Fraction(held.paid_yen * unused, bought)
    free_31st = rule.divisor is Divisor.THIRTY and bought == 31
    lid = Fraction(held.paid_yen * unused, 30 if free_31st else bought)
    expected = min(round_yen(exact, rule.credit_rounding), round_yen(lid, Rounding.CEIL))
    credit = unused_share(held, on=on, rule=rule)
    assert credit.amount_yen == expected


@given(st.data(), rules(), st.sampled_from(NegativeResult), st.sampled_from(INSIDE))
def test_a_day_costs_what_its_last_change_alone_would(data, proration, negative, effect):
    """However a day's changes wander, and back again: only where they end counts."""
    held = data.draw(started(proration))
    pool = [held.terms, *data.draw(st.lists(terms_of, min_size=2, max_size=3))]
    on = data.draw(st.dates(held.starts_on, held.cycle.last_day))
    after, steps = held, []
    for _ in range(data.draw(st.integers(1, 6))):
        step = data.draw(step_from(after, on, pool, proration, INSIDE))
        rule = replace(step.rule, negative=negative)
        settled = settle_change(held=after, change_on=on, to=step.to, rule=rule)
        steps.append(replace_step(step, rule, settled))
        after = settled.held
    rule = ChangeRule(effect, negative, proration)
    alone = settle_change(held=held, change_on=on, to=steps[-1].to, rule=rule)
    wandered, direct = purse_of(steps), purse_of([replace_step(steps[-1], rule, alone)])
    assert (wandered.cost_yen, wandered.forfeited_yen) == (direct.cost_yen, direct.forfeited_yen)
    assert apart_from_pending(after) == apart_from_pending(alone.held)
    assert after.pending_yen == wandered.next_invoice_yen


def apart_from_pending(held):
    """What waits on an invoice depends on the way; undoing takes it from the present piece."""
    day = held.same_day
    if day is not None:
        day = replace(day, before=replace(day.before, pending_yen=0))
    return replace(held, pending_yen=0, same_day=day)


def replace_step(step, rule, settled):
    return replace(step, rule=rule, settled=settled)


@given(st.data(), rules(), st.booleans())
def test_any_day_that_ends_where_it_began_cost_nothing(data, proration, by_year):
    """All effects mixed, restarts and "no difference" among them, and all negative results."""
    held = data.draw(started(proration))
    on = data.draw(st.dates(held.starts_on, held.cycle.last_day))
    others = data.draw(st.lists(terms_of, min_size=1, max_size=3))
    others = [each for each in others if each != held.terms]
    assume(others)
    after, steps = held, []
    for _ in range(data.draw(st.integers(1, 5))):
        step = data.draw(step_from(after, on, others, proration, list(ChangeEffect)))
        steps.append(step)
        after = step.settled.held
    if by_year:
        rule = ChangeRule(ChangeEffect.RESTART_CYCLE, proration=proration)
        to = yearly(others[0])
        settled = settle_change(held=after, change_on=on, to=to, rule=rule)
        steps.append(replace(steps[-1], settled=settled))
        after = settled.held
    assume(after != held)  # after no more than "no difference", a restart is just a restart
    home = data.draw(step_from(after, on, [held.terms], proration, list(ChangeEffect)))
    purse = purse_of([*steps, home])
    assert (purse.cost_yen, purse.forfeited_yen) == (0, 0)
    assert replace(home.settled.held, pending_yen=0) == held
    assert home.settled.held.pending_yen == purse.next_invoice_yen


@given(st.data(), rules(), st.lists(terms_of, min_size=1, max_size=3))
def test_a_change_whose_charge_failed_is_undone_for_nothing(data, proration, others):
    """What the day's earlier changes took comes back; of the failed charge nothing does."""
    held = data.draw(started(proration))
    on = data.draw(st.dates(held.starts_on, held.cycle.last_day))
    after, taken_yen, failed_yen = held, 0, 0
    for to in others:
        rule = data.draw(change_rules(proration))
        settled = settle_change(held=after, change_on=on, to=to, rule=rule)
        after, failed_yen = settled.held, settled.due_today_yen
        taken_yen += failed_yen + settled.next_invoice_yen - back_yen(settled)
    assume(after.same_day is not None and after.starts_on == settled.effective_on)
    assume(held.terms not in others and failed_yen <= after.paid_yen)
    rule = ChangeRule(proration=proration)
    failed = after.without_payment(yen=failed_yen)
    home = settle_change(held=failed, change_on=on, to=held.terms, rule=rule)
    cost_yen = home.due_today_yen + home.next_invoice_yen - back_yen(home)
    assert cost_yen == failed_yen - taken_yen
    assert replace(home.held, pending_yen=0) == held


@given(st.data(), rules(round_at=RoundAt.TOTAL, one_rounding=True))
def test_a_history_from_a_first_period_stays_within_a_yen_per_boundary(data, proration):
    cycle, first_side = data.draw(periods(rule=proration)), data.draw(sides)
    starts_on = data.draw(st.dates(cycle.start, cycle.last_day))
    first = first_period_charge(
        cycle=cycle, starts_on=starts_on, terms=Terms(first_side, MONTHLY), rule=proration
    )
    days = cycle.days if proration.divisor is Divisor.ACTUAL else 30
    late = timedelta(days=0 if proration.change_day is ChangeDay.NEW else 1)

    def part(begins):  # of a whole cycle, from a day on
        left = Fraction((cycle.end - begins).days, days)
        return Fraction(1) if begins == cycle.start else min(Fraction(1), left)

    held, in_force = first.held, first_side
    exact, real_yen = first_side.cycle_yen * part(starts_on), first.amount_yen
    dates = st.dates(starts_on, cycle.last_day)
    changes = sorted(data.draw(st.lists(dates, max_size=6)))
    rule = ChangeRule(proration=proration)
    for on in changes:
        side = data.draw(sides)
        settled = settle_change(held=held, change_on=on, to=Terms(side, MONTHLY), rule=rule)
        real_yen += settled.due_today_yen - back_yen(settled)
        exact += (
            (side.cycle_yen - in_force.cycle_yen) * part(on + late) if on + late < cycle.end else 0
        )
        in_force = side if on + late < cycle.end else in_force
        held = settled.held
    assert abs(real_yen - exact) <= len(set(changes)) + 1


@given(st.data(), rules(), sides, st.integers(0, 5_000))
def test_the_price_of_the_days_left_is_monotone_and_whole_from_the_first_day(
    data, rule, side, dearer_by
):
    cycle = data.draw(periods(rule=rule))
    early, late = sorted(data.draw(st.dates(cycle.start, cycle.last_day)) for _ in range(2))
    dearer = Side(side.price_yen + dearer_by, side.quantity)

    def yen(of, on):
        return days_share(of, cycle=cycle, on=on, rule=rule).amount_yen

    assert 0 <= yen(side, late) <= yen(side, early) <= yen(dearer, early)
    assert yen(side, cycle.start) == side.cycle_yen
    if rule.round_at is RoundAt.TOTAL and late != cycle.start:
        days = cycle.days if rule.divisor is Divisor.ACTUAL else 30
        exact = Fraction(side.cycle_yen * (cycle.end - late).days, days)
        assert yen(side, late) == min(side.cycle_yen, round_yen(exact, rule.rounding))


@given(histories(effects=INSIDE), sides, sides)
def test_in_any_history_a_dearer_plan_never_costs_less(steps, one, other):
    last = steps[-1]
    low, high = sorted([one, other], key=lambda side: side.cycle_yen)
    costs = []
    for side in (low, high):
        to = Terms(side, MONTHLY, TaxCategory.EXEMPT, "別")
        settled = settle_change(held=last.settled.held, change_on=last.on, to=to, rule=last.rule)
        costs.append(purse_of([replace_step(last, last.rule, settled)]).cost_yen)
    assert costs[0] <= costs[1]


@given(histories())
def test_a_restart_begins_a_whole_cycle_on_its_day(steps):
    for step in steps:
        settled = step.settled
        if settled.anchor is None:
            kept = step.held.cycle if settled.cycle is None else settled.cycle
            assert settled.held.cycle == kept
            continue
        (charge,) = (
            (x for x in settled.lines if x.amount_yen > 0) if step.to.side.cycle_yen else (0,)
        )
        assert settled.cycle == settled.held.cycle
        assert settled.cycle.start == settled.effective_on == settled.held.starts_on
        assert settled.anchor.day == settled.cycle.start.day
        assert settled.held.paid_yen == step.to.side.cycle_yen
        assert not charge or charge.amount_yen == step.to.side.cycle_yen


@given(histories())
def test_the_words_hold_every_amount_and_every_destination(steps):
    for step in steps:
        settled = step.settled
        for line in settled.lines:
            assert yen_ja(abs(line.amount_yen)) in line.text_ja
            assert yen_en(abs(line.amount_yen)) in line.text_en
            # In a sentence of their own the first letter is a capital.
            assert line.text_ja in settled.explain_ja
            assert line.text_en[1:] in settled.explain_en
        if settled.lines:
            for yen in (settled.due_today_yen, settled.next_invoice_yen, back_yen(settled)):
                assert not yen or yen_ja(abs(yen)) in settled.explain_ja
                assert not yen or yen_en(abs(yen)) in settled.explain_en


@given(st.data(), rules(), sides, st.sampled_from(FirstPeriod))
def test_a_first_period_is_paid_by_what_it_charges(data, rule, side, setting):
    cycle = data.draw(periods(rule=rule))
    starts_on = data.draw(st.dates(cycle.start, cycle.last_day))
    terms = Terms(side, MONTHLY)
    first = first_period_charge(
        cycle=cycle, starts_on=starts_on, terms=terms, setting=setting, rule=rule
    )
    assert first.held == PaidTime(cycle, starts_on, terms, first.amount_yen)
    share_yen = days_share(side, cycle=cycle, on=starts_on, rule=rule).amount_yen
    whole = starts_on == cycle.start or setting is FirstPeriod.FULL
    free = setting is FirstPeriod.FREE
    assert first.amount_yen == (side.cycle_yen if whole else 0 if free else share_yen)
    assert yen_ja(first.amount_yen) in first.explain_ja or (free and not whole)


@given(st.data(), rules(), terms_of, st.integers(0, 100_000))
def test_a_second_change_of_a_day_to_something_cheaper_costs_nothing(data, proration, first, less):
    """Also where one change of the day carries its credit and the other forfeits it."""
    held = data.draw(started(proration))
    on = data.draw(st.dates(held.starts_on, held.cycle.last_day))
    rule, other = (data.draw(change_rules(proration)) for _ in range(2))
    gone = settle_change(held=held, change_on=on, to=first, rule=rule)
    side = Side(max(0, first.side.price_yen - less), first.side.quantity)
    cheaper = replace(first, side=side, name_ja="安い")
    assume(gone.held.same_day is not None)
    again = settle_change(held=gone.held, change_on=on, to=cheaper, rule=other)
    assert again.due_today_yen == 0
    assert again.next_invoice_yen <= 0
    if other.negative is NegativeResult.FORFEIT:
        assert back_yen(again) <= gone.due_today_yen + gone.next_invoice_yen

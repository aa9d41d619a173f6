"""Laws of quotes, tried on many prices, days, rules and commands."""

import time
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_cases import (
    CAP,
    CATALOGUE,
    FIRST,
    OPEN,
    asked,
    happen,
    instant,
    rules,
    subscriber,
    totals,
)

from billing.quotes import (
    Quote,
    Situation,
    confirm,
    explain_en,
    explain_ja,
    plan_change,
    quote_json,
)
from billing.tax import TaxLine, tax_by_rate
from plans import (
    ChangeDay,
    ChangeEffect,
    ChangeRule,
    Interval,
    NegativeResult,
    PaidTime,
    Period,
    PlansError,
    ProrationRule,
    RoundAt,
    Rounding,
    Side,
    TaxCategory,
    Terms,
    Unit,
    cycle_lines,
    cycle_period,
    settle_change,
)
from plans.lifecycle import (
    AddAddOn,
    AddCoupon,
    Cancel,
    ChangeAnchor,
    ChangeNextDate,
    ChangeQuantity,
    EarlyLeave,
    Pause,
    Policy,
    Refund,
    Resume,
    SkipCycles,
    Timing,
)

APRIL = Period(date(2026, 4, 1), date(2026, 5, 1))
MONTH = Interval(Unit.MONTH)
FREE = replace(OPEN, refunds=frozenset(Refund), leave_early=EarlyLeave.FOR_FEE)
prices = st.integers(1, 200_000)
days = st.dates(APRIL.start, APRIL.last_day)
taxed = st.sampled_from([TaxCategory.STANDARD, TaxCategory.REDUCED])


@st.composite
def change_rules(draw: st.DrawFn) -> ChangeRule:
    proration = ProrationRule(
        change_day=draw(st.sampled_from(ChangeDay)),
        round_at=draw(st.sampled_from(RoundAt)),
        rounding=draw(st.sampled_from(Rounding)),
        credit_rounding=draw(st.sampled_from(Rounding)),
    )
    effect = st.sampled_from([ChangeEffect.CHARGE_NOW, ChangeEffect.NEXT_INVOICE])
    return ChangeRule(draw(effect), draw(st.sampled_from(NegativeResult)), proration)


def at_prices(old: tuple[int, TaxCategory], new: tuple[int, TaxCategory]) -> dict:
    """The shop's price list with other prices of `small` and `large`."""
    changed = {
        code: (replace(CATALOGUE.price_on(code, FIRST), amount_yen=yen, tax_category=category),)
        for code, (yen, category) in (("small", old), ("large", new))
    }
    return {"catalogue": replace(CATALOGUE, prices={**CATALOGUE.prices, **changed})}


@given(
    old=st.tuples(prices, taxed),
    new=st.tuples(prices, taxed),
    on=days,
    rule=change_rules(),
    tax_rounding=st.sampled_from(Rounding),
)
def test_a_quote_is_what_settle_change_and_the_tax_say(old, new, on, rule, tax_rounding):
    shop = at_prices(old, new)
    view = subscriber("small", rules=rules(change=rule, tax_rounding=tax_rounding), **shop)
    found = asked(view, plan_change(view, plan_code="large", on=on, timing=Timing.NOW), on)
    was = Terms(Side(old[0]), MONTH, old[1], "小", "Small")
    becomes = Terms(Side(new[0]), MONTH, new[1], "大", "Large")
    held = PaidTime.of_cycle(cycle=APRIL, terms=was)
    settled = settle_change(held=held, change_on=on, to=becomes, rule=rule)
    lots = sum(lot.amount_yen for lot in settled.credit_lots)
    refunds = sum(refund.amount_yen for refund in settled.refunds)
    expected = (settled.due_today_yen, 0, lots, refunds, max(0, settled.forfeited_yen))
    assert totals(found) == expected
    first = found.coming[0]
    assert first.charge_yen + first.credit_used_yen == new[0] + settled.next_invoice_yen
    for bill in (*found.today, first):
        lines = [TaxLine(line.amount_yen, line.tax_category) for line in bill.lines]
        assert bill.tax == tax_by_rate(lines=lines, on=on, rounding=tax_rounding)
        assert bill.tax.total_yen == bill.total_yen


@given(
    start=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    interval=st.sampled_from(
        [Interval(Unit.DAY, 10), Interval(Unit.WEEK, 4), MONTH, Interval(Unit.MONTH, 3)]
    ),
    later=st.integers(0, 5),
)
def test_twelve_months_are_the_cycles_of_the_calendar(start, interval, later):
    """Against a plain walk over `cycle_lines`, that knows nothing of states and accounts."""
    price = replace(CATALOGUE.price_on("small", start), interval=interval)
    catalogue = replace(CATALOGUE, prices={**CATALOGUE.prices, "small": (price,)})
    view = subscriber("small", start, catalogue=catalogue, interval=interval)
    on = start + timedelta(days=later)
    found = asked(view, SkipCycles(1), on)
    anchor, plan = view.subscription.anchor, CATALOGUE.plan("small")
    until = on.replace(year=on.year + 1) if (on.month, on.day) != (2, 29) else None
    expected = []
    for cycle in range(1, 60):
        period = cycle_period(anchor=anchor, interval=interval, cycle=cycle)
        lines = cycle_lines(
            plan=plan, price=price, quantity=1, cycle=cycle, first_cycle=0, period=period
        )
        expected.append((period.start, sum(line.amount_yen for line in lines)))
    inside = [pair for pair in expected if pair[0] < (until or date(on.year + 1, 2, 28))]
    assert [(bill.on, bill.charge_yen) for bill in found.coming_before] == inside
    assert [(bill.on, bill.charge_yen) for bill in found.coming] == inside[1:]


@st.composite
def situations(draw: st.DrawFn) -> tuple[Situation, date]:
    """A subscriber of any plan on any day of its first month, perhaps paused."""
    plan = draw(st.sampled_from(["small", "large", "food", "seats", "term"]))
    choices = rules(change=draw(change_rules()))
    on = draw(days)
    add_ons = draw(st.sampled_from([{}, {"snack": 2}, {"support": 1}]))
    view = subscriber(plan, rules=choices, add_ons=add_ons, cap=CAP)
    if draw(st.booleans()):
        paused_on = draw(st.dates(APRIL.start, on))
        view = happen(view, Pause(Timing.NOW), paused_on)
    return view, on


def commands(on: date) -> st.SearchStrategy:
    coming = st.dates(on, date(2026, 5, 31))
    return st.one_of(
        st.sampled_from(["small", "large", "food", "year"]),
        st.builds(ChangeQuantity, st.integers(1, 9), st.sampled_from([Timing.NOW])),
        st.sampled_from([AddAddOn("support"), AddAddOn("visit"), AddCoupon("tenth")]),
        st.builds(SkipCycles, st.integers(1, 3)),
        st.builds(ChangeNextDate, coming),
        st.builds(ChangeAnchor, coming),
        st.builds(
            Pause, st.sampled_from([Timing.NOW, Timing.PERIOD_END]), st.none(), st.integers(1, 3)
        ),
        st.just(Resume()),
        st.builds(
            Cancel,
            st.sampled_from([Timing.NOW, Timing.PERIOD_END]),
            st.none(),
            st.sampled_from(Refund),
        ),
    )


def answer(view: Situation, command: object, on: date, policy: Policy = FREE) -> Quote | None:
    """The quote, or None for what is not possible there."""
    try:
        if isinstance(command, str):
            command = plan_change(view, plan_code=command, on=on)
        return asked(view, command, on, policy=policy)
    except PlansError:
        return None


@given(st.data())
def test_confirming_at_once_is_never_stale(data):
    view, on = data.draw(situations())
    found = answer(view, data.draw(commands(on)), on)
    if found is None or not found.cap.allows:
        return
    done = confirm(found, view, on=on, at=instant(on), policy=FREE)
    assert done.bills == found.today
    assert all(event.quote_id == found.quote_id for event in done.events)


@given(st.data())
def test_the_words_hold_every_figure_they_explain(data):
    view, on = data.draw(situations())
    found = answer(view, data.draw(commands(on)), on)
    if found is None:
        return
    ja, en = explain_ja(found), explain_en(found)
    for bill in (*found.today, *([found.next_charge] if found.next_charge else [])):
        for line in bill.lines:
            figure = f"{abs(line.amount_yen):,}"
            assert f"{figure}円" in line.text_ja
            assert f"¥{figure}" in line.text_en
            assert line.text_ja in ja
            assert line.text_en in en
        for rate in bill.tax.rates if bill.tax else ():
            assert f"{abs(rate.tax_yen):,}円" in ja
        assert f"{bill.charge_yen:,}円" in ja
        assert f"¥{bill.charge_yen:,}" in en
    assert f"{found.charge_today_yen:,}円" in ja or len(found.today) > 1


@given(st.data())
def test_money_is_never_lost_on_the_way(data):
    """Each bill adds up, credit is used at most once, and no more comes back than was paid."""
    view, on = data.draw(situations())
    found = answer(view, data.draw(commands(on)), on)
    if found is None:
        return
    bills = (*found.today, *found.coming)
    made = sum(bill.credit_yen for bill in bills)
    used = sum(bill.credit_used_yen + bill.credit_refund_yen for bill in bills)
    assert used <= made
    for bill in bills:
        goes = bill.charge_yen + bill.credit_used_yen - bill.credit_yen - bill.refund_yen
        assert sum(line.amount_yen for line in bill.lines) == goes
    paid = sum(each.amount_yen for each in view.received)
    today_back = found.credit_yen + found.refund_yen
    assert today_back <= paid + sum(line.amount_yen for line in found.lines if line.amount_yen > 0)


@given(st.data())
def test_the_json_is_the_quote(data):
    view, on = data.draw(situations())
    command = data.draw(commands(on))
    one, other = answer(view, command, on), answer(view, command, on)
    if one is None:
        return
    assert quote_json(one) == quote_json(other)
    assert one.quote_id in quote_json(one)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_machine_s_zone_says_nothing(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        view = subscriber()
        found = asked(view, plan_change(view, plan_code="large", on=date(2026, 4, 16)))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.charge_today_yen == 3_500
    assert found.expires_at.isoformat() == "2026-04-17T00:00:00+09:00"

"""Metered use as an auditor plays it: exact to the last digit, never negative, in any order."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Context, Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import (
    Aggregation,
    BadInput,
    BilledUsage,
    Interval,
    LineKind,
    Period,
    Plan,
    Price,
    TaxCategory,
    Unit,
    UsageLog,
    UsageRecord,
    UsageTerms,
    UsageTier,
    UsageWindow,
    amount_of,
    cycle_lines,
    number_text,
    record_usage,
    usage_due,
    usage_overbilled,
    used_in,
    yen_en,
    yen_ja,
)

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
DECEMBER = Period(date(2026, 12, 1), date(2027, 1, 1))
WINDOW = UsageWindow(date(2026, 11, 1), date(2026, 11, 30))
CALLS = UsageTerms("calls", 0, Decimal("0.5"))
LEVEL = replace(CALLS, aggregation=Aggregation.LAST)


def record(name, day, quantity):
    at = datetime(2026, 11, day, tzinfo=UTC)
    return UsageRecord(name, "calls", Decimal(quantity), at, at.date())


def logged(*records, terms=CALLS):
    log = UsageLog()
    for each in records:
        log = record_usage(log, each, terms=terms, window=WINDOW)
    return log


def test_a_lower_level_after_the_invoice_is_no_negative_line_but_is_told():
    # Billed: 1,000 × 0.5 = 500. A later record says 400 × 0.5 = 200, so 300 were too much.
    log = logged(record("a", 5, 1_000), record("b", 6, 400), terms=LEVEL)
    billed = [BilledUsage(NOVEMBER, 500)]
    assert usage_due(log=log, terms=LEVEL, ended=[NOVEMBER], billed=billed) == ()
    (found,) = usage_overbilled(log=log, terms=LEVEL, ended=[NOVEMBER], billed=billed)
    assert (found.period, found.overbilled_yen, found.amount_yen) == (NOVEMBER, 300, 0)
    # Staff gave the 300 back: the books know, and nothing is left over.
    settled = [*billed, BilledUsage(NOVEMBER, -300)]
    assert usage_overbilled(log=log, terms=LEVEL, ended=[NOVEMBER], billed=settled) == ()
    assert usage_due(log=log, terms=LEVEL, ended=[NOVEMBER], billed=settled) == ()


def test_what_was_too_much_counts_when_the_level_rises_again():
    # Billed 500; 400 × 0.5 = 200 would be too little to bill, 1,300 × 0.5 = 650 leaves 150.
    log = logged(record("a", 5, 1_000), record("b", 6, 400), record("c", 7, 1_300), terms=LEVEL)
    billed = [BilledUsage(NOVEMBER, 500)]
    (charge,) = usage_due(log=log, terms=LEVEL, ended=[NOVEMBER], billed=billed)
    assert (charge.amount_yen, charge.late) == (150, True)


@pytest.mark.parametrize(
    ("ended", "billed"),
    [
        pytest.param([NOVEMBER, NOVEMBER], [], id="the same period twice"),
        pytest.param([NOVEMBER, Period(date(2026, 11, 30), date(2026, 12, 5))], [], id="a day"),
        pytest.param(
            [NOVEMBER],
            [BilledUsage(Period(date(2026, 10, 16), date(2026, 11, 16)), 9)],
            id="billed with other days",
        ),
    ],
)
def test_no_day_of_use_is_billed_twice(ended, billed):
    for ask in (usage_due, usage_overbilled):
        with pytest.raises(BadInput) as refused:
            ask(log=UsageLog(), terms=CALLS, ended=ended, billed=billed)
        assert refused.value.field == "ended"


def test_an_unbilled_cycle_is_no_overbilled_one():
    assert usage_overbilled(log=UsageLog(), terms=CALLS, ended=[NOVEMBER], billed=[]) == ()


RECORDS = st.lists(
    st.builds(record, st.uuids().map(str), st.integers(1, 30), st.integers(0, 10**6)), max_size=8
)


@given(RECORDS, st.integers(0, 8), st.sampled_from(Aggregation))
def test_a_line_of_use_is_never_negative_and_the_books_close(records, cut, aggregation):
    """Billed, less what was too much, is what the records say: in whatever order they came."""
    terms = replace(CALLS, aggregation=aggregation)
    early, full = logged(*records[:cut], terms=terms), logged(*records, terms=terms)
    (first,) = usage_due(log=early, terms=terms, ended=[NOVEMBER], billed=[])
    billed = [BilledUsage(NOVEMBER, first.amount_yen)]
    later = usage_due(log=full, terms=terms, ended=[NOVEMBER], billed=billed)
    too_much = usage_overbilled(log=full, terms=terms, ended=[NOVEMBER], billed=billed)
    (at_once,) = usage_due(log=full, terms=terms, ended=[NOVEMBER], billed=[])
    assert all(each.amount_yen > 0 and each.late for each in later)
    taken = first.amount_yen + sum(each.amount_yen for each in later)
    assert taken - sum(each.overbilled_yen for each in too_much) == at_once.amount_yen
    if aggregation is not Aggregation.LAST:
        assert not too_much  # more records only raise a sum or a highest level


@given(st.sets(st.integers(2, 30), max_size=4))
def test_every_record_counts_in_one_period_whatever_the_periods(cuts):
    """One unit on each day of November, and periods that tile it in any way."""
    log = logged(*(record(str(day), day, 1) for day in range(1, 31)))
    days = [NOVEMBER.start, *(date(2026, 11, cut) for cut in sorted(cuts)), NOVEMBER.end]
    periods = [Period(start, end) for start, end in pairwise(days)]
    assert [used_in(log=log, terms=CALLS, period=period) for period in periods] == [
        period.days for period in periods
    ]


def test_no_coupon_and_no_correction_makes_a_cycle_negative():
    plan = Plan("a", "甲", "A")
    price = Price("a", date(1970, 1, 1), 100, TaxCategory.STANDARD, Interval(Unit.MONTH))
    log = logged(record("a", 5, 100_000), record("b", 6, 0), terms=LEVEL)
    usage = usage_due(log=log, terms=LEVEL, ended=[NOVEMBER], billed=[BilledUsage(NOVEMBER, 9)])
    lines = cycle_lines(
        plan=plan,
        price=price,
        quantity=1,
        cycle=1,
        first_cycle=0,
        period=DECEMBER,
        usage=usage,
    )
    assert [(line.kind, line.amount_yen) for line in lines] == [(LineKind.PLAN, 100)]


quantities = st.decimals(0, 10**12, places=9)


@given(st.lists(quantities, max_size=20), st.randoms(use_true_random=False))
def test_sums_are_exact_in_any_order_and_any_context(amounts, shuffler):
    records = [record(str(n), 1 + n, amount) for n, amount in enumerate(amounts)]
    shuffled = list(records)
    shuffler.shuffle(shuffled)
    exact = sum((int(amount * 10**9) for amount in amounts), 0)
    with localcontext(Context(prec=5)):
        used = used_in(log=logged(*shuffled), terms=CALLS, period=NOVEMBER)
    assert used == Decimal(exact).scaleb(-9)


@given(quantities, st.decimals("0.000000001", 10**7, places=9), st.integers(0, 10**12))
def test_the_yen_of_a_use_are_exact_in_any_context(used, unit_price, included):
    terms = UsageTerms("calls", included, unit_price)
    billable = max(0, int(used * 10**9) - included * 10**9)
    expected = billable * int(unit_price * 10**9) // 10**18
    plain = amount_of(terms, usage=used)
    with localcontext(Context(prec=3)):
        assert amount_of(terms, usage=used) == plain
    assert plain.yen == expected


def test_a_trillion_units_at_nine_decimals():
    # 10^12 × 0.123456789 = 123,456,789,000 and 999,999,999,999 × 0.123456789 = …,999.876…
    terms = UsageTerms("calls", 0, Decimal("0.123456789"))
    assert amount_of(terms, usage=10**12).yen == 123_456_789_000
    assert amount_of(terms, usage=10**12 - 1).yen == 123_456_788_999


def test_words_hold_every_digit():
    long = Decimal("1000000000000.00000000000000000001")
    assert number_text(long) == "1,000,000,000,000.00000000000000000001"
    assert yen_ja(long.copy_negate()) == "−1,000,000,000,000.00000000000000000001円"
    assert yen_en(10**30 + 1) == "¥1,000,000,000,000,000,000,000,000,000,001"


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: logged(record("a", 1, "0.0000000001")), "quantity", id="10 decimals"),
        pytest.param(lambda: amount_of(CALLS, usage=Decimal("1e99")), "usage", id="use, endless"),
        pytest.param(lambda: amount_of(CALLS, usage=Decimal("1e-99")), "usage", id="use, dust"),
        pytest.param(lambda: UsageTerms("c", 0, Decimal("NaN")), "unit_price", id="no number"),
        pytest.param(lambda: UsageTerms("c", 0, Decimal("Infinity")), "unit_price", id="endless"),
        pytest.param(lambda: UsageTerms("c", 0, Decimal(0)), "unit_price", id="nothing"),
        pytest.param(
            lambda: UsageTerms("c", 0, Decimal("10000000.01")), "unit_price", id="above 10 million"
        ),
        pytest.param(
            lambda: UsageTerms("c", 0, Decimal("0.0000000001")), "unit_price", id="too fine"
        ),
        pytest.param(lambda: UsageTier(None, Decimal("-1")), "unit_price", id="negative tier"),
        pytest.param(lambda: UsageTier(None, Decimal("NaN")), "unit_price", id="tier, no number"),
        pytest.param(lambda: amount_of(CALLS, usage=Decimal("NaN")), "usage", id="use, no number"),
        pytest.param(
            lambda: amount_of(CALLS, usage=Decimal("Infinity")), "usage", id="use, endless"
        ),
        pytest.param(lambda: amount_of(CALLS, usage=-1), "usage", id="use, negative"),
    ],
)
def test_refused(make, field):
    with pytest.raises(BadInput) as refused:
        make()
    assert refused.value.field == field

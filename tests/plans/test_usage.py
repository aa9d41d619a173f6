"""Metered records: idempotent, in any order, refused by name, billed in arrears and corrected."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import (
    Aggregation,
    BadInput,
    BilledUsage,
    NegativeUsage,
    Period,
    UsageConflict,
    UsageLog,
    UsageOutOfWindow,
    UsageRecord,
    UsageTerms,
    UsageWindow,
    WrongMeter,
    record_usage,
    usage_due,
    used_in,
)

CALLS = UsageTerms("calls", 1_000, Decimal("0.5"))
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
DECEMBER = Period(date(2026, 12, 1), date(2027, 1, 1))
WINDOW = UsageWindow(date(2026, 11, 1), date(2026, 12, 31))


def record(name: str, day: int, quantity: object, *, month: int = 11, hour: int = 3) -> UsageRecord:
    at = datetime(2026, month, day, hour, tzinfo=UTC)
    return UsageRecord(name, "calls", Decimal(str(quantity)), at, at.date())


def logged(*records: UsageRecord, terms: UsageTerms = CALLS) -> UsageLog:
    log = UsageLog()
    for each in records:
        log = record_usage(log, each, terms=terms, window=WINDOW)
    return log


@pytest.mark.parametrize(
    ("aggregation", "quantity"),
    [
        pytest.param(Aggregation.SUM, 60, id="10 + 30 + 20"),
        pytest.param(Aggregation.MAX, 30, id="the highest"),
        pytest.param(Aggregation.LAST, 20, id="that of the 20th"),
    ],
)
def test_aggregation(aggregation, quantity):
    terms = replace(CALLS, aggregation=aggregation)
    log = logged(record("a", 1, 10), record("c", 20, 20), record("b", 10, 30), terms=terms)
    assert used_in(log=log, terms=terms, period=NOVEMBER) == quantity
    assert used_in(log=log, terms=terms, period=DECEMBER) == 0


def test_the_same_record_again_changes_nothing():
    log = logged(record("a", 1, 10))
    assert record_usage(log, record("a", 1, 10), terms=CALLS, window=WINDOW) is log
    # Even when its day has left the window meanwhile: it was taken.
    late = UsageWindow(date(2027, 3, 1), date(2027, 3, 31))
    assert record_usage(log, record("a", 1, 10), terms=CALLS, window=late) is log


@pytest.mark.parametrize(
    ("given_record", "error"),
    [
        pytest.param(record("a", 1, 11), UsageConflict, id="known id, other quantity"),
        pytest.param(record("b", 1, -1), NegativeUsage, id="negative"),
        pytest.param(record("b", 1, "NaN"), NegativeUsage, id="no number"),
        pytest.param(record("b", 1, "Infinity"), NegativeUsage, id="endless"),
        pytest.param(record("b", 1, "1e13"), NegativeUsage, id="more than any meter shows"),
        pytest.param(record("b", 31, 1, month=10), UsageOutOfWindow, id="the day before"),
        pytest.param(replace(record("b", 1, 1), meter="bytes"), WrongMeter, id="other meter"),
        pytest.param(
            replace(record("b", 1, 1), at=datetime(2026, 11, 1)),  # noqa: DTZ001 - the fault itself
            BadInput,
            id="no time zone",
        ),
    ],
)
def test_refused_by_name(given_record, error):
    log = logged(record("a", 1, 10))
    with pytest.raises(error):
        record_usage(log, given_record, terms=CALLS, window=WINDOW)


@pytest.mark.parametrize(
    ("started", "ended", "received", "first", "last"),
    [
        pytest.param("2026-11-20", None, "2026-12-10", "2026-11-20", "2026-12-10", id="new"),
        pytest.param("2026-01-01", None, "2026-12-10", "2026-11-09", "2026-12-10", id="31 days"),
        pytest.param(
            "2026-01-01", "2026-12-05", "2026-12-10", "2026-11-09", "2026-12-04", id="end"
        ),
    ],
)
def test_the_window_of_a_day(started, ended, received, first, last):
    window = UsageWindow.of(
        terms=CALLS,
        started_on=date.fromisoformat(started),
        ended_on=None if ended is None else date.fromisoformat(ended),
        received_on=date.fromisoformat(received),
    )
    assert (window.first.isoformat(), window.last.isoformat()) == (first, last)


def test_use_is_billed_once_its_cycle_is_over():
    log = logged(record("a", 5, 1_600), record("b", 2, 9_999, month=12))
    (charge,) = usage_due(log=log, terms=CALLS, ended=[NOVEMBER], billed=[])
    assert (charge.period, charge.amount_yen, charge.late) == (NOVEMBER, 300, False)


def test_a_cycle_without_use_is_told_as_0_yen_once():
    (charge,) = usage_due(log=UsageLog(), terms=CALLS, ended=[NOVEMBER], billed=[])
    assert charge.amount_yen == 0
    billed = [BilledUsage(NOVEMBER, 0)]
    assert usage_due(log=UsageLog(), terms=CALLS, ended=[NOVEMBER], billed=billed) == ()


def test_what_comes_late_is_a_correction_with_the_included_units_counted_once():
    # Billed: (1600 − 1000) × 0.5 = 300. With 400 more: (2000 − 1000) × 0.5 = 500, so 200 now.
    log = logged(record("a", 5, 1_600), record("late", 30, 400))
    charges = usage_due(
        log=log, terms=CALLS, ended=[NOVEMBER, DECEMBER], billed=[BilledUsage(NOVEMBER, 300)]
    )
    assert [(c.period, c.amount_yen, c.late) for c in charges] == [
        (NOVEMBER, 200, True),
        (DECEMBER, 0, False),
    ]
    settled = [BilledUsage(NOVEMBER, 300), BilledUsage(NOVEMBER, 200), BilledUsage(DECEMBER, 0)]
    assert usage_due(log=log, terms=CALLS, ended=[NOVEMBER, DECEMBER], billed=settled) == ()


RECORDS = st.lists(
    st.builds(record, st.uuids().map(str), st.integers(1, 30), st.integers(0, 10**6)), max_size=12
)


@given(RECORDS, st.randoms(use_true_random=False), st.sampled_from(Aggregation))
def test_order_and_repeats_do_not_matter(records, shuffler, aggregation):
    terms = replace(CALLS, aggregation=aggregation)
    again = [*records, *records]
    shuffler.shuffle(again)
    once, twice = logged(*records, terms=terms), logged(*again, terms=terms)
    assert dict(once.records) == dict(twice.records)
    assert used_in(log=once, terms=terms, period=NOVEMBER) == used_in(
        log=twice, terms=terms, period=NOVEMBER
    )


@given(RECORDS, st.integers(0, 12))
def test_however_late_records_come_the_sum_billed_is_the_same(records, cut):
    """First the early ones are invoiced, then all: together what one invoice would have taken."""
    early = logged(*records[:cut])
    (first,) = usage_due(log=early, terms=CALLS, ended=[NOVEMBER], billed=[])
    billed = BilledUsage(NOVEMBER, first.amount_yen)
    later = usage_due(log=logged(*records), terms=CALLS, ended=[NOVEMBER], billed=[billed])
    (at_once,) = usage_due(log=logged(*records), terms=CALLS, ended=[NOVEMBER], billed=[])
    assert first.amount_yen + sum(each.amount_yen for each in later) == at_once.amount_yen

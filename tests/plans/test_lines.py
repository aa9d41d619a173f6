"""The lines of a cycle: seats, the different first price, and the words beside the numbers."""

from dataclasses import replace
from datetime import date

import pytest

from plans import (
    ALWAYS,
    BadInput,
    Interval,
    Line,
    LineKind,
    Period,
    Plan,
    Price,
    TaxCategory,
    Unit,
    cycle_lines,
)

COFFEE = Plan(code="coffee", name_ja="コーヒー豆 定期便", name_en="Coffee beans delivery")
FLAT = Price(
    plan_code="coffee",
    valid_from=ALWAYS,
    amount_yen=3240,
    tax_category=TaxCategory.REDUCED,
    interval=Interval(Unit.MONTH, 1),
    first_amount_yen=1980,
)
SEATS = replace(FLAT, amount_yen=1480, per_seat=True, first_amount_yen=None)
SEATS_WITH_FIRST = replace(SEATS, first_amount_yen=500)
PERIOD = Period(date(2026, 11, 22), date(2026, 12, 22))


def _line(price: Price, *, quantity: int, cycle: int, first_cycle: int = 1) -> Line:
    (line,) = cycle_lines(
        plan=COFFEE,
        price=price,
        quantity=quantity,
        cycle=cycle,
        first_cycle=first_cycle,
        period=PERIOD,
    )
    return line


@pytest.mark.parametrize(
    ("price", "quantity", "cycle", "kind", "amount"),
    [
        pytest.param(FLAT, 1, 1, LineKind.FIRST_CYCLE, 1980, id="first price in the first cycle"),
        pytest.param(FLAT, 1, 2, LineKind.PLAN, 3240, id="full price after it"),
        pytest.param(SEATS, 1, 1, LineKind.PLAN, 1480, id="one seat"),
        pytest.param(SEATS, 12, 5, LineKind.PLAN, 17760, id="12 seats: 12×1480"),
        pytest.param(SEATS_WITH_FIRST, 3, 1, LineKind.FIRST_CYCLE, 1500, id="3 seats: 3×500"),
        pytest.param(
            replace(FLAT, first_amount_yen=0), 1, 1, LineKind.FIRST_CYCLE, 0, id="first cycle free"
        ),
    ],
)
def test_amounts(price, quantity, cycle, kind, amount):
    line = _line(price, quantity=quantity, cycle=cycle)
    assert (line.kind, line.amount_yen) == (kind, amount)
    assert line.quantity * line.unit_yen == amount
    assert (line.tax_category, line.period) == (TaxCategory.REDUCED, PERIOD)


def test_words_name_plan_seats_and_period():
    line = _line(SEATS, quantity=3, cycle=1)
    assert line.description_ja == "コーヒー豆 定期便 3席 2026年11月22日〜2026年12月21日"
    assert line.description_en == "Coffee beans delivery, 3 seats, 2026-11-22 to 2026-12-21"


def test_words_mark_the_first_price():
    line = _line(FLAT, quantity=1, cycle=1)
    assert line.description_ja == "コーヒー豆 定期便(初回価格) 2026年11月22日〜2026年12月21日"
    assert line.description_en == (
        "Coffee beans delivery (first-cycle price), 2026-11-22 to 2026-12-21"
    )


def test_words_of_one_seat_are_singular():
    assert ", 1 seat," in _line(SEATS, quantity=1, cycle=2).description_en


@pytest.mark.parametrize(
    ("price", "quantity", "cycle", "field"),
    [
        pytest.param(SEATS, 0, 1, "quantity", id="no seat"),
        pytest.param(SEATS, -3, 1, "quantity", id="negative seats"),
        pytest.param(FLAT, 2, 1, "quantity", id="a flat plan twice"),
        pytest.param(FLAT, 1, 0, "cycle", id="a cycle before the first paid one"),
    ],
)
def test_refused(price, quantity, cycle, field):
    with pytest.raises(BadInput) as refused:
        _line(price, quantity=quantity, cycle=cycle)
    assert refused.value.field == field


def test_a_line_that_does_not_multiply_out_cannot_exist():
    line = _line(SEATS, quantity=3, cycle=1)
    with pytest.raises(BadInput, match="3 × 1480"):
        replace(line, amount_yen=4441)

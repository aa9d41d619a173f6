"""Paid time, terms and settings of a line, and how amounts by tax category are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.calc.catalogue_reading import QUANTITY_MOST, dated
from app.calc.reading import Input
from app.calc.typed_reading import located, read_as
from plans import (
    ChangeDay,
    Divisor,
    Interval,
    PaidTime,
    Period,
    ProrationRule,
    RoundAt,
    Rounding,
    Side,
    TaxCategory,
    TaxedYen,
    Terms,
    Unit,
)

__all__ = [
    "HELD_KEYS",
    "SETTINGS",
    "paid_time_record",
    "read_held",
    "read_period",
    "read_proration",
    "read_terms",
    "taxed_records",
]

# The settings of a proration, as in the operation `prorate`.
SETTINGS = ("divisor", "change_day", "round_at", "rounding", "credit_rounding")
# What says which time is paid for, beside its terms.
HELD_KEYS = ("period_start", "period_end", "starts_on", "paid", "pending")
# The most that a price list knows.
_MOST_YEN = 10_000_000
_MONTHLY = Interval(Unit.MONTH)


def read_proration(request: Input) -> ProrationRule:
    """Read the settings of a proration; those left out keep their defaults."""
    return ProrationRule(
        divisor=_divisor(request),
        change_day=request.choice("change_day", ChangeDay, ChangeDay.NEW),
        round_at=request.choice("round_at", RoundAt, RoundAt.TOTAL),
        rounding=request.choice("rounding", Rounding, Rounding.FLOOR),
        credit_rounding=request.choice("credit_rounding", Rounding, Rounding.FLOOR),
    )


def read_period(request: Input) -> Period:
    """Read `period_start` and `period_end`, the first day and the day after the last."""
    start, end = dated(request, "period_start"), dated(request, "period_end")
    with located(request.path, end="period_end"):
        return Period(start, end)


def read_terms(given: Input) -> Terms:
    """Read what a cycle costs: price, quantity, interval, tax category and name."""
    given.only("price", "quantity", "every", "category", "name")
    every, name = given.values.get("every"), given.values.get("name")
    words = Input({}) if name is None else given.nested("name").only("ja", "en")
    return Terms(
        side=Side(
            given.whole("price", least=0, most=_MOST_YEN),
            given.whole("quantity", least=1, most=QUANTITY_MOST, default=1),
        ),
        interval=_MONTHLY if every is None else read_as(Interval, given.nested("every")),
        tax_category=given.choice("category", TaxCategory, TaxCategory.STANDARD),
        name_ja=words.text("ja", default=""),
        name_en=words.text("en", default=""),
    )


def read_held(request: Input, terms: Terms) -> PaidTime:
    """Read the time that is paid for; without `paid` the whole price was, 0 means unpaid."""
    period = read_period(request)
    whole_yen = terms.side.cycle_yen
    with located(request.path, paid_yen="paid"):
        return PaidTime(
            cycle=period,
            starts_on=dated(request, "starts_on", default=period.start),
            terms=terms,
            paid_yen=request.whole("paid", least=0, default=whole_yen),
            pending_yen=request.whole("pending", least=0, default=0),
        )


def paid_time_record(held: PaidTime) -> dict[str, Any]:
    """Write paid time under the keys it is read by."""
    terms = held.terms
    return {
        "period_start": held.cycle.start.isoformat(),
        "period_end": held.cycle.end.isoformat(),
        "starts_on": held.starts_on.isoformat(),
        "paid": held.paid_yen,
        "pending": held.pending_yen,
        "terms": {
            "price": terms.side.price_yen,
            "quantity": terms.side.quantity,
            "every": {"unit": terms.interval.unit.value, "count": terms.interval.count},
            "category": terms.tax_category.value,
            "name": {"ja": terms.name_ja, "en": terms.name_en},
        },
    }


def taxed_records(sums: Iterable[TaxedYen]) -> list[dict[str, Any]]:
    """Write amounts by tax category."""
    return [{"category": each.tax_category.value, "amount": each.amount_yen} for each in sums]


def _divisor(request: Input) -> Divisor:
    # Typed by people as the number it is, kept as the word.
    if type(request.values.get("divisor")) is int and request.values["divisor"] == 30:
        return Divisor.THIRTY
    return request.choice("divisor", Divisor, Divisor.ACTUAL)

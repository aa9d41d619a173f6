"""Consumption tax (消費税): a rate by category and date, and one rounding per rate and document.

Rounding each line and summing is not allowed for qualified invoices (適格請求書), so lines are
summed first. Rates are dated rows, chosen by the date of supply; a standard 8 % and a reduced 8 %
are different categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

from plans import BadInput, Rounding, TaxCategory, round_yen

__all__ = [
    "TAX_RATES",
    "PriceMode",
    "RateTotal",
    "TaxBreakdown",
    "TaxLine",
    "TaxRate",
    "TaxRounding",
    "Taxed",
    "split_discount",
    "tax_by_rate",
]

# Floor, half up or ceil is the merchant's choice; it is the same choice as anywhere else.
TaxRounding = Rounding


class PriceMode(StrEnum):
    """Whether the amounts of the lines hold the tax already; one mode per document."""

    INCLUSIVE = "inclusive"  # 税込
    EXCLUSIVE = "exclusive"  # 税抜


class Taxed(Protocol):
    """Anything with a whole amount of yen and a tax category, such as an invoice line."""

    @property
    def amount_yen(self) -> int:
        """The amount, negative for a credit or discount."""

    @property
    def tax_category(self) -> TaxCategory:
        """The category that decides the rate."""


@dataclass(frozen=True, slots=True)
class TaxLine:
    """The least that can be taxed."""

    amount_yen: int
    tax_category: TaxCategory


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate in percent, for supplies from `valid_from` to `valid_to`, both days included."""

    category: TaxCategory
    percent: Decimal
    valid_from: date
    valid_to: date | None = None

    def holds_on(self, on: date) -> bool:
        """Tell whether this is the rate of a supply on that date."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


# Rates before 2014-04-01 (5 % and 3 %) are left out: nothing that old can still be invoiced.
_FIRST_DAY = date(2014, 4, 1)
_TEN_PERCENT_FROM = date(2019, 10, 1)
TAX_RATES = (
    TaxRate(TaxCategory.STANDARD, Decimal(8), _FIRST_DAY, date(2019, 9, 30)),
    TaxRate(TaxCategory.STANDARD, Decimal(10), _TEN_PERCENT_FROM),
    TaxRate(TaxCategory.REDUCED, Decimal(8), _TEN_PERCENT_FROM),
    TaxRate(TaxCategory.EXEMPT, Decimal(0), _FIRST_DAY),
    TaxRate(TaxCategory.NON_TAXABLE, Decimal(0), _FIRST_DAY),
    TaxRate(TaxCategory.OUT_OF_SCOPE, Decimal(0), _FIRST_DAY),
)


@dataclass(frozen=True, slots=True)
class RateTotal:
    """All lines of one category: gross = net + tax, in whole yen."""

    category: TaxCategory
    rate_percent: Decimal
    gross_yen: int
    tax_yen: int
    net_yen: int


@dataclass(frozen=True, slots=True)
class TaxBreakdown:
    """The document's total with tax, and one row per category that occurs."""

    total_yen: int
    rates: tuple[RateTotal, ...]


def tax_by_rate(
    *,
    lines: Sequence[Taxed],
    on: date,
    rounding: TaxRounding,
    prices: PriceMode = PriceMode.INCLUSIVE,
    rates: Sequence[TaxRate] = TAX_RATES,
) -> TaxBreakdown:
    """Work out the tax of one document, rounded once per category; rows in the enum's order.

    A negative total is rounded by magnitude, so that a return mirrors its sale. Raises BadInput
    for no lines, or a category that has no rate on the date.
    """
    if not lines:
        raise BadInput(
            field="lines",
            value=[],
            rule="a document has at least one line",
            remedy="give the lines to be taxed",
        )
    percents = {rate.category: rate.percent for rate in rates if rate.holds_on(on)}
    totals: dict[TaxCategory, int] = {}
    for index, line in enumerate(lines):
        if line.tax_category not in percents:
            raise _no_rate(index, line.tax_category, on, rates)
        totals[line.tax_category] = totals.get(line.tax_category, 0) + line.amount_yen
    rows = tuple(
        _rate_total(category, percents[category], totals[category], rounding, prices)
        for category in TaxCategory
        if category in totals
    )
    return TaxBreakdown(total_yen=sum(row.gross_yen for row in rows), rates=rows)


def split_discount(*, discount_yen: int, amounts_yen: Sequence[int]) -> tuple[int, ...]:
    """Split a discount in proportion to the amounts, by largest remainder; the parts sum to it.

    Of equal remainders the earlier amount gets the yen. No part exceeds its amount. Raises
    BadInput for a negative amount, or a discount below 0 or above the sum of the amounts.
    """
    whole = sum(amounts_yen)
    _check_discount(discount_yen, amounts_yen, whole)
    if discount_yen == 0:
        return tuple(0 for _ in amounts_yen)
    shares = [divmod(discount_yen * amount, whole) for amount in amounts_yen]
    parts = [floor for floor, _ in shares]
    missing_yen = discount_yen - sum(parts)
    by_remainder = sorted(range(len(shares)), key=lambda index: -shares[index][1])
    for index in by_remainder[:missing_yen]:
        parts[index] += 1
    return tuple(parts)


def _rate_total(
    category: TaxCategory, percent: Decimal, amount_yen: int, rounding: Rounding, prices: PriceMode
) -> RateTotal:
    rate = Fraction(percent)
    if prices is PriceMode.INCLUSIVE:
        tax_yen = round_yen(amount_yen * rate / (100 + rate), rounding)
        return RateTotal(category, percent, amount_yen, tax_yen, amount_yen - tax_yen)
    tax_yen = round_yen(amount_yen * rate / 100, rounding)
    return RateTotal(category, percent, amount_yen + tax_yen, tax_yen, amount_yen)


def _no_rate(index: int, category: TaxCategory, on: date, rates: Sequence[TaxRate]) -> BadInput:
    """Blame the date when no category has a rate then, else the line's category."""
    if all(on < rate.valid_from for rate in rates):
        first = min((rate.valid_from for rate in rates), default=None)
        return BadInput(
            field="on",
            value=on.isoformat(),
            rule=f"tax rates are known from {first} on",
            remedy="give the date of supply",
        )
    return BadInput(
        field=f"lines[{index}].category",
        value=category.value,
        rule=f"there is no {category.value} rate on {on.isoformat()}",
        remedy="correct the date of supply or the category",
    )


def _check_discount(discount_yen: int, amounts_yen: Sequence[int], whole_yen: int) -> None:
    for index, amount_yen in enumerate(amounts_yen):
        if amount_yen < 0:
            raise BadInput(
                field=f"amounts_yen[{index}]",
                value=amount_yen,
                rule="a discount is split over amounts from 0 up",
                remedy="leave credits out of the split",
            )
    if not 0 <= discount_yen <= whole_yen:
        raise BadInput(
            field="discount_yen",
            value=discount_yen,
            rule=f"a discount is from 0 to the {whole_yen} yen it is taken from",
            remedy="lower it",
        )

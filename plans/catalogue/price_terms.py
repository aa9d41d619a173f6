"""Terms around a price: set-up fee, other prices of the first cycles, gifts, fee for leaving.

Values only; what they cost is in `lines` and, for leaving, in `cancellation_fee`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from plans.catalogue.bounds import NTH, broken_by, check_code, check_names, refuse
from plans.errors import BadInput
from plans.money_words import DECIMALS_MAX, check_yen, decimals
from plans.tax_category import TaxCategory

__all__ = [
    "CancellationTerms",
    "CaptureRule",
    "CyclePrice",
    "FirstPeriod",
    "FixedFee",
    "Gift",
    "RemainingCapped",
    "RemainingPercent",
    "SetupFee",
    "check_percent",
]


class FirstPeriod(StrEnum):
    """What the days from sign-up to the first fixed day cost (japan.md §3.4)."""

    PRORATE = "prorate"  # their share of a cycle
    FULL = "full"  # a whole cycle
    FREE = "free"  # nothing


class CaptureRule(StrEnum):
    """When the money of a cycle is taken: with the charge, or once its goods are on their way."""

    AT_ONCE = "at_once"
    ON_SHIPMENT = "on_shipment"  # authorised when due, captured when shipped


@dataclass(frozen=True, slots=True)
class SetupFee:
    """Charged once, with the first paid cycle (初期費用); it may be taxed unlike the plan."""

    amount_yen: int
    tax_category: TaxCategory

    def __post_init__(self) -> None:
        check_yen("setup_fee", self.amount_yen)


@dataclass(frozen=True, slots=True, order=True)
class CyclePrice:
    """Another price in paid cycles `cycle` to `last`, counted from 1; per seat where sold so."""

    cycle: int
    last: int
    amount_yen: int

    def __post_init__(self) -> None:
        NTH.check("cycle", self.cycle)
        NTH.check("to", self.last)
        check_yen("price", self.amount_yen, least=0)
        if self.last < self.cycle:
            raise BadInput(
                field="to",
                value=self.last,
                rule=f"is before cycle {self.cycle}",
                remedy="give the last cycle of the price, or leave it out for one cycle",
            )


@dataclass(frozen=True, slots=True, order=True)
class Gift:
    """Something that comes for 0 yen with paid cycle number `cycle`, counted from 1."""

    cycle: int
    item: str
    name_ja: str
    name_en: str
    tax_category: TaxCategory

    def __post_init__(self) -> None:
        refuse(
            broken_by(
                lambda: NTH.check("cycle", self.cycle),
                lambda: check_code("item", self.item),
                lambda: check_names(self.name_ja, self.name_en),
            )
        )


# Compensation for leaving early is outside consumption tax unless the merchant's adviser says
# otherwise (japan.md §1.6), so that is the default of all three.


@dataclass(frozen=True, slots=True)
class FixedFee:
    """Leaving before the shortest term ends costs one amount."""

    kind: ClassVar[str] = "fixed"
    yen: int
    tax_category: TaxCategory = TaxCategory.OUT_OF_SCOPE

    def __post_init__(self) -> None:
        check_yen("yen", self.yen)


@dataclass(frozen=True, slots=True)
class RemainingPercent:
    """It costs a percentage of what the remaining cycles would have cost, rounded down."""

    kind: ClassVar[str] = "remaining_percent"
    percent: Decimal
    tax_category: TaxCategory = TaxCategory.OUT_OF_SCOPE

    def __post_init__(self) -> None:
        check_percent(self.percent)


@dataclass(frozen=True, slots=True)
class RemainingCapped:
    """It costs what the remaining cycles would have cost, but at most `most_yen`."""

    kind: ClassVar[str] = "remaining_capped"
    most_yen: int
    tax_category: TaxCategory = TaxCategory.OUT_OF_SCOPE

    def __post_init__(self) -> None:
        check_yen("most", self.most_yen)


CancellationTerms = FixedFee | RemainingPercent | RemainingCapped


def check_percent(percent: Decimal) -> None:
    """Refuse a percentage that is not above 0 and at most 100, or too fine; raises BadInput."""
    if not percent.is_finite() or not 0 < percent <= 100 or decimals(percent) > DECIMALS_MAX:
        raise BadInput(
            field="percent",
            value=str(percent),
            rule=f"is above 0 and at most 100, with at most {DECIMALS_MAX} decimals",
            remedy="correct it, as in 20 or '12.5'",
        )

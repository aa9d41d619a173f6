"""The merchant's choices for changes, and what a settled change holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from plans.calendar import Anchor, Period
from plans.proration.paid_time import PaidTime, Terms
from plans.proration.rule import ProrationRule
from plans.tax_category import TaxCategory

__all__ = [
    "ChangeEffect",
    "ChangeLine",
    "ChangeLineKind",
    "ChangeRule",
    "NegativeResult",
    "Settlement",
    "TaxedYen",
]

_DEFAULT_PRORATION = ProrationRule()


class ChangeEffect(StrEnum):
    """What happens to the difference in price."""

    CHARGE_NOW = "charge_now"
    NEXT_INVOICE = "next_invoice"
    RESTART_CYCLE = "restart_cycle"  # a new cycle at its whole price starts with the change
    NONE = "none"  # the new price counts from the next cycle on


class NegativeResult(StrEnum):
    """What happens when more is given back than is charged."""

    CARRY = "carry"  # a credit lot, used by later invoices
    REFUND = "refund"
    FORFEIT = "forfeit"


class ChangeLineKind(StrEnum):
    """Which of the two lines of a change."""

    CREDIT = "credit"  # the unused part of the old terms, below 0
    CHARGE = "charge"


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """A merchant's choices for changes inside a cycle; the defaults are those of the design."""

    effect: ChangeEffect = ChangeEffect.CHARGE_NOW
    negative: NegativeResult = NegativeResult.CARRY
    proration: ProrationRule = _DEFAULT_PRORATION


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of a change; below 0 for a credit. `exact_yen` is the amount before rounding."""

    kind: ChangeLineKind
    terms: Terms
    period: Period
    amount_yen: int
    exact_yen: Fraction
    text_ja: str
    text_en: str

    @property
    def tax_category(self) -> TaxCategory:
        """The category of the terms the line is about."""
        return self.terms.tax_category


@dataclass(frozen=True, slots=True)
class TaxedYen:
    """Whole yen, tax included, that belong to one tax category."""

    tax_category: TaxCategory
    amount_yen: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where the money of one change goes.

    The lines sum to due_today + next_invoice - credit lots - refunds - forfeited, where
    `next_invoice_yen` is below 0 when an earlier change of the cycle still waits on that invoice
    and is corrected there, and `forfeited_yen` when the day's earlier loss is restored; all else
    is 0 or more. `held` is the paid time afterwards. `anchor` is set when a new cycle starts with
    the change, `cycle` also when the old cycle is taken up again.
    """

    effective_on: date
    lines: tuple[ChangeLine, ...]
    due_today_yen: int
    next_invoice_yen: int
    credit_lots: tuple[TaxedYen, ...]
    refunds: tuple[TaxedYen, ...]
    forfeited_yen: int
    held: PaidTime
    anchor: Anchor | None
    cycle: Period | None
    explain_ja: str
    explain_en: str

    @property
    def by_category(self) -> tuple[TaxedYen, ...]:
        """The lines' sum per tax category, in the categories' own order."""
        sums: dict[TaxCategory, int] = {}
        for line in self.lines:
            sums[line.tax_category] = sums.get(line.tax_category, 0) + line.amount_yen
        return tuple(TaxedYen(each, sums[each]) for each in TaxCategory if each in sums)

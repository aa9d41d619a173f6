"""A bill: lines, tax per rate, and where the sum goes. It always adds up, or it is not made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from billing.quotes.values import Account, QuoteLine, QuoteRules
from billing.tax import TaxBreakdown, tax_by_rate
from plans import LineKind, NegativeResult, Settlement, TaxCategory, TaxedYen, yen_en, yen_ja

__all__ = ["Bill", "BillPurpose", "billed", "forfeited_line", "settlement_bill", "with_received"]


# What a customer gets for nothing is said; other lines of 0 yen say nothing.
_SHOWN_AT_0 = frozenset({LineKind.GIFT.value, LineKind.FREE_DAYS.value})


class BillPurpose(StrEnum):
    """Why there is a bill."""

    CHANGE = "change"  # the difference of a change inside a cycle
    RENEWAL = "renewal"  # a cycle
    OPEN_DAYS = "open_days"  # days before the next cycle
    END = "end"  # what is settled when the agreement ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Lines of one day and where their sum goes; `cycle` is set for a renewal.

    Sum of the lines = charge + credit used - new credit - refund of lines. `credit_refund_yen`
    is old credit that is paid out. All yen are 0 or more, but lines may be below 0.
    """

    on: date
    purpose: BillPurpose
    cycle: int | None
    lines: tuple[QuoteLine, ...]
    tax: TaxBreakdown | None
    charge_yen: int
    credit_used_yen: int = 0
    credit_yen: int = 0
    refund_yen: int = 0
    credit_refund_yen: int = 0
    forfeited_yen: int = 0

    def __post_init__(self) -> None:
        goes = self.charge_yen + self.credit_used_yen - self.credit_yen - self.refund_yen
        if self.total_yen != goes or min(self.charge_yen, self.credit_yen, self.refund_yen) < 0:
            raise AssertionError(f"bill of {self.on}: lines {self.total_yen}, but {goes} go away")

    @property
    def total_yen(self) -> int:
        """The sum of the lines."""
        return sum(line.amount_yen for line in self.lines)


def billed(
    account: Account,
    lines: Sequence[QuoteLine],
    *,
    on: date,
    purpose: BillPurpose,
    negative: NegativeResult,
    rules: QuoteRules,
    cycle: int | None = None,
    supplied_on: date | None = None,
) -> tuple[Account, Bill]:
    """Bill lines: open credit is used first; a sum below 0 goes where the rule sends it."""
    kept = tuple(line for line in lines if line.amount_yen or line.kind in _SHOWN_AT_0)
    total_yen = sum(line.amount_yen for line in kept)
    back_yen = max(0, -total_yen)
    lost_yen = back_yen if negative is NegativeResult.FORFEIT else 0
    if lost_yen:
        kept = (*kept, forfeited_line(lost_yen, _given_back_category(kept)))
        back_yen = 0
    credit, used_yen = _credit_used(account.credit, max(0, total_yen))
    carries = negative is NegativeResult.CARRY and back_yen > 0
    if carries:
        credit = (*credit, TaxedYen(_given_back_category(kept), back_yen))
    bill = Bill(
        on=on,
        purpose=purpose,
        cycle=cycle,
        lines=kept,
        tax=_tax(kept, supplied_on or on, rules),
        charge_yen=max(0, total_yen) - used_yen,
        credit_used_yen=used_yen,
        credit_yen=back_yen if carries else 0,
        refund_yen=0 if carries else back_yen,
        forfeited_yen=lost_yen,
    )
    return replace(account, credit=credit), bill


def settlement_bill(
    account: Account,
    settled: Sequence[Settlement],
    lines: Sequence[QuoteLine],
    *,
    on: date,
    rules: QuoteRules,
) -> tuple[Account, Bill]:
    """Bill settled changes exactly as they were settled; open credit pays what is due today.

    What comes off the next invoice is kept as credit, which that invoice uses first. What one
    piece of paid time gives back pays for another first.
    """
    due_yen = sum(each.due_today_yen for each in settled)
    back: list[TaxedYen] = []
    for each in settled:
        off_next_yen = max(0, -each.next_invoice_yen)
        back.extend(each.credit_lots)
        if off_next_yen:
            back.append(TaxedYen(_given_back_category(lines), off_next_yen))
    refunds = tuple(refund for each in settled for refund in each.refunds)
    lots, netted_yen = _credit_used(tuple(back), due_yen)
    refunds, repaid_yen = _credit_used(refunds, due_yen - netted_yen)
    due_yen -= netted_yen + repaid_yen
    credit, used_yen = _credit_used(account.credit, due_yen)
    bill = Bill(
        on=on,
        purpose=BillPurpose.CHANGE,
        cycle=None,
        lines=tuple(lines),
        tax=_tax(lines, on, rules),
        charge_yen=due_yen - used_yen,
        credit_used_yen=used_yen,
        credit_yen=sum(lot.amount_yen for lot in lots),
        refund_yen=sum(refund.amount_yen for refund in refunds),
        forfeited_yen=max(0, sum(each.forfeited_yen for each in settled)),
    )
    return with_received(replace(account, credit=(*credit, *lots)), lines), bill


def forfeited_line(yen: int, category: TaxCategory) -> QuoteLine:
    """Balance what is not given back; below 0 it restores what an undone change had lost."""
    if yen < 0:
        ja, en = (
            f"返金対象外だった{yen_ja(-yen)}を元に戻します",
            f"The lost {yen_en(-yen)} is restored",
        )
    else:
        ja, en = f"{yen_ja(yen)}は返金されません", f"{yen_en(yen)} is not returned"
    return QuoteLine("forfeited", ja, en, yen, category)


def with_received(account: Account, lines: Sequence[QuoteLine]) -> Account:
    """Add billed lines to what was received for the running cycle."""
    sums = {each.tax_category: each.amount_yen for each in account.received}
    for line in lines:
        sums[line.tax_category] = sums.get(line.tax_category, 0) + line.amount_yen
    received = tuple(TaxedYen(each, sums[each]) for each in TaxCategory if sums.get(each))
    return replace(account, received=received)


def _credit_used(credit: tuple[TaxedYen, ...], wanted_yen: int) -> tuple[tuple[TaxedYen, ...], int]:
    """Use the oldest credit first; gives what is left of it, and the yen used."""
    left: list[TaxedYen] = []
    open_yen = wanted_yen
    for lot in credit:
        taken_yen = min(lot.amount_yen, open_yen)
        open_yen -= taken_yen
        if lot.amount_yen > taken_yen:
            left.append(replace(lot, amount_yen=lot.amount_yen - taken_yen))
    return tuple(left), wanted_yen - open_yen


def _given_back_category(lines: Sequence[QuoteLine]) -> TaxCategory:
    return min(lines, key=lambda line: line.amount_yen).tax_category


def _tax(lines: Sequence[QuoteLine], on: date, rules: QuoteRules) -> TaxBreakdown | None:
    if not lines:
        return None
    return tax_by_rate(lines=lines, on=on, rounding=rules.tax_rounding)

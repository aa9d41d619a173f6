"""What the cap says about everything that shares the charge permission, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing.cap.plan import CapPart, CapRule, PlannedCharge, Verdict, plan_charges
from billing.quotes.bills import Bill
from billing.quotes.values import CapRoom, Situation

__all__ = ["CapOutlook", "CapRow", "cap_outlook", "planned"]

_BLOCKED = (Verdict.REFUSED, Verdict.IMPOSSIBLE)
MONTHS = 12  # how far a quote looks ahead
_SEVERITY = tuple(Verdict)  # from harmless to final


@dataclass(frozen=True, slots=True)
class CapRow:
    """One planned charge and what becomes of it."""

    charge: PlannedCharge
    verdict: Verdict
    parts: tuple[CapPart, ...]


@dataclass(frozen=True, slots=True)
class CapOutlook:
    """Twelve months under the cap, as they would be without the change and with it."""

    limit_yen: int
    rule: CapRule
    before: tuple[CapRow, ...]
    after: tuple[CapRow, ...]

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict with the change."""
        return _gravest(self.after)

    @property
    def verdict_before(self) -> Verdict:
        """The gravest verdict without it."""
        return _gravest(self.before)

    @property
    def hits(self) -> tuple[CapRow, ...]:
        """The charges that do not fit as they are due, with the change."""
        return tuple(row for row in self.after if row.verdict is not Verdict.OK)

    @property
    def allows(self) -> bool:
        """Whether the change may be made: it leaves no more yen without a place than before.

        Moved and split charges have a place, but whoever pays more in every month than a month can
        hold would owe more and more: what is due in the year must fit into its months as well.
        """
        if _blocked_yen(self.after) > _blocked_yen(self.before):
            return False
        return _due_yen(self.after) <= max(_due_yen(self.before), self._year_yen)

    @property
    def _year_yen(self) -> int:
        """The most that a year can hold, or the months of all these charges where they are more."""
        days = [row.charge.on for row in (*self.before, *self.after)]
        first, last = min(days, default=date.min), max(days, default=date.min)
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return self.limit_yen * max(MONTHS, months)


def planned(owner: str, bills: Iterable[Bill]) -> tuple[PlannedCharge, ...]:
    """Name the charges of bills, so that a verdict can say which one it is about."""
    charges = []
    for bill in bills:
        if bill.charge_yen:
            what = bill.purpose.value if bill.cycle is None else f"{bill.cycle:04d}"
            charges.append(PlannedCharge(f"{owner}/{what}", bill.on, bill.charge_yen))
    return tuple(charges)


def cap_outlook(
    view: Situation, *, before: Sequence[PlannedCharge], after: Sequence[PlannedCharge]
) -> CapOutlook:
    """Plan both futures under the cap; raises as `plan_charges` does."""
    shared = (*view.sharing, *view.open_charges)
    return CapOutlook(
        limit_yen=view.cap.limit_yen,
        rule=view.cap.rule,
        before=_rows(view.cap, (*shared, *before)),
        after=_rows(view.cap, (*shared, *after)),
    )


def _rows(cap: CapRoom, charges: Sequence[PlannedCharge]) -> tuple[CapRow, ...]:
    # The order of a day must not depend on who asks: it is that of the charges' names.
    ordered = sorted(charges, key=lambda charge: (charge.on, charge.id))
    verdicts = plan_charges(
        limit_yen=cap.limit_yen,
        used_yen_by_month=dict(cap.used),
        rule=cap.rule,
        charges=ordered,
    )
    return tuple(
        CapRow(charge, verdict.verdict, verdict.parts)
        for charge, verdict in zip(ordered, verdicts, strict=True)
    )


def _gravest(rows: Iterable[CapRow]) -> Verdict:
    return max((row.verdict for row in rows), key=_SEVERITY.index, default=Verdict.OK)


def _due_yen(rows: Iterable[CapRow]) -> int:
    return sum(row.charge.amount_yen for row in rows)


def _blocked_yen(rows: Iterable[CapRow]) -> int:
    return sum(row.charge.amount_yen for row in rows if row.verdict in _BLOCKED)

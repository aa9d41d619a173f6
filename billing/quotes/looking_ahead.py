"""Twelve months as things stand, each bill beside what the monthly cap makes of its charge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing.cap.plan import CapPart, Verdict
from billing.quotes.bills import Bill
from billing.quotes.cap import CapRow, cap_outlook, planned
from billing.quotes.projecting import projected, year_after
from billing.quotes.values import Situation
from plans.lifecycle import Policy

__all__ = ["BillAhead", "bills_ahead", "under_cap"]

_DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class BillAhead:
    """A bill to come; `parts` say on which days the cap lets it be charged."""

    bill: Bill
    verdict: Verdict
    parts: tuple[CapPart, ...]


def bills_ahead(
    situation: Situation, *, on: date, policy: Policy = _DEFAULT_POLICY
) -> tuple[BillAhead, ...]:
    """List the charges of the twelve months from `on`, waiting changes counted in.

    What is invoiced already is no bill to come; under the cap it goes first.
    """
    was = situation.subscription
    if was is None:
        return ()
    bills = [
        bill
        for bill in projected(
            situation, situation.account, was, on=on, until=year_after(on), policy=policy
        )
        if bill.cycle is None or bill.cycle != situation.invoiced_cycle
    ]
    charges = planned(was.id, bills)
    return under_cap(was.id, bills, cap_outlook(situation, before=(), after=charges).after)


def under_cap(
    subscription_id: str, bills: Iterable[Bill], rows: Sequence[CapRow]
) -> tuple[BillAhead, ...]:
    """Put the bills of a subscription that charge something beside their verdicts."""
    found = {(row.charge.id, row.charge.on): row for row in rows}
    ahead = []
    for bill in bills:
        for charge in planned(subscription_id, (bill,)):
            row = found[charge.id, charge.on]
            ahead.append(BillAhead(bill, row.verdict, row.parts))
    return tuple(ahead)

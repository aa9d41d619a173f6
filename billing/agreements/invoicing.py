"""Bills as invoices: lines, tax per rate, journals, and the slot that a charge pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from billing.books import ledger
from billing.dates import charge_instant, civil_date
from billing.quotes.bills import Bill, BillPurpose
from billing.store.merchants import Merchant
from billing.store.rows import Row, insert_many, insert_returning_ids, table_of
from billing.tables import InvoiceLineRow, InvoiceRow, InvoiceTaxRow, SlotRow
from plans import Period
from plans.lifecycle import Subscription, cycle_days

__all__ = ["Invoiced", "write_bills"]

_RENEWAL = BillPurpose.RENEWAL.value


@dataclass(frozen=True, slots=True)
class Invoiced:
    """A bill that was written: its invoice, and the slot that a charge pays, if there is one."""

    bill: Bill
    invoice_id: int
    number: str
    slot_id: int | None


@dataclass(frozen=True, slots=True)
class _Named:
    """A bill with the identity that makes it unique for ever."""

    bill: Bill
    cycle: int
    purpose: str
    number: str


def write_bills(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    subscription: Subscription,
    bills: Sequence[Bill],
    *,
    at: datetime,
    price_id: int,
    declined: int,
    written: Sequence[Bill] = (),
    lapsed_credit_yen: int = 0,
) -> list[Invoiced]:
    """Write the invoices of bills, their journals, and a slot for each that takes money.

    `subscription` is the agreement after what caused the bills; its sequence names them,
    with the number of changes that were `declined` before: what was declined never happened, so
    the sequence alone would come again. `price_id` is the row of its price.
    `written` are bills of the same events that have their invoices already.
    `lapsed_credit_yen` of open credit are lost with the last of them. A slot is due at the hour
    of charges of its bill's date, or at once when that has passed.
    """
    every = (*written, *bills)
    indexes = range(len(written), len(every))
    named = [_named(row, subscription, every, index, declined) for index in indexes]
    on = civil_date(at=at, timezone=merchant.timezone)
    days = _days(subscription)
    invoice_rows = [_invoice_row(merchant, row, each, on, days, price_id) for each in named]
    ids = insert_returning_ids(connection, table_of(InvoiceRow), invoice_rows)
    pairs = list(zip(named, ids, strict=True))
    insert_many(connection, table_of(InvoiceLineRow), [r for n, i in pairs for r in _lines(n, i)])
    insert_many(connection, table_of(InvoiceTaxRow), [r for n, i in pairs for r in _taxes(n, i)])
    slot_ids = _write_slots(connection, merchant, row, pairs, at)
    journals = [j for n, i in pairs for j in _journals(merchant, n, i, on)]
    if lapsed_credit_yen:
        journals.append(_lapsed(merchant, *pairs[-1], on, lapsed_credit_yen))
    ledger.book(connection, journals)
    return [
        Invoiced(each.bill, invoice_id, each.number, slot_ids.get(invoice_id))
        for each, invoice_id in pairs
    ]


def _named(
    row: Row, subscription: Subscription, bills: Sequence[Bill], index: int, declined: int
) -> _Named:
    """Give a bill its number: the cycle's own for a renewal, else one by the event's sequence."""
    bill = bills[index]
    if bill.cycle is not None:
        return _Named(bill, bill.cycle, _RENEWAL, f"{row['external_id']}-{bill.cycle:04d}")
    same = sum(1 for other in bills[:index] if other.purpose is bill.purpose)
    purpose = f"{bill.purpose.value}-{subscription.sequence}"
    purpose += (f".{declined}" if declined else "") + (f"-{same + 1}" if same else "")
    cycle = max(0, subscription.next_cycle - 1)
    return _Named(bill, cycle, purpose, f"{row['external_id']}-{cycle:04d}-{purpose}")


def _days(subscription: Subscription) -> Period:
    """Give the days an invoice beside the cycles is about: those of the running period."""
    return subscription.period or cycle_days(subscription, subscription.next_cycle)


def _invoice_row(
    merchant: Merchant, row: Row, named: _Named, on: date, running: Period, price_id: int
) -> dict[str, Any]:
    bill = named.bill
    plan_line = next((line.period for line in bill.lines if line.period is not None), running)
    days = plan_line if bill.cycle is not None else running
    return {
        "merchant_id": merchant.id,
        "subscription_id": row["id"],
        "cycle": named.cycle,
        "purpose": named.purpose,
        "number": named.number,
        "state": "open" if bill.charge_yen else "paid",
        "issued_on": on,
        "period_start": days.start,
        "period_end": days.end,
        "total_yen": bill.total_yen,
        "paid_yen": 0,
        "offset_yen": bill.total_yen - bill.charge_yen,
        "price_id": price_id,
    }


def _lines(named: _Named, invoice_id: int) -> list[dict[str, Any]]:
    return [
        {
            "invoice_id": invoice_id,
            "position": position,
            "kind": line.kind,
            "description_ja": line.text_ja,
            "description_en": line.text_en,
            "quantity": line.quantity,
            "unit_yen": line.amount_yen // line.quantity,
            "amount_yen": line.amount_yen,
            "tax_category": line.tax_category.value,
        }
        for position, line in enumerate(named.bill.lines, start=1)
    ]


def _taxes(named: _Named, invoice_id: int) -> list[dict[str, Any]]:
    tax = named.bill.tax
    return [
        {
            "invoice_id": invoice_id,
            "tax_category": rate.category.value,
            "rate_percent": str(rate.rate_percent),
            "gross_yen": rate.gross_yen,
            "tax_yen": rate.tax_yen,
            "net_yen": rate.net_yen,
        }
        for rate in (() if tax is None else tax.rates)
    ]


def _write_slots(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    pairs: Sequence[tuple[_Named, int]],
    at: datetime,
) -> dict[int, int]:
    to_pay = [(named, invoice_id) for named, invoice_id in pairs if named.bill.charge_yen]
    rows = [_slot_row(merchant, row, named, invoice_id, at) for named, invoice_id in to_pay]
    ids = insert_returning_ids(connection, table_of(SlotRow), rows)
    return dict(zip([invoice_id for _, invoice_id in to_pay], ids, strict=True))


def _slot_row(
    merchant: Merchant, row: Row, named: _Named, invoice_id: int, at: datetime
) -> dict[str, Any]:
    morning = charge_instant(
        on=named.bill.on, timezone=merchant.timezone, hour=merchant.charge_hour
    )
    # A renewal keeps the hour of charges; what somebody confirms now is charged now.
    due_at = morning if named.bill.cycle is not None else at
    return {
        "merchant_id": merchant.id,
        "subscription_id": row["id"],
        "invoice_id": invoice_id,
        "permission_id": row["permission_id"],
        "cycle": named.cycle,
        "purpose": named.purpose,
        "part": 1,
        "reference": f"{named.number}-{_RENEWAL}" if named.purpose == _RENEWAL else named.number,
        "amount_yen": named.bill.charge_yen,
        "state": "due",
        "first_due_at": due_at,
        "due_at": due_at,
        "attempts": 0,
        "declines": 0,
        "cap_moves": 0,
    }


def _journals(merchant: Merchant, named: _Named, invoice_id: int, on: date) -> list[ledger.Journal]:
    bill, journals = named.bill, []
    if bill.tax is not None and bill.tax.rates:
        journals.append(
            ledger.invoice_issued(
                merchant_id=merchant.id,
                invoice_id=invoice_id,
                number=named.number,
                on=on,
                taxes=[(str(r.category), r.net_yen, r.tax_yen) for r in bill.tax.rates],
            )
        )
    if bill.credit_used_yen or bill.credit_yen or bill.refund_yen:
        journals.append(
            ledger.invoice_offset(
                merchant_id=merchant.id,
                invoice_id=invoice_id,
                number=named.number,
                on=on,
                credit_used_yen=bill.credit_used_yen,
                credit_yen=bill.credit_yen,
                refund_yen=bill.refund_yen,
            )
        )
    if bill.credit_refund_yen:
        journals.append(
            ledger.credit_ended(
                merchant_id=merchant.id,
                invoice_id=invoice_id,
                number=named.number,
                on=on,
                refund_yen=bill.credit_refund_yen,
                forfeited_yen=0,
            )
        )
    return journals


def _lapsed(
    merchant: Merchant, named: _Named, invoice_id: int, on: date, yen: int
) -> ledger.Journal:
    return ledger.credit_ended(
        merchant_id=merchant.id,
        invoice_id=invoice_id,
        number=f"{named.number}/lapsed",
        on=on,
        refund_yen=0,
        forfeited_yen=yen,
    )

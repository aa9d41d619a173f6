"""Invoices that will not be paid: off the books of the customer, their slots closed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from billing.books import ledger
from billing.dates import civil_date
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of, update_many
from billing.tables import InvoiceRow, InvoiceTaxRow, SlotRow

slots = table_of(SlotRow)
invoices = table_of(InvoiceRow)
invoice_taxes = table_of(InvoiceTaxRow)

_Taxes = Mapping[int, Sequence[tuple[str, int, int]]]


def write_off(
    connection: Connection,
    merchant: Merchant,
    unpaid: Sequence[Row],
    *,
    reason: str,
    at: datetime,
) -> None:
    """Give up the open rest of invoices; slots that still wait are closed for `reason`."""
    if not unpaid:
        return
    ids = [invoice["id"] for invoice in unpaid]
    taxes = _taxes(connection, ids)
    ledger.book(connection, [_journal(merchant, invoice, taxes, at) for invoice in unpaid])
    update_many(connection, invoices, [{"id": key, "state": "uncollectible"} for key in ids])
    connection.execute(
        update(slots)
        .where(slots.c.invoice_id.in_(ids), slots.c.state.in_(("due", "waiting_buyer")))
        .values(state="uncollectible", reason=reason)
    )


def _taxes(connection: Connection, invoice_ids: Sequence[int]) -> _Taxes:
    statement = select(invoice_taxes).where(invoice_taxes.c.invoice_id.in_(invoice_ids))
    taxes: dict[int, list[tuple[str, int, int]]] = {}
    for row in fetch(connection, statement):
        taxes.setdefault(row["invoice_id"], []).append(
            (row["tax_category"], row["net_yen"], row["tax_yen"])
        )
    return taxes


def _journal(merchant: Merchant, invoice: Row, taxes: _Taxes, at: datetime) -> ledger.Journal:
    return ledger.invoice_written_off(
        merchant_id=merchant.id,
        invoice_id=invoice["id"],
        number=invoice["number"],
        on=civil_date(at=at, timezone=merchant.timezone),
        open_yen=invoice["total_yen"] - invoice["offset_yen"] - invoice["paid_yen"],
        taxes=taxes[invoice["id"]],
    )

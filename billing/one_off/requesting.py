"""Requests a one-off: invoice, tax, journal and slot in one transaction, by the caller's reference.

The slot then goes the way of every due slot: intend, send, record. Nothing is sent here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from billing.agreements.changing import locked_subscription
from billing.books import ledger
from billing.dates import civil_date
from billing.one_off.order import OneOff, words_of
from billing.one_off.preview import preview_one_off, taxed
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of
from billing.store.subscriptions import load_subscription
from billing.tables import AttemptRow, InvoiceLineRow, InvoiceRow, InvoiceTaxRow, SlotRow
from billing.tax import TaxBreakdown
from plans import BadInput

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
invoices = table_of(InvoiceRow)
lines = table_of(InvoiceLineRow)

# One-offs belong to no cycle. It is the same number for ever: the key of a charge that is asked
# for again a month later, or on books from a backup, must be the key it had.
NO_CYCLE = 0
LINE_KIND = "one_off"


@dataclass(frozen=True, slots=True)
class OneOffCharge:
    """How a one-off stands. `state` is its slot's: due, open (no definite answer yet), paid,
    refused (called off, nothing is owed), quarantined; `repeated` when it was known before."""

    subscription_id: str
    reference: str
    slot_id: int
    invoice: str
    amount_yen: int
    state: str
    reason: str | None
    charge_id: str | None
    repeated: bool = False

    @property
    def is_paid(self) -> bool:
        """Amazon has taken the money."""
        return self.state == "paid"

    @property
    def is_off(self) -> bool:
        """Nothing was charged and nothing will be; another reference may be tried."""
        return self.state in ("refused", "uncollectible")


def request_one_off(
    connection: Connection,
    merchant: Merchant,
    *,
    order: OneOff,
    actor: str,
    reason: str,
    at: datetime,
) -> OneOffCharge:
    """Make a one-off due now; the same order again is the same charge, however it stands.

    Give its `slot_id` to `BillingEngine.charge_now`. Raises `BadInput` when nothing can be charged
    (the brake, the agreement, the permission, the cap), without `actor` or `reason`, and for a
    reference that was used for something else.
    """
    _check_words(actor=actor, reason=reason)
    owner = load_subscription(connection, merchant, subscription_id=order.subscription_id)
    row = locked_subscription(connection, owner["id"])
    known = one_off_charge(connection, merchant, order=order)
    if known is not None:
        return known
    preview = preview_one_off(connection, merchant, order=order, at=at)
    if preview.refused is not None:
        raise preview.refused
    _write(connection, merchant, row, order, at)
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind="one_off_requested",
        actor=actor,
        reason=reason,
        at=at,
        detail=facts_text({"reference": order.number, "amount_yen": order.total_yen}),
    )
    made = one_off_charge(connection, merchant, order=order)
    if made is None:
        raise AssertionError(f"one-off {order.number} was written and is not there")
    return replace(made, repeated=False)


def one_off_charge(
    connection: Connection, merchant: Merchant, *, order: OneOff
) -> OneOffCharge | None:
    """The charge of a reference as it stands, None when it was never asked for.

    Raises `BadInput` when the reference was used for something else.
    """
    statement = select(slots).join(invoices, invoices.c.id == slots.c.invoice_id)
    mine = (invoices.c.merchant_id == merchant.id, invoices.c.number == order.number)
    found = fetch(connection, statement.where(*mine))
    if not found:
        return None
    row = found[0]
    _check_same(connection, order, row["invoice_id"])
    captured = select(attempts.c.charge_id).where(attempts.c.slot_id == row["id"])
    charge_id = connection.execute(captured.order_by(attempts.c.number.desc())).scalar()
    return OneOffCharge(
        subscription_id=order.subscription_id,
        reference=order.reference,
        slot_id=row["id"],
        invoice=order.number,
        amount_yen=row["amount_yen"],
        state=row["state"],
        reason=row["reason"],
        charge_id=charge_id,
        repeated=True,
    )


def _check_words(*, actor: str, reason: str) -> None:
    for field, text in (("by", actor), ("reason", reason)):
        if not text.strip():
            raise BadInput(
                field=field,
                value=text,
                rule="who charges a customer says who it is and why",
                remedy="give a text that is not empty",
            )


def _check_same(connection: Connection, order: OneOff, invoice_id: int) -> None:
    statement = select(lines).where(lines.c.invoice_id == invoice_id).order_by(lines.c.position)
    stored = tuple(
        (
            row["description_ja"],
            row["description_en"],
            row["quantity"],
            row["unit_yen"],
            row["tax_category"],
        )
        for row in fetch(connection, statement)
    )
    if stored != words_of(order.items):
        told = ", ".join(f"{quantity} × {unit} yen" for _, _, quantity, unit, _ in stored)
        raise BadInput(
            field="reference",
            value=order.reference,
            rule=f"a reference stands for one charge, and this one is {told}",
            remedy="use another reference for another charge",
        )


def _write(
    connection: Connection, merchant: Merchant, row: Row, order: OneOff, at: datetime
) -> None:
    on = civil_date(at=at, timezone=merchant.timezone)
    tax = taxed(merchant, order, at=at)
    (invoice_id,) = insert_returning_ids(
        connection, invoices, [_invoice_row(merchant, row, order, on)]
    )
    insert_many(connection, lines, _line_rows(order, invoice_id))
    insert_many(connection, table_of(InvoiceTaxRow), _tax_rows(tax, invoice_id))
    insert_many(connection, slots, [_slot_row(merchant, row, order, invoice_id, at)])
    journal = ledger.invoice_issued(
        merchant_id=merchant.id,
        invoice_id=invoice_id,
        number=order.number,
        on=on,
        taxes=[(str(r.category), r.net_yen, r.tax_yen) for r in tax.rates],
    )
    ledger.book(connection, [journal])


def _invoice_row(merchant: Merchant, row: Row, order: OneOff, on: date) -> dict[str, Any]:
    return {
        "merchant_id": merchant.id,
        "subscription_id": row["id"],
        "cycle": NO_CYCLE,
        "purpose": order.purpose,
        "number": order.number,
        "state": "open",
        "issued_on": on,
        "period_start": on,
        "period_end": on + timedelta(days=1),
        "total_yen": order.total_yen,
        "paid_yen": 0,
        "offset_yen": 0,
        "price_id": row["price_id"],
    }


def _line_rows(order: OneOff, invoice_id: int) -> list[dict[str, Any]]:
    return [
        {
            "invoice_id": invoice_id,
            "position": position,
            "kind": LINE_KIND,
            "description_ja": item.description_ja,
            "description_en": item.description_en,
            "quantity": item.quantity,
            "unit_yen": item.unit_yen,
            "amount_yen": item.amount_yen,
            "tax_category": item.tax_category.value,
        }
        for position, item in enumerate(order.items, start=1)
    ]


def _tax_rows(tax: TaxBreakdown, invoice_id: int) -> Sequence[dict[str, Any]]:
    return [
        {
            "invoice_id": invoice_id,
            "tax_category": str(rate.category),
            "rate_percent": str(rate.rate_percent),
            "gross_yen": rate.gross_yen,
            "tax_yen": rate.tax_yen,
            "net_yen": rate.net_yen,
        }
        for rate in tax.rates
    ]


def _slot_row(
    merchant: Merchant, row: Row, order: OneOff, invoice_id: int, at: datetime
) -> dict[str, Any]:
    return {
        "merchant_id": merchant.id,
        "subscription_id": row["id"],
        "invoice_id": invoice_id,
        "permission_id": row["permission_id"],
        "cycle": NO_CYCLE,
        "purpose": order.purpose,
        "part": 1,
        "reference": order.number,
        "amount_yen": order.total_yen,
        "state": "due",
        "first_due_at": at,
        "due_at": at,
        "attempts": 0,
        "declines": 0,
        "cap_moves": 0,
    }

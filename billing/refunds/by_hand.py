"""Money given back past Amazon: by a bank transfer, because Amazon does not make the refund.

It counts as given back like a refund of Amazon's, so nothing gives it back again. Only charges
without a refund under way are paid by hand: what Amazon may still make would be paid twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from billing.books import ledger
from billing.dates import civil_date
from billing.refunds.refundable import RefundableCharge
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import fetch, insert_many, table_of
from billing.tables import RefundByHandRow, RefundRow
from plans import BadInput

refunds = table_of(RefundRow)
paid_by_hand = table_of(RefundByHandRow)

LONGEST_BANK_REFERENCE = 64
STILL_OPEN = ("intended", "in_doubt", "pending", "quarantined")
# Amazon makes a refund within days; what takes a month needs its support, and a person.
LATE_AFTER = timedelta(days=30)
GIVEN_UP = "GivenUp"
"""Reason code of a refund that a person gave up waiting for."""

EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class PaidByHand:
    """What the bank calls the transfer, and the day on which it was made."""

    bank_reference: str
    paid_on: date


def check_by_hand(paid: PaidByHand, *, today: date) -> None:
    """Raise `BadInput` for a transfer without a reference, or one that is still to come."""
    reference = paid.bank_reference
    if not reference.strip() or len(reference) > LONGEST_BANK_REFERENCE:
        raise BadInput(
            field="bank_reference",
            value=reference,
            rule=f"names the transfer in 1 to {LONGEST_BANK_REFERENCE} characters",
            remedy="give the number that the bank's statement shows",
        )
    if not EARLIEST <= paid.paid_on <= today:
        raise BadInput(
            field="paid_on",
            value=paid.paid_on.isoformat(),
            rule=f"a transfer is booked once it was made, by {today} at most",
            remedy="give the day of the transfer",
        )


def end_late_refund(
    connection: Connection,
    merchant: Merchant,
    *,
    reference: str,
    actor: str,
    reason: str,
    at: datetime,
) -> int | None:
    """Give up a refund that Amazon works on for too long, so that it can be paid by hand.

    Returns its yen; None when `reference` is no refund, or one that has ended. Should Amazon make
    it after all, a person is told. Raises `BadInput` for one that is not late, or is in doubt.
    """
    mine = refunds.c.merchant_id == merchant.id, refunds.c.reference == reference
    found = fetch(connection, select(refunds).where(*mine).with_for_update())
    if not found or found[0]["state"] not in STILL_OPEN:
        return None
    row = found[0]
    late_from = row["requested_at"] + LATE_AFTER
    if row["state"] != "pending" or at < late_from:
        until = f"until {late_from.date()}" if row["state"] == "pending" else "or is in doubt"
        raise BadInput(
            field="reference",
            value=reference,
            rule=f"it is {row['state']}: Amazon may still make it, {until}",
            remedy="wait for it; one in doubt is ended first with: autopay doubt resolve",
        )
    ended = {"state": "declined", "reason_code": GIVEN_UP, "answered_at": at, "worker_id": None}
    ended["detail"] = f"{actor}: {reason}"
    connection.execute(update(refunds).where(refunds.c.id == row["id"]).values(ended))
    return int(row["amount_yen"])


def past_amazons_count(charges: Sequence[RefundableCharge]) -> list[RefundableCharge]:
    """The charges without Amazon's limit on the number of refunds, which binds no bank."""
    return [replace(charge, most_refunds=charge.refunds + 1) for charge in charges]


def book_by_hand(
    connection: Connection,
    merchant: Merchant,
    paid: PaidByHand,
    rows: Sequence[tuple[dict[str, Any], int]],
    *,
    at: datetime,
) -> None:
    """Write how refunds were paid, with their journals; `rows` are refunds with invoice ids."""
    references = [row["reference"] for row, _ in rows]
    statement = select(refunds.c.reference, refunds.c.id).where(
        refunds.c.merchant_id == merchant.id, refunds.c.reference.in_(references)
    )
    ids: dict[str, int] = dict(connection.execute(statement).all())
    how = {
        "merchant_id": merchant.id,
        "bank_reference": paid.bank_reference,
        "paid_on": paid.paid_on,
        "booked_at": at,
    }
    insert_many(
        connection, paid_by_hand, [{"refund_row_id": ids[name]} | how for name in references]
    )
    on = civil_date(at=at, timezone=merchant.timezone)
    journals = [
        ledger.refund_paid_by_hand(
            merchant_id=merchant.id,
            invoice_id=invoice_id,
            reference=row["reference"],
            on=on,
            amount_yen=row["amount_yen"],
        )
        for row, invoice_id in rows
    ]
    ledger.book(connection, journals)
    for row, _ in rows:
        facts = {"reference": row["reference"], "amount_yen": row["amount_yen"]}
        facts |= {"bank_reference": paid.bank_reference, "paid_on": paid.paid_on.isoformat()}
        write_audit_event(
            connection,
            merchant_id=merchant.id,
            kind="refund_paid_by_hand",
            actor=row["actor"],
            reason=row["reason"],
            at=at,
            detail=facts_text(facts),
        )

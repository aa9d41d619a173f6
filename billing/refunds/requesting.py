"""Requests refunds: in one transaction, an amount becomes refunds with key, bytes and held room.

This is the intent of the protocol: after the commit a crash anywhere leaves refunds whose very
bytes and keys can be sent again. A request has an id of its caller's; the same request again is
the same refunds and moves no money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from amazonpay import CreateRefund
from billing.books import ledger
from billing.dates import civil_date
from billing.protocol.idempotency import idempotency_key
from billing.refunds.by_hand import (
    PaidByHand,
    book_by_hand,
    check_by_hand,
    past_amazons_count,
)
from billing.refunds.refundable import (
    RefundableCharge,
    refundable_charges,
    spread_refund,
)
from billing.refunds.returned_tax import (
    TaxPart,
    split_by_rate,
    taxes_from_json,
    taxes_to_json,
)
from billing.refunds.stored import StoredRefund, refunds_of_request
from billing.store.merchants import Merchant
from billing.store.rows import fetch, insert_many, table_of
from billing.tables import AttemptRow, InvoiceTaxRow, RefundRow, SlotRow
from plans import BadInput

refunds = table_of(RefundRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
invoice_taxes = table_of(InvoiceTaxRow)

LONGEST_REQUEST_ID = 64


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What was asked for: its refunds, newest charge first; `repeated` when it was known before."""

    request_id: str
    amount_yen: int
    refunds: tuple[StoredRefund, ...]
    repeated: bool


def request_refund(
    connection: Connection,
    merchant: Merchant,
    *,
    request_id: str,
    amount_yen: int | None,
    reason: str,
    actor: str,
    at: datetime,
    charge_id: str | None = None,
    subscription_id: str | None = None,
    owed_already: bool = False,
    by_hand: PaidByHand | None = None,
) -> RefundRequest:
    """Owe `amount_yen` back (None: all there is), of one charge or of a subscription's charges.

    Nothing is sent here; the refunds are due at once. Without `owed_already` sales and tax are
    reversed and the debt goes to `refund_payable`; with it the caller has booked the debt there
    in this transaction, with documents of its own. Amazon never gives cap room back for it.
    With `by_hand` the money has gone back by a bank: it is booked as given back at once, and never
    goes to Amazon, however many refunds Amazon makes of a charge.
    Raises `BadInput`: for an amount above what can be given back (it says how much that is), a
    request id used for something else, or what was never captured.
    """
    _check_words(request_id=request_id, reason=reason, actor=actor)
    charges = refundable_charges(
        connection, merchant, charge_id=charge_id, subscription_id=subscription_id, lock=True
    )
    known = refunds_of_request(connection, merchant, request_id=request_id)
    if known:
        return _repeated(request_id, amount_yen, known, charges)
    owed = _Owed(request_id, reason, actor, at, "agreement" if owed_already else "desk")
    if by_hand is None:
        _write(connection, merchant, owed, spread_refund(amount_yen, charges))
    else:
        check_by_hand(by_hand, today=civil_date(at=at, timezone=merchant.timezone))
        parts = spread_refund(amount_yen, past_amazons_count(charges))
        _write(connection, merchant, owed, parts, by_hand)
    made = refunds_of_request(connection, merchant, request_id=request_id)
    return RefundRequest(request_id, sum(r.amount_yen for r in made), tuple(made), repeated=False)


@dataclass(frozen=True, slots=True)
class _Owed:
    """Who owes what back, for which reason."""

    request_id: str
    reason: str
    actor: str
    at: datetime
    origin: str


def _check_words(*, request_id: str, reason: str, actor: str) -> None:
    for field, text in (("request_id", request_id), ("reason", reason), ("actor", actor)):
        if not text.strip():
            raise BadInput(
                field=field,
                value=text,
                rule="a refund says who asks for it, why, and under which id",
                remedy="give a text that is not empty",
            )
    if len(request_id) > LONGEST_REQUEST_ID:
        raise BadInput(
            field="request_id",
            value=request_id,
            rule=f"a request id has at most {LONGEST_REQUEST_ID} characters",
            remedy="shorten it",
        )


def _repeated(
    request_id: str,
    amount_yen: int | None,
    known: Sequence[StoredRefund],
    charges: Sequence[RefundableCharge],
) -> RefundRequest:
    """The request as it was made; raises `BadInput` when it was made for something else."""
    total = sum(refund.amount_yen for refund in known)
    theirs = {charge.charge_id for charge in charges}
    if amount_yen not in (None, total) or not theirs.issuperset(r.charge_id for r in known):
        told = ", ".join(f"{r.amount_yen} yen of {r.charge_id}" for r in known)
        raise BadInput(
            field="request_id",
            value=request_id,
            rule=f"a request id stands for one request, and this one was for {told}",
            remedy="use another id for another refund",
        )
    return RefundRequest(request_id, total, tuple(known), repeated=True)


def _write(
    connection: Connection,
    merchant: Merchant,
    owed: _Owed,
    parts: Sequence[tuple[RefundableCharge, int]],
    by_hand: PaidByHand | None = None,
) -> None:
    invoice_ids = {charge.invoice_id for charge, _ in parts}
    invoiced = _invoiced(connection, invoice_ids)
    returned = _returned(connection, invoice_ids)
    rows: list[dict[str, Any]] = []
    journals: list[ledger.Journal] = []
    for part, (charge, amount_yen) in enumerate(parts, start=1):
        before_yen = amount_yen if owed.origin == "agreement" else min(amount_yen, charge.owed_yen)
        mine = returned.setdefault(charge.invoice_id, {})
        taxes = split_by_rate(
            amount_yen - before_yen, invoiced=invoiced[charge.invoice_id], returned=mine
        )
        for tax in taxes:
            mine[tax.tax_category] = mine.get(tax.tax_category, 0) + tax.gross_yen
        row = _row(merchant, owed, charge, part, amount_yen, before_yen, taxes)
        if by_hand is not None:
            row |= {"state": "by_hand", "answered_at": owed.at}
        rows.append(row)
        if taxes:
            journals.append(_journal(merchant, owed, charge, row["reference"], taxes))
    insert_many(connection, refunds, rows)
    ledger.book(connection, journals)
    if by_hand is not None:
        paid = [(row, charge.invoice_id) for row, (charge, _) in zip(rows, parts, strict=True)]
        book_by_hand(connection, merchant, by_hand, paid, at=owed.at)


def _row(
    merchant: Merchant,
    owed: _Owed,
    charge: RefundableCharge,
    part: int,
    amount_yen: int,
    before_yen: int,
    taxes: Sequence[TaxPart],
) -> dict[str, Any]:
    number = charge.refunds + 1
    key = idempotency_key(
        merchant=merchant.id,
        environment=merchant.environment,
        subscription=charge.subscription,
        cycle=charge.cycle,
        # No slot has such a purpose, so no charge can ever share a refund's key.
        purpose=f"{charge.purpose}/refund-{number}",
        attempt=charge.attempt,
    )
    return {
        "merchant_id": merchant.id,
        "attempt_id": charge.attempt_id,
        "request_id": owed.request_id,
        "part": part,
        "number": number,
        "reference": f"{charge.reference}/refund-{number}",
        "idempotency_key": key,
        "body": refund_body(charge_id=charge.charge_id, amount_yen=amount_yen),
        "origin": owed.origin,
        "amount_yen": amount_yen,
        "owed_before_yen": before_yen,
        "taxes": taxes_to_json(taxes),
        "state": "intended",
        "reason": owed.reason,
        "actor": owed.actor,
        "requested_at": owed.at,
        "look_at": owed.at,
        "sends": 0,
    }


def refund_body(*, charge_id: str, amount_yen: int) -> bytes:
    """The frozen Create Refund body: no clock, no random, no free text in it."""
    return CreateRefund(charge_id=charge_id, amount_yen=amount_yen).to_bytes()


def _journal(
    merchant: Merchant,
    owed: _Owed,
    charge: RefundableCharge,
    reference: str,
    taxes: Sequence[TaxPart],
) -> ledger.Journal:
    return ledger.refund_owed(
        merchant_id=merchant.id,
        invoice_id=charge.invoice_id,
        reference=reference,
        on=civil_date(at=owed.at, timezone=merchant.timezone),
        taxes=[(tax.tax_category, tax.net_yen, tax.tax_yen) for tax in taxes],
    )


def _invoiced(connection: Connection, invoice_ids: set[int]) -> dict[int, list[TaxPart]]:
    statement = (
        select(invoice_taxes)
        .where(invoice_taxes.c.invoice_id.in_(invoice_ids))
        .order_by(invoice_taxes.c.invoice_id, invoice_taxes.c.tax_category)
    )
    found: dict[int, list[TaxPart]] = {}
    for row in fetch(connection, statement):
        part = TaxPart(
            tax_category=row["tax_category"],
            rate_percent=row["rate_percent"],
            gross_yen=row["gross_yen"],
            tax_yen=row["tax_yen"],
        )
        found.setdefault(row["invoice_id"], []).append(part)
    return found


def _returned(connection: Connection, invoice_ids: set[int]) -> dict[int, dict[str, int]]:
    """Gross yen per invoice and category that refunds reversed, whatever became of the refunds."""
    statement = (
        select(slots.c.invoice_id, refunds.c.taxes)
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(slots.c.invoice_id.in_(invoice_ids))
    )
    returned: dict[int, dict[str, int]] = {}
    for invoice_id, taxes in connection.execute(statement):
        mine = returned.setdefault(invoice_id, {})
        for tax in taxes_from_json(taxes):
            mine[tax.tax_category] = mine.get(tax.tax_category, 0) + tax.gross_yen
    return returned

"""Double-entry journals of the engine: built as values, written in one go, never changed.

Debit is positive, credit negative; the postings of a journal sum to zero. Every journal has a
reference that is unique per merchant, so that nothing can be booked twice.

Accounts: `customer_receivable` (what a customer owes for an issued invoice),
`amazon_receivable` (captured, not yet settled by Amazon), `sales:<tax category>` (net),
`consumption_tax:<tax category>`, `write_off` (the unpaid rest of a partly paid invoice),
`customer_credit` (what we owe a customer for later invoices), `refund_payable` (what goes back
to the customer through Amazon), `forfeited_credit` (credit that lapsed by the merchant's rule),
`chargebacks` (captured money that banks or Amazon took back).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from billing.store.rows import insert_many, insert_returning_ids, table_of
from billing.tables import JournalRow, PostingRow

CUSTOMER_RECEIVABLE = "customer_receivable"
AMAZON_RECEIVABLE = "amazon_receivable"
WRITE_OFF = "write_off"
CUSTOMER_CREDIT = "customer_credit"
REFUND_PAYABLE = "refund_payable"
FORFEITED_CREDIT = "forfeited_credit"
BANK = "bank"
CHARGEBACKS = "chargebacks"


@dataclass(frozen=True, slots=True)
class Journal:
    """One business event in the books; `postings` maps an account to its signed yen."""

    merchant_id: str
    reference: str
    kind: str
    booked_on: date
    invoice_id: int
    postings: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        total = sum(amount for _, amount in self.postings)
        if total != 0:
            raise AssertionError(f"journal {self.reference} sums to {total} yen, not to 0")


def invoice_issued(
    *,
    merchant_id: str,
    invoice_id: int,
    number: str,
    on: date,
    taxes: Sequence[tuple[str, int, int]],
) -> Journal:
    """The customer owes an invoice; `taxes` holds (category, net yen, tax yen) per rate."""
    total = sum(net + tax for _, net, tax in taxes)
    return Journal(
        merchant_id=merchant_id,
        reference=f"{number}/issued",
        kind="invoice_issued",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros([(CUSTOMER_RECEIVABLE, total), *_income(taxes, sign=-1)]),
    )


def invoice_written_off(
    *,
    merchant_id: str,
    invoice_id: int,
    number: str,
    on: date,
    open_yen: int,
    taxes: Sequence[tuple[str, int, int]],
) -> Journal:
    """The unpaid rest of an invoice will not be paid.

    A wholly unpaid invoice is reversed per rate. Of a partly paid one the rest goes to
    `write_off`, because the paid part was supplied and taxed.
    """
    total = sum(net + tax for _, net, tax in taxes)
    reversed_income = _income(taxes, sign=1)
    other_side = reversed_income if open_yen == total else [(WRITE_OFF, open_yen)]
    return Journal(
        merchant_id=merchant_id,
        reference=f"{number}/written_off",
        kind="invoice_written_off",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros([(CUSTOMER_RECEIVABLE, -open_yen), *other_side]),
    )


def charge_captured(
    *, merchant_id: str, invoice_id: int, charge_id: str, on: date, amount_yen: int
) -> Journal:
    """Amazon took the money: it owes us what the customer owed before."""
    return Journal(
        merchant_id=merchant_id,
        reference=f"{charge_id}/captured",
        kind="charge_captured",
        booked_on=on,
        invoice_id=invoice_id,
        postings=((AMAZON_RECEIVABLE, amount_yen), (CUSTOMER_RECEIVABLE, -amount_yen)),
    )


def invoice_offset(
    *,
    merchant_id: str,
    invoice_id: int,
    number: str,
    on: date,
    credit_used_yen: int,
    credit_yen: int,
    refund_yen: int,
) -> Journal:
    """A part of an invoice is settled without a charge.

    Open credit pays `credit_used_yen` of it; of a sum below 0, `credit_yen` are kept for later
    invoices and `refund_yen` are to be paid back.
    """
    kept = credit_used_yen - credit_yen
    return Journal(
        merchant_id=merchant_id,
        reference=f"{number}/offset",
        kind="invoice_offset",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros(
            [
                (CUSTOMER_RECEIVABLE, refund_yen - kept),
                (CUSTOMER_CREDIT, kept),
                (REFUND_PAYABLE, -refund_yen),
            ]
        ),
    )


def credit_ended(
    *,
    merchant_id: str,
    invoice_id: int,
    number: str,
    on: date,
    refund_yen: int,
    forfeited_yen: int,
) -> Journal:
    """Open credit that no later invoice can use is paid back, or lapses."""
    return Journal(
        merchant_id=merchant_id,
        reference=f"{number}/credit_ended",
        kind="credit_ended",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros(
            [
                (CUSTOMER_CREDIT, refund_yen + forfeited_yen),
                (REFUND_PAYABLE, -refund_yen),
                (FORFEITED_CREDIT, -forfeited_yen),
            ]
        ),
    )


def invoice_voided(
    *,
    merchant_id: str,
    invoice_id: int,
    number: str,
    on: date,
    credit_used_yen: int,
    taxes: Sequence[tuple[str, int, int]],
) -> Journal:
    """An invoice of which nothing was paid is taken back; credit it had used is open again."""
    total = sum(net + tax for _, net, tax in taxes)
    return Journal(
        merchant_id=merchant_id,
        reference=f"{number}/voided",
        kind="invoice_voided",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros(
            [
                (CUSTOMER_RECEIVABLE, credit_used_yen - total),
                (CUSTOMER_CREDIT, -credit_used_yen),
                *_income(taxes, sign=1),
            ]
        ),
    )


def _income(taxes: Sequence[tuple[str, int, int]], *, sign: int) -> list[tuple[str, int]]:
    sales = [(f"sales:{category}", sign * net) for category, net, _ in taxes]
    tax = [(f"consumption_tax:{category}", sign * tax) for category, _, tax in taxes]
    return sales + tax


def _without_zeros(postings: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple((account, amount) for account, amount in postings if amount != 0)


def book(connection: Connection, journals: Sequence[Journal]) -> None:
    """Write journals with their postings; a reference already booked raises IntegrityError."""
    rows: list[dict[str, Any]] = [
        {
            "merchant_id": journal.merchant_id,
            "reference": journal.reference,
            "kind": journal.kind,
            "booked_on": journal.booked_on,
            "invoice_id": journal.invoice_id,
        }
        for journal in journals
    ]
    ids = insert_returning_ids(connection, table_of(JournalRow), rows)
    postings = [
        {"journal_id": journal_id, "account": account, "amount_yen": amount}
        for journal_id, journal in zip(ids, journals, strict=True)
        for account, amount in journal.postings
    ]
    insert_many(connection, table_of(PostingRow), postings)


def refund_owed(
    *,
    merchant_id: str,
    invoice_id: int,
    reference: str,
    on: date,
    taxes: Sequence[tuple[str, int, int]],
) -> Journal:
    """We owe a part of a paid invoice back; `taxes` holds (category, net yen, tax yen) per rate.

    `reference` is that of the refund. Sales and tax are reversed as the invoice booked them.
    """
    total = sum(net + tax for _, net, tax in taxes)
    return Journal(
        merchant_id=merchant_id,
        reference=f"{reference}/owed",
        kind="refund_owed",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros([(REFUND_PAYABLE, -total), *_income(taxes, sign=1)]),
    )


def charge_refunded(
    *, merchant_id: str, invoice_id: int, refund_id: str, on: date, amount_yen: int
) -> Journal:
    """Amazon gave the money back: it owes us less, and we owe the customer less."""
    return Journal(
        merchant_id=merchant_id,
        reference=f"{refund_id}/refunded",
        kind="charge_refunded",
        booked_on=on,
        invoice_id=invoice_id,
        postings=((REFUND_PAYABLE, amount_yen), (AMAZON_RECEIVABLE, -amount_yen)),
    )


def refund_paid_by_hand(
    *, merchant_id: str, invoice_id: int, reference: str, on: date, amount_yen: int
) -> Journal:
    """We gave the money back from our own account; what Amazon owes us stays as it is."""
    return Journal(
        merchant_id=merchant_id,
        reference=f"{reference}/by_hand",
        kind="refund_paid_by_hand",
        booked_on=on,
        invoice_id=invoice_id,
        postings=((REFUND_PAYABLE, amount_yen), (BANK, -amount_yen)),
    )


def shipment_short(
    *,
    merchant_id: str,
    invoice_id: int,
    reference: str,
    on: date,
    taxes: Sequence[tuple[str, int, int]],
) -> Journal:
    """A part of an invoice was not shipped and is not owed; `reference` is that of its slot.

    Sales and tax of that part are reversed as the invoice booked them.
    """
    total = sum(net + tax for _, net, tax in taxes)
    return Journal(
        merchant_id=merchant_id,
        reference=f"{reference}/short",
        kind="shipment_short",
        booked_on=on,
        invoice_id=invoice_id,
        postings=_without_zeros([(CUSTOMER_RECEIVABLE, -total), *_income(taxes, sign=1)]),
    )


def charge_taken_back(
    *, merchant_id: str, invoice_id: int, reference: str, on: date, amount_yen: int
) -> Journal:
    """A bank or Amazon took captured money back: Amazon owes us less, and it is a loss for now.

    The sale stands: whether it is reversed, collected another way or disputed is for people.
    """
    return Journal(
        merchant_id=merchant_id,
        reference=f"{reference}/taken_back",
        kind="charge_taken_back",
        booked_on=on,
        invoice_id=invoice_id,
        postings=((CHARGEBACKS, amount_yen), (AMAZON_RECEIVABLE, -amount_yen)),
    )

"""Refunds written row by row, so that what reads them is not proved by what gives money back."""

import json
from datetime import timedelta
from typing import Any

from small_books import AT, SmallBooks

CHARGE = "B01-0000000-0000001-C000001"


def refunded_charge(books: SmallBooks) -> None:
    """3,000 yen captured, of which refunds are to be written."""
    permission = books.permission()
    owner = books.subscription("one", price=books.price(), permission=permission)
    invoice = books.invoice(owner, "one-0000", 3_000, state="paid", paid_yen=3_000)
    slot = books.slot(invoice, owner, permission, state="paid", attempts=1)
    attempt = books.attempt(slot, permission, charge_id=CHARGE)
    books.cap(permission, used=3_000)
    books.hold(attempt, permission, 3_000, "used")
    received = {"amazon_receivable": 3_000, "customer_receivable": -3_000}
    books.journal(f"{CHARGE}/captured", "charge_captured", invoice, **received)
    books._insert(
        "refund_room",
        {"attempt_id": attempt, "limit_yen": 3_000, "refunded_yen": 1_400, "held_yen": 400},
    )


def refund(
    books: SmallBooks, number: int, amount_yen: int, state: str, *, owed_before_yen: int = 0
) -> None:
    """Refund `number` of the charge with its journals: 10 % tax inside what it newly owes."""
    owed = amount_yen - owed_before_yen
    tax = owed * 10 // 110
    split: list[dict[str, Any]] = [
        {
            "tax_category": "standard",
            "rate_percent": "10",
            "gross_yen": owed,
            "tax_yen": tax,
            "net_yen": owed - tax,
        }
    ]
    books.add(
        "refund",
        attempt_id=1,
        request_id=f"q{number}",
        part=1,
        number=number,
        reference=f"i1-renewal/refund-{number}",
        idempotency_key=f"refund-{number}",
        body=b"{}",
        origin="desk",
        amount_yen=amount_yen,
        owed_before_yen=owed_before_yen,
        taxes=json.dumps(split if owed else []),
        state=state,
        reason="why",
        actor="staff",
        requested_at=AT - timedelta(hours=1),
        look_at=AT,
        sends=0 if state == "by_hand" else 1,
        refund_id=None if state == "by_hand" else f"R{number}",
    )
    if state == "by_hand":
        how = {"refund_row_id": number, "bank_reference": "T-1", "paid_on": AT.date()}
        books._insert("refund_by_hand", how | {"merchant_id": "shop", "booked_at": AT})
        given = {"refund_payable": amount_yen, "bank": -amount_yen}
        books.journal(f"i1-renewal/refund-{number}/by_hand", "refund_paid_by_hand", 1, **given)
    if owed:
        sides = {"sales:standard": owed - tax, "consumption_tax:standard": tax}
        reference = f"i1-renewal/refund-{number}/owed"
        books.journal(reference, "refund_owed", 1, refund_payable=-owed, **sides)
    if state == "refunded":
        given = {"refund_payable": amount_yen, "amazon_receivable": -amount_yen}
        books.journal(f"R{number}/refunded", "charge_refunded", 1, **given)

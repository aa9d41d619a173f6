"""Goods written row by row, so that what reads them is not proved by what captures them.

Four charges of 3,000 yen: one captured in part (2,000), one authorised, one cancelled and charged
anew, one whose capture is on its way; a chargeback, and a closed permission.
"""

from datetime import date, timedelta

from small_books import AT, CHARGED_AT, SmallBooks

LAPSES_AT = CHARGED_AT + timedelta(days=30)
AUTHORIZED = {"authorized_yen": 3_000, "lapses_at": LAPSES_AT}


def goods(books: SmallBooks) -> None:
    """All four, sound."""
    price = books.price()
    captured_in_part(books, price)
    authorized(books, price)
    made_anew(books, price)
    on_its_way(books, price)
    closed_permission(books)


def captured_in_part(books: SmallBooks, price: int) -> None:
    permission = books.permission()
    owner = books.subscription("one", price=price, permission=permission)
    done = {"state": "paid", "paid_yen": 2_000, "offset_yen": 1_000}
    invoice = books.invoice(owner, "one-0000", 3_000, **done)
    slot = books.slot(
        invoice,
        owner,
        permission,
        state="paid",
        attempts=1,
        amount_yen=2_000,
        shipped_on=date(2026, 11, 21),
    )
    attempt = books.attempt(slot, permission, amount_yen=2_000, charge_id="C1", **AUTHORIZED)
    books.cap(permission, used=3_000)
    books.hold(attempt, permission, 3_000, "used")
    received = {"amazon_receivable": 2_000, "customer_receivable": -2_000}
    books.journal("C1/captured", "charge_captured", invoice, **received)
    short = {"customer_receivable": -1_000, "sales:standard": 910, "consumption_tax:standard": 90}
    books.journal(f"i{invoice}-renewal/short", "shipment_short", invoice, **short)
    act(books, "capture", attempt, permission, state="done", amount_yen=2_000)
    books.add(
        "chargeback",
        attempt_id=attempt,
        case_id="D-1",
        amount_yen=500,
        happened_on=date(2026, 11, 21),
        reason="stolen",
        actor="staff",
        booked_at=AT,
    )
    books.journal(
        "C1/D-1/taken_back", "charge_taken_back", invoice, chargebacks=500, amazon_receivable=-500
    )


def authorized(books: SmallBooks, price: int) -> None:
    permission = books.permission()
    waits = {"next_cycle": 0, "cycles_done": 0, "due_at": None}
    owner = books.subscription("two", price=price, permission=permission, **waits)
    invoice = books.invoice(owner, "two-0000", 3_000)
    slot = books.slot(invoice, owner, permission, state="authorized", attempts=1)
    state = {"state": "authorized", "charge_id": "C2"}
    attempt = books.attempt(slot, permission, **state, **AUTHORIZED)
    books.cap(permission, held=3_000)
    books.hold(attempt, permission, 3_000, "held")


def made_anew(books: SmallBooks, price: int) -> None:
    permission = books.permission()
    waits = {"next_cycle": 0, "cycles_done": 0, "due_at": None}
    owner = books.subscription("three", price=price, permission=permission, **waits)
    invoice = books.invoice(owner, "three-0000", 3_000)
    slot = books.slot(invoice, owner, permission, state="authorized", attempts=2)
    first = books.attempt(slot, permission, state="canceled", charge_id="C3", **AUTHORIZED)
    second = {"state": "authorized", "number": 2, "charge_id": "C4"}
    attempt = books.attempt(slot, permission, **second, **AUTHORIZED)
    books.cap(permission, used=3_000, held=3_000)
    books.hold(first, permission, 3_000, "used")
    books.hold(attempt, permission, 3_000, "held")
    act(books, "cancel", first, permission, state="done", cause="reauthorize")


def on_its_way(books: SmallBooks, price: int) -> None:
    permission = books.permission()
    waits = {"next_cycle": 0, "cycles_done": 0, "due_at": None}
    owner = books.subscription("four", price=price, permission=permission, **waits)
    invoice = books.invoice(owner, "four-0000", 3_000)
    shipped = {"attempts": 1, "shipped_on": date(2026, 11, 21)}
    slot = books.slot(invoice, owner, permission, state="open", **shipped)
    state = {"state": "authorized", "charge_id": "C5"}
    attempt = books.attempt(slot, permission, **state, **AUTHORIZED)
    books.cap(permission, held=3_000)
    books.hold(attempt, permission, 3_000, "held")
    act(books, "capture", attempt, permission, state="pending", amount_yen=3_000)


def closed_permission(books: SmallBooks) -> None:
    permission = books.permission(state="Closed")
    act(books, "close", None, permission, state="done", cause="staff")


def act(
    books: SmallBooks, kind: str, attempt: int | None, permission: int, **values: object
) -> None:
    """One act of an hour ago."""
    number = books._ids.get("act", 0) + 1
    defaults = {
        "kind": kind,
        "attempt_id": attempt,
        "permission_id": permission,
        "number": 1,
        "reference": f"act-{number}",
        "idempotency_key": f"act-{number}",
        "body": b"{}",
        "authorized_yen": 3_000 if kind == "capture" else None,
        "cause": "shipment",
        "actor": "staff",
        "requested_at": AT - timedelta(hours=1),
        "look_at": AT,
        "sends": 1,
    }
    books.add("act", **(defaults | values))

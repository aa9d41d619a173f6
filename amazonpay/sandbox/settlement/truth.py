"""The control surface's view of settled money, in pages: what tests and audits compare with."""

from typing import Any

from amazonpay.sandbox.control_input import Json
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.settlement import book
from amazonpay.sandbox.settlement.book import Entry
from amazonpay.sandbox.settlement.closing import Settlement
from amazonpay.sandbox.settlement.disputes import Chargeback
from amazonpay.sandbox.settlement.numbers import settlement_id
from amazonpay.sandbox.world import World


def settlements(world: World, *, limit: int, after: int) -> Json:
    """Closed periods, oldest first."""
    query = "SELECT * FROM settlements WHERE number > ? ORDER BY number LIMIT ?"
    rows = [Settlement(*row) for row in _rows(world, query, after, limit)]
    return _page([(row.number, settlement_item(row)) for row in rows], limit)


def disbursements(world: World, *, limit: int, after: int) -> Json:
    """Payouts, oldest first."""
    query = "SELECT * FROM settlements WHERE disbursed > 0 AND number > ? ORDER BY number LIMIT ?"
    rows = [Settlement(*row) for row in _rows(world, query, after, limit)]
    return _page([(row.number, _disbursement_item(row)) for row in rows], limit)


def chargebacks(world: World, *, limit: int, after: int) -> Json:
    """Chargebacks and claims, oldest first."""
    query = "SELECT * FROM chargebacks WHERE seq > ? ORDER BY seq LIMIT ?"
    rows = [Chargeback(*row) for row in _rows(world, query, after, limit)]
    return _page([(row.seq, chargeback_item(row)) for row in rows], limit)


def transactions(world: World, *, limit: int, after: int, charge_id: str | None) -> Json:
    """Rows of the book, oldest first; all, or those of one charge."""
    if charge_id is None:
        entries = book.after(world, after, limit=limit + 1)
    else:
        entries = book.of_charge(world, charge_id, after, limit=limit + 1)
    return _page([(entry.seq, _entry_item(entry)) for entry in entries], limit)


def transaction_item(world: World, seq: int) -> Json:
    """One row of the book."""
    return _entry_item(book.after(world, seq - 1, limit=1)[0])


def settlement_item(row: Settlement) -> Json:
    """A closed period; `movements` yen came in and went out net of fees."""
    return {
        "settlementId": row.id,
        "startTime": iso(row.started_at),
        "endTime": iso(row.ended_at),
        "transactions": row.movements,
        "movementAmount": row.movement_yen,
        "carriedIn": row.carried_in,
        "reserveReleased": row.reserve_released,
        "reserveHeld": row.reserve_held,
        "carriedOut": row.carried_out,
        "disbursedAmount": row.disbursed,
        "amazonDisbursementReferenceId": row.disbursement_reference,
        "scheduled": bool(row.scheduled),
        "currency": "JPY",
    }


def chargeback_item(row: Chargeback) -> Json:
    """A chargeback or claim."""
    return {
        "chargebackId": row.id,
        "chargeId": row.charge_id,
        "chargePermissionId": row.permission_id,
        "type": row.type,
        "amount": row.amount,
        "currency": "JPY",
        "createdAt": iso(row.created_at),
    }


def _disbursement_item(row: Settlement) -> Json:
    return {
        "settlementId": row.id,
        "amazonDisbursementReferenceId": row.disbursement_reference,
        "amount": row.disbursed,
        "currency": "JPY",
        "transactionTime": iso(row.ended_at),
    }


def _entry_item(row: Entry) -> Json:
    return {
        "transactionId": row.seq,
        "settlementId": None if row.is_open else settlement_id(row.settlement),
        "type": row.type,
        "amazonTransactionId": row.object_id,
        "chargeId": row.charge_id,
        "chargePermissionId": row.permission_id,
        "merchantReferenceId": row.reference,
        "amount": row.amount,
        "fee": row.fee,
        "netAmount": row.amount + row.fee,
        "currency": "JPY",
        "description": row.description,
        "postedAt": iso(row.posted_at),
    }


def _rows(world: World, query: str, after: int, limit: int) -> list[tuple[Any, ...]]:
    return world.store.connection.execute(query, (after, limit + 1)).fetchall()


def _page(items: list[tuple[int, Json]], limit: int) -> Json:
    following = str(items[limit - 1][0]) if len(items) > limit else None
    return {"items": [item for _, item in items[:limit]], "next": following}

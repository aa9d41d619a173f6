"""What of a split charge did not fit under the cap: slots of their own, due when there is room."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from billing.store.rows import Row, table_of
from billing.tables import SlotRow

slots = table_of(SlotRow)


def rest_rows(
    connection: Connection, rests: Sequence[tuple[Row, int, datetime]]
) -> list[dict[str, Any]]:
    """New slots for what did not fit: the next part of the same purpose, its own identity."""
    if not rests:
        return []
    parts = select(slots.c.invoice_id, func.max(slots.c.part)).where(
        slots.c.invoice_id.in_([slot["invoice_id"] for slot, _, _ in rests])
    )
    last_part: dict[int, int] = dict(connection.execute(parts.group_by(slots.c.invoice_id)).all())
    return [
        _rest_row(slot, rest_yen, rest_at, last_part[slot["invoice_id"]] + 1)
        for slot, rest_yen, rest_at in rests
    ]


def _rest_row(slot: Row, rest_yen: int, rest_at: datetime, part: int) -> dict[str, Any]:
    purpose = slot["purpose"].split(":")[0]
    copied = ("merchant_id", "subscription_id", "invoice_id", "permission_id", "cycle")
    return {name: slot[name] for name in copied} | {
        "purpose": f"{purpose}:{part}",
        "part": part,
        "reference": f"{slot['reference'].split(':')[0]}:{part}",
        "amount_yen": rest_yen,
        "state": "due",
        "first_due_at": rest_at,
        "due_at": rest_at,
        "attempts": 0,
        "declines": 0,
        "cap_moves": 1,
    }

"""An agreement and its charges as the buyer's account shows them."""

import json
import re
from dataclasses import dataclass
from typing import Final

from amazonpay.sandbox.fields import Json
from amazonpay.sandbox.rows import Charge, Permission
from amazonpay.sandbox.store import NEVER_MS
from amazonpay.sandbox.world import World

PAGE: Final = 24
"""Charges on one page: two years of a monthly agreement."""
_ORDER: Final = re.compile(r"[SP]0[1-3]-\d{7}-\d{7}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a page shows of a Charge Permission."""

    id: str
    shop: str | None
    reference: str | None
    state: str
    reason: str | None
    description: str | None
    is_recurring: bool
    is_closed: bool
    recurring: Json | None
    created_at: int
    expires_at: int


def view(row: Permission) -> Agreement:
    """The agreement of a Charge Permission."""
    metadata: Json = json.loads(row.metadata)
    return Agreement(
        id=row.id,
        shop=metadata.get("merchantStoreName"),
        reference=metadata.get("merchantReferenceId"),
        state=row.state,
        reason=row.reason_code,
        description=row.reason_description,
        is_recurring=row.kind == "Recurring",
        is_closed=row.state == "Closed",
        recurring=None if row.recurring is None else json.loads(row.recurring),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def card(row: Permission) -> str | None:
    """The payment method of an agreement in Amazon's words."""
    descriptor: str | None = json.loads(row.details).get("paymentDescriptor")
    return descriptor


def instrument_id(row: Permission) -> str | None:
    """The card of an agreement, None where none was chosen on these pages."""
    chosen: str | None = json.loads(row.details).get("instrumentId")
    return chosen


def charges(world: World, permission_id: str, *, before: int) -> list[Charge]:
    """The charges of an agreement, newest first, one more than a page holds."""
    rows = world.store.connection.execute(
        "SELECT * FROM charges WHERE permission_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (permission_id, before, PAGE + 1),
    )
    return [Charge(*row) for row in rows]


def older(rows: list[Charge]) -> int | None:
    """Where the next page begins, None when there is none."""
    return rows[PAGE - 1].seq if len(rows) > PAGE else None


def cursor(text: str | None) -> int:
    """The `before` of a page; anything unreadable means the newest page."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 16):
        return NEVER_MS
    return int(text)


def find_charge(world: World, order_id: str) -> Charge | None:
    """The charge of that id, or the newest one of that order id (`S03-…` without `-C…`)."""
    charge = world.store.charge(order_id)
    if charge is not None or not _ORDER.fullmatch(order_id):
        return charge
    row = world.store.connection.execute(
        "SELECT * FROM charges WHERE id > ? AND id < ? ORDER BY id DESC LIMIT 1",
        (f"{order_id}-C", f"{order_id}-D"),
    ).fetchone()
    return None if row is None else Charge(*row)

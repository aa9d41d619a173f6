"""What is taken from the merchant without a refund: chargebacks, A-to-z claims, corrections.

A merchant has no API for these (api.md §10); they are made through the control surface and show
in the settlement rows and, as a `chargebacks` row, to the notifications.
"""

from dataclasses import astuple, dataclass
from typing import Final

from amazonpay.sandbox.rows import Charge
from amazonpay.sandbox.settlement.numbers import chargeback_id
from amazonpay.sandbox.world import World

# How a settlement report names each kind (api.md §11).
KINDS: Final = ("Chargeback", "A to Z Guarantee Claim")
CORRECTIONS: Final = ("Adjustment", "Debt")


@dataclass(frozen=True, slots=True)
class Chargeback:
    """Money that the buyer got back around the merchant; field order is column order."""

    seq: int
    id: str
    charge_id: str
    permission_id: str
    type: str
    amount: int
    created_at: int


def charged_back_yen(world: World, charge_id: str) -> int:
    """What chargebacks and claims have taken of a charge so far."""
    (yen,) = world.store.connection.execute(
        "SELECT coalesce(sum(amount), 0) FROM chargebacks WHERE charge_id = ?", (charge_id,)
    ).fetchone()
    return int(yen)


def charge_back(world: World, charge: Charge, *, kind: str, yen: int, now: int) -> Chargeback:
    """Takes yen of a captured charge from the merchant; the fee is not given back."""
    query = "SELECT coalesce(max(seq), 0) + 1 FROM chargebacks"
    (seq,) = world.store.connection.execute(query).fetchone()
    row = Chargeback(
        seq, chargeback_id(charge.id, seq), charge.id, charge.permission_id, kind, yen, now
    )
    world.store.connection.execute(
        "INSERT INTO chargebacks VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(row)
    )
    _book(world, kind=kind, object_id=row.id, charge_id=charge.id, yen=-yen, now=now)
    return row


def correct(world: World, *, kind: str, yen: int, description: str, now: int) -> int:
    """Books a correction of the balance and answers the number of its row."""
    return _book(world, kind=kind, yen=yen, description=description, now=now)


def _book(
    world: World,
    *,
    kind: str,
    yen: int,
    now: int,
    object_id: str | None = None,
    charge_id: str | None = None,
    description: str | None = None,
) -> int:
    cursor = world.store.connection.execute(
        "INSERT INTO transactions (posted_at, type, object_id, charge_id, amount, fee, description)"
        " VALUES (?, ?, ?, ?, ?, 0, ?)",
        (now, kind, object_id, charge_id, yen, description),
    )
    # The first movement of all sets the calendar of closes.
    world.store.horizon_ms = 0
    return int(cursor.lastrowid or 0)

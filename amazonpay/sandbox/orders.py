"""What a one-time Charge Permission adds: one amount for its whole life, one charge at a time.

Sources: states.md §2 (`ChargeInProgress`, `AmazonClosed`), api.md §8 (25 charges).
"""

import json
from dataclasses import replace
from typing import Final

from amazonpay.sandbox.refusals import Refused, amount_exceeded
from amazonpay.sandbox.rows import Charge, Permission, PermissionState
from amazonpay.sandbox.world import World

MOST_CHARGES: Final = 25
_OPEN: Final = ("AuthorizationInitiated", "Authorized", "CaptureInitiated")
_IN_PROGRESS: Final = "ChargeInProgress"
_WHY: Final = "An earlier Charge is still open: capture or cancel it before making another one."


def require_room(world: World, row: Permission, amount: int, now: int) -> None:
    """Refuses the 26th charge, and more than what is left of the order."""
    if charge_count(world, row.id) >= MOST_CHARGES:
        raise Refused(
            422,
            "TransactionCountExceeded",
            f"The Charge Permission [{row.id}] has {MOST_CHARGES} Charges already.",
        )
    left = world.balance(row, now)
    if amount > left:
        raise amount_exceeded(
            f"{amount} JPY exceed the {left} of {row.amount_limit} JPY that are left on the Charge "
            f"Permission [{row.id}]."
        )


def charge_count(world: World, permission_id: str) -> int:
    """How many charges a permission has, ended ones included."""
    (count,) = world.store.connection.execute(
        "SELECT count(*) FROM charges WHERE permission_id = ?", (permission_id,)
    ).fetchone()
    return int(count)


def limit_yen(world: World, total_yen: int, *, allow_overcharge: bool) -> int:
    """The most that an order of so many yen may be charged."""
    if not allow_overcharge:
        return total_yen
    options = world.options
    return total_yen + min(total_yen * options.overcharge_percent // 100, options.overcharge_yen)


def after_capture(world: World, charge: Charge, now: int) -> None:
    """A partial capture gives the rest back to the order; the order may be used up."""
    if not _is_order(charge.permission_id):
        return
    rest = charge.amount - (charge.capture_amount or 0)
    if rest:
        world.store.use_cap(charge.permission_id, charge.cap_month, -rest)
    settle(world, charge.permission_id, now)


def settle(world: World, permission_id: str, now: int) -> None:
    """Brings a one-time permission in line with its charges; nothing to do for a recurring one."""
    if not _is_order(permission_id):
        return
    row = world.permission(permission_id)
    if row.state == "Closed":
        return
    state, reason, why = _state(world, row)
    if (state, reason) != (row.state, row.reason_code):
        world.store.save_permission(
            replace(row, state=state, reason_code=reason, reason_description=why, changed_at=now)
        )


def _state(world: World, row: Permission) -> tuple[PermissionState, str | None, str | None]:
    charges = world.store.connection.execute(
        "SELECT state, coalesce(capture_amount, 0) FROM charges WHERE permission_id = ?", (row.id,)
    ).fetchall()
    taken = [yen for state, yen in charges if state == "Captured"]
    if row.state == "Chargeable" and any(state in _OPEN for state, _ in charges):
        return "NonChargeable", _IN_PROGRESS, _WHY
    if taken and not any(state in _OPEN for state, _ in charges) and _is_used_up(row, sum(taken)):
        return "Closed", "AmazonClosed", None
    if row.reason_code == _IN_PROGRESS and not any(state in _OPEN for state, _ in charges):
        return "Chargeable", None, None
    return row.state, row.reason_code, row.reason_description


def _is_used_up(row: Permission, taken_yen: int) -> bool:
    # An Order Reference of CV1 that was captured once reads as Closed (cv1-migration.md §6).
    return taken_yen >= row.amount_limit or bool(json.loads(row.details).get("migrated"))


def _is_order(permission_id: str) -> bool:
    return permission_id[0] in "SP"

"""Consequences that several operations share: what closes, what blocks, what gives room back."""

from dataclasses import replace

from amazonpay.sandbox import orders
from amazonpay.sandbox.rows import Charge, Permission
from amazonpay.sandbox.simulation import DECLINES
from amazonpay.sandbox.world import World


def close_permission(
    world: World, row: Permission, *, reason: str, description: str | None, now: int
) -> Permission:
    """Closed is final (states.md §2); what was authorized stays capturable."""
    closed = replace(
        row, state="Closed", reason_code=reason, reason_description=description, changed_at=now
    )
    world.store.save_permission(closed)
    return closed


def decline_permission(world: World, row: Permission, reason: str, now: int) -> None:
    """What a decline does to its permission (states.md §7); a closed one stays as it is."""
    effect = DECLINES.get(reason)
    if effect is None or row.state == "Closed":
        return
    state, code = effect
    if reason == "AmazonRejected" and not world.options.amazon_rejected_closes:
        return
    world.store.save_permission(
        replace(row, state=state, reason_code=code, reason_description=None, changed_at=now)
    )


def release_cap(world: World, row: Charge) -> None:
    """Canceled, expired and declined charges give their room back in the month they used it."""
    world.store.use_cap(row.permission_id, row.cap_month, -row.amount)


def cancel_charge(
    world: World, row: Charge, *, reason: str, description: str | None, now: int
) -> Charge:
    """Ends an authorization that was not captured; an order may be charged again then."""
    canceled = void_charge(world, row, reason=reason, description=description, now=now)
    orders.settle(world, row.permission_id, now)
    return canceled


def void_charge(
    world: World, row: Charge, *, reason: str, description: str | None, now: int
) -> Charge:
    """Ends an authorization and leaves its permission alone, which is about to be closed."""
    canceled = replace(
        row,
        state="Canceled",
        reason_code=reason,
        reason_description=description,
        changed_at=now,
        due_at=None,
        due_state=None,
        due_reason=None,
    )
    world.store.save_charge(canceled)
    release_cap(world, row)
    return canceled

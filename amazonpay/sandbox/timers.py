"""What happens by itself as virtual time passes (states.md §3–§4, sandbox-simulation.md §6).

Timers fire in the order of their due times, each at its own instant, whether the clock jumped or
ran. They are fired before every call, so that no answer is ever older than the clock.
"""

from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Final

from amazonpay.sandbox import orders
from amazonpay.sandbox.checkout.timers import TIMERS as CHECKOUT
from amazonpay.sandbox.effects import close_permission, decline_permission, release_cap
from amazonpay.sandbox.rows import Charge, Refund
from amazonpay.sandbox.settlement.timers import TIMERS as SETTLEMENT
from amazonpay.sandbox.store import NEVER_MS
from amazonpay.sandbox.world import Timer, World


def fire_due(world: World, now: int) -> int:
    """Fires every timer that is due and counts them; must run inside a transaction."""
    if now < world.store.horizon_ms:
        return 0
    fired = 0
    while True:
        at, timer = min(_set_timers(world), key=itemgetter(0), default=(NEVER_MS, None))
        world.store.horizon_ms = at
        if timer is None or at > now:
            return fired
        timer.fire(world, at)
        fired += 1


def _set_timers(world: World) -> Iterator[tuple[int, Timer]]:
    for timer in _TIMERS:
        at = timer.soonest(world)
        if at is not None:
            yield at, timer


def _next_charge(world: World) -> int | None:
    row = world.store.due_charge()
    return None if row is None else row.due_at


def _next_refund(world: World) -> int | None:
    row = world.store.due_refund()
    return None if row is None else row.due_at


def _next_permission(world: World) -> int | None:
    row = world.store.due_permission()
    return None if row is None else row.expires_at


def _fire_charge(world: World, at: int) -> None:
    row = world.store.due_charge()
    if row is not None:
        _charge_due(world, row, at)


def _fire_refund(world: World, at: int) -> None:
    row = world.store.due_refund()
    if row is not None:
        _refund_due(world, row, at)


def _fire_permission(world: World, at: int) -> None:
    row = world.store.due_permission()
    if row is not None:
        close_permission(world, row, reason="Expired", description=None, now=at)


def _charge_due(world: World, row: Charge, at: int) -> None:
    if row.due_state == "Authorized":
        _authorize(world, row, at)
        return
    ended = replace(
        row,
        state=row.due_state or "Declined",
        reason_code=row.due_reason,
        changed_at=at,
        due_at=None,
        due_state=None,
        due_reason=None,
    )
    if ended.state != "Captured":
        ended = replace(ended, capture_amount=None)
        release_cap(world, row)
    world.store.save_charge(ended)
    if ended.state == "Declined" and row.due_reason is not None:
        decline_permission(world, world.permission(row.permission_id), row.due_reason, at)
    _tell_order(world, ended, at)


def _tell_order(world: World, row: Charge, at: int) -> None:
    if row.state == "Captured":
        orders.after_capture(world, row, at)
    else:
        orders.settle(world, row.permission_id, at)


def _authorize(world: World, row: Charge, at: int) -> None:
    """A pending authorization succeeded; with `captureNow` the money is taken in the same step."""
    granted = replace(row, changed_at=at, authorized_at=at)
    if row.capture_now:
        granted = replace(
            granted,
            state="Captured",
            capture_amount=row.amount,
            due_at=None,
            due_state=None,
        )
    else:
        granted = replace(
            granted,
            state="Authorized",
            due_at=row.created_at + world.options.authorization_ms,
            due_state="Canceled",
            due_reason="ExpiredUnused",
        )
    world.store.save_charge(granted)
    _tell_order(world, granted, at)


def _refund_due(world: World, row: Refund, at: int) -> None:
    world.store.save_refund(replace(row, state="Refunded", changed_at=at, due_at=None))
    charge = world.charge(row.charge_id)
    world.store.save_charge(replace(charge, refunded=charge.refunded + row.amount))
    if world.options.refunds_restore_cap:
        world.store.use_cap(charge.permission_id, charge.cap_month, -row.amount)


_TIMERS: Final = (
    Timer(_next_charge, _fire_charge),
    Timer(_next_refund, _fire_refund),
    Timer(_next_permission, _fire_permission),
    *CHECKOUT,
    *SETTLEMENT,
)

"""Capture and Cancel Charge (api.md §8)."""

from dataclasses import replace

from amazonpay.sandbox import fields, orders, shapes
from amazonpay.sandbox.charges import capture_initiated, captured, declined
from amazonpay.sandbox.effects import cancel_charge as cancel
from amazonpay.sandbox.effects import decline_permission, release_cap
from amazonpay.sandbox.refusals import amount_exceeded, wrong_charge_state
from amazonpay.sandbox.rows import Charge
from amazonpay.sandbox.simulation import Outcome, header_outcome, next_capture
from amazonpay.sandbox.world import Reply, Request, World


def capture_charge(world: World, request: Request) -> Reply:
    """Takes the money once; later than seven days after the authorization it takes a while."""
    fields.only(request.body, ("captureAmount", "softDescriptor"))
    fields.text(request.body, "softDescriptor", longest=16)
    amount = fields.required_price(request.body, "captureAmount")
    row = world.charge(request.target_id)
    if row.state != "Authorized":
        raise wrong_charge_state(row.id, row.state, "captured")
    if amount > row.amount:
        raise amount_exceeded(f"{amount} JPY exceed the {row.amount} JPY of the Charge [{row.id}].")
    row = _begin(world, row, amount, request)
    world.store.save_charge(row)
    if row.state == "Captured":
        orders.after_capture(world, row, request.now)
    status = world.options.late_capture_status if row.state == "CaptureInitiated" else 200
    return Reply(status, shapes.charge(row, world.environment), row.id)


def _begin(world: World, row: Charge, amount: int, request: Request) -> Charge:
    outcome = header_outcome("CaptureCharge", request.simulation) or _scripted(world, row)
    reason = None if outcome is None else outcome.reason
    if reason is not None and world.options.capture_rejected == "at_once":
        _decline(world, row, reason, request.now)
        raise declined(reason)
    late = request.now - (row.authorized_at or 0) > world.options.synchronous_capture_ms
    if outcome is None and not late:
        return captured(row, amount=amount, now=request.now)
    return capture_initiated(world, row, amount=amount, reason=reason, now=request.now)


def _scripted(world: World, row: Charge) -> Outcome | None:
    """What the script of the permission says of its next capture."""
    permission = world.permission(row.permission_id)
    found = next_capture(permission.behaviour)
    if found is None:
        return None
    outcome, rest = found
    world.store.save_permission(replace(permission, behaviour=rest))
    return outcome


def _decline(world: World, row: Charge, reason: str, now: int) -> None:
    """What the timer of a declined capture does, without waiting for it."""
    ended = replace(
        row,
        state="Declined",
        reason_code=reason,
        changed_at=now,
        due_at=None,
        due_state=None,
        due_reason=None,
    )
    world.store.save_charge(ended)
    release_cap(world, row)
    decline_permission(world, world.permission(row.permission_id), reason, now)
    orders.settle(world, row.permission_id, now)


def cancel_charge(world: World, request: Request) -> Reply:
    """Gives the reserved money back; allowed until the capture begins."""
    fields.only(request.body, ("cancellationReason",))
    description = fields.required_text(request.body, "cancellationReason", longest=255)
    row = world.charge(request.target_id)
    if row.state not in ("AuthorizationInitiated", "Authorized"):
        raise wrong_charge_state(row.id, row.state, "canceled")
    row = cancel(world, row, reason="MerchantCanceled", description=description, now=request.now)
    return Reply(200, shapes.charge(row, world.environment), row.id)

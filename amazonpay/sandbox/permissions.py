"""Get, Update and Close Charge Permission (api.md §7)."""

import json
from dataclasses import replace

from amazonpay.sandbox import fields, ids, shapes
from amazonpay.sandbox.effects import close_permission, void_charge
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.rows import Permission
from amazonpay.sandbox.world import Reply, Request, World


def free_id(world: World, seq: int, *, kind: str) -> str:
    """An id for a new permission; skips those that were given by hand, a handful at most."""
    while True:
        if kind == "OneTime":
            candidate = ids.order_id(world.environment, seq)
        else:
            candidate = ids.prefix("agreement", world.environment, seq)
        if world.store.permission(candidate) is None:
            return candidate
        seq += 10**9


def get_charge_permission(world: World, request: Request) -> Reply:
    """200 with the permission."""
    return _reply(world, world.permission(request.target_id), request.now)


def update_charge_permission(world: World, request: Request) -> Reply:
    """Changes metadata; what cannot be changed is 422 `ChargePermissionNotModifiable`."""
    fields.only(request.body, ("merchantMetadata", "recurringMetadata"))
    metadata = fields.merchant_metadata(request.body)
    recurring = fields.recurring_metadata(request.body)
    row = world.permission(request.target_id)
    _require_modifiable(row, metadata, recurring)
    if metadata is not None:
        row = replace(row, metadata=json.dumps(json.loads(row.metadata) | metadata))
    if recurring is not None:
        row = replace(row, recurring=json.dumps(_merged(row.recurring, recurring)))
    world.store.save_permission(row)
    return _reply(world, row, request.now)


def _require_modifiable(
    row: Permission, metadata: fields.Json | None, recurring: fields.Json | None
) -> None:
    """Closed: only a one-time permission, and only what is still empty in it (api.md §7)."""
    if row.kind == "OneTime" and recurring is not None:
        raise _not_modifiable(row, "is OneTime and has no recurringMetadata")
    if row.state != "Closed":
        return
    stored = json.loads(row.metadata)
    if row.kind != "OneTime" or any(stored[name] for name in metadata or ()):
        raise _not_modifiable(row, "is Closed and cannot be modified")


def _not_modifiable(row: Permission, why: str) -> Refused:
    return Refused(422, "ChargePermissionNotModifiable", f"The Charge Permission [{row.id}] {why}.")


def _merged(stored: str | None, change: fields.Json) -> fields.Json:
    """The new amount, and the new frequency or the old one where none was sent."""
    old = {} if stored is None else json.loads(stored)
    return {
        "frequency": change["frequency"] or old.get("frequency"),
        "amount": change["amount"],
    }


def close_charge_permission(world: World, request: Request) -> Reply:
    """Closes for ever; `cancelPendingCharges` also ends what was not captured.

    A closed one is refused with 422, or answered as it is where the switch `closed_again` says so.
    """
    fields.only(request.body, ("closureReason", "cancelPendingCharges"))
    description = fields.required_text(request.body, "closureReason", longest=255)
    cancel_pending = fields.flag(request.body, "cancelPendingCharges")
    row = world.permission(request.target_id)
    if row.state == "Closed":
        if world.options.closed_again == "answer":
            return _reply(world, row, request.now)
        raise Refused(
            422,
            "InvalidChargePermissionStatus",
            f"The Charge Permission [{row.id}] is already Closed.",
        )
    if cancel_pending:
        _void_open_charges(world, row, request.now)
    reason = request.simulation or "MerchantClosed"
    closed = close_permission(world, row, reason=reason, description=description, now=request.now)
    return _reply(world, closed, request.now)


def _void_open_charges(world: World, row: Permission, now: int) -> None:
    for charge in world.store.open_charges(row.id):
        void_charge(world, charge, reason="ChargePermissionCanceled", description=None, now=now)


def _reply(world: World, row: Permission, now: int) -> Reply:
    balance = world.balance(row, now)
    payload = shapes.permission(row, world.environment, balance_yen=balance, now=now)
    return Reply(200, payload, row.id)

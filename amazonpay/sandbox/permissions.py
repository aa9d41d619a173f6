"""Get, Update and Close Charge Permission (api.md §7)."""

import json
from dataclasses import replace

from amazonpay.sandbox import fields, shapes
from amazonpay.sandbox.effects import cancel_charge, close_permission
from amazonpay.sandbox.refusals import Refused
from amazonpay.sandbox.rows import Permission
from amazonpay.sandbox.world import Reply, Request, World


def get_charge_permission(world: World, request: Request) -> Reply:
    """200 with the permission."""
    return _reply(world, world.permission(request.target_id), request.now)


def update_charge_permission(world: World, request: Request) -> Reply:
    """Changes metadata; a closed recurring permission is 422 `ChargePermissionNotModifiable`."""
    fields.only(request.body, ("merchantMetadata", "recurringMetadata"))
    metadata = fields.merchant_metadata(request.body)
    recurring = fields.recurring_metadata(request.body)
    row = world.permission(request.target_id)
    if row.state == "Closed":
        raise Refused(
            422,
            "ChargePermissionNotModifiable",
            f"The Charge Permission [{row.id}] is Closed and cannot be modified.",
        )
    if metadata is not None:
        row = replace(row, metadata=json.dumps(json.loads(row.metadata) | metadata))
    if recurring is not None:
        row = replace(row, recurring=json.dumps(_merged(row.recurring, recurring)))
    world.store.save_permission(row)
    return _reply(world, row, request.now)


def _merged(stored: str | None, change: fields.Json) -> fields.Json:
    """The new amount, and the new frequency or the old one where none was sent."""
    old = {} if stored is None else json.loads(stored)
    return {
        "frequency": change["frequency"] or old.get("frequency"),
        "amount": change["amount"],
    }


def close_charge_permission(world: World, request: Request) -> Reply:
    """Closes for ever; `cancelPendingCharges` also ends what was not captured."""
    fields.only(request.body, ("closureReason", "cancelPendingCharges"))
    description = fields.required_text(request.body, "closureReason", longest=255)
    cancel_pending = fields.flag(request.body, "cancelPendingCharges")
    row = world.permission(request.target_id)
    if row.state == "Closed":
        raise Refused(
            422,
            "InvalidChargePermissionStatus",
            f"The Charge Permission [{row.id}] is already Closed.",
        )
    if cancel_pending:
        _cancel_open_charges(world, row, request.now)
    reason = request.simulation or "MerchantClosed"
    closed = close_permission(world, row, reason=reason, description=description, now=request.now)
    return _reply(world, closed, request.now)


def _cancel_open_charges(world: World, row: Permission, now: int) -> None:
    for charge in world.store.open_charges(row.id):
        cancel_charge(world, charge, reason="ChargePermissionCanceled", description=None, now=now)


def _reply(world: World, row: Permission, now: int) -> Reply:
    balance = world.balance(row, now)
    return Reply(200, shapes.permission(row, world.environment, balance_yen=balance), row.id)

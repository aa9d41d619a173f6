"""Charge Permissions made and changed from outside the API: by a test, the buyer or Amazon."""

import json
import re
from dataclasses import replace

from amazonpay.sandbox import fields, ids
from amazonpay.sandbox.control_input import (
    ControlRefused,
    Json,
    as_object,
    behaviour,
    frequency,
    whole,
    word,
)
from amazonpay.sandbox.effects import close_permission
from amazonpay.sandbox.instants import add_months
from amazonpay.sandbox.rows import Permission, PermissionState
from amazonpay.sandbox.world import World

HIGHEST_LIMIT_YEN = 1_000_000_000
# states.md §2
_REASONS: dict[str, tuple[str, ...]] = {
    "Chargeable": (),
    "NonChargeable": (
        *("PaymentMethodInvalid", "PaymentMethodDeleted", "PaymentMethodExpired"),
        *("PaymentMethodNotAllowed", "PaymentMethodNotSet", "BillingAddressDeleted"),
        *("ChargeInProgress", "MFAFailed"),
    ),
    "Closed": (
        *("MerchantClosed", "MerchantCanceled", "BuyerClosed", "BuyerCanceled"),
        *("AmazonCanceled", "AmazonClosed", "Expired"),
    ),
}
_STATES: dict[str, PermissionState] = {
    "Chargeable": "Chargeable",
    "NonChargeable": "NonChargeable",
    "Closed": "Closed",
}
_CREATE = (
    *("id", "buyerId", "amountLimit", "frequency", "state", "reasonCode", "behaviour"),
    *("amount", "merchantReferenceId"),
)
_CHANGE = ("state", "reasonCode", "paymentMethod", "amountLimit", "behaviour")


def create(world: World, value: object, *, now: int, where: str = "") -> Permission:
    """Makes a consented recurring permission without a browser."""
    body = as_object(value, _CREATE, where)
    state, reason = _state(body, where, default_reason="MerchantClosed")
    seq = world.store.next_seq("permissions")
    row = Permission(
        seq=seq,
        id=_id(world, body, seq, where),
        buyer_id=word(body, "buyerId", where=where) or ids.buyer_id(seq),
        kind="Recurring",
        state=state or "Chargeable",
        reason_code=reason,
        reason_description=None,
        changed_at=now,
        created_at=now,
        expires_at=add_months(now, world.options.permission_months),
        amount_limit=_limit(world, body, where),
        recurring=_recurring(body, where),
        metadata=json.dumps(
            fields.full_metadata(
                {"merchantReferenceId": word(body, "merchantReferenceId", where=where)}
            )
        ),
        behaviour=behaviour(body, where) or "[]",
    )
    world.store.add_permission(row)
    return row


def _limit(world: World, body: Json, where: str) -> int:
    limit = whole(body, "amountLimit", low=0, high=HIGHEST_LIMIT_YEN, where=where)
    return world.options.amount_limit_yen if limit is None else limit


def _recurring(body: Json, where: str) -> str | None:
    cycle = frequency(body, where)
    yen = whole(body, "amount", low=1, high=HIGHEST_LIMIT_YEN, where=where)
    if cycle is None:
        return None
    amount = None if yen is None else {"amount": str(yen), "currencyCode": "JPY"}
    return json.dumps({"frequency": cycle, "amount": amount})


def _id(world: World, body: Json, seq: int, where: str) -> str:
    given = word(body, "id", where=where)
    if given is None:
        return _free_id(world, seq)
    field = f"{where}.id" if where else "id"
    if not re.fullmatch(ids.RECURRING_ID, given):
        raise ControlRefused(
            field, f"{given!r} is not a recurring permission id such as C03-1234567-1234567"
        )
    if world.store.permission(given) is not None:
        raise ControlRefused(field, f"{given!r} exists already; use PATCH to change it")
    return given


def _free_id(world: World, seq: int) -> str:
    """Skips the ids that were given by hand; a handful at most."""
    candidate = ids.prefix("agreement", world.environment, seq)
    while world.store.permission(candidate) is not None:
        candidate = ids.prefix("agreement", world.environment, seq := seq + 10**9)
    return candidate


def _state(
    body: Json, where: str, *, default_reason: str
) -> tuple[PermissionState | None, str | None]:
    state = word(body, "state", tuple(_STATES), where)
    reason = word(body, "reasonCode", where=where)
    if state is None:
        if reason is not None:
            raise ControlRefused("reasonCode", f"{reason!r} needs a state beside it")
        return None, None
    allowed = _REASONS[state]
    if reason is not None and reason not in allowed:
        known = ", ".join(allowed) or "none"
        raise ControlRefused("reasonCode", f"{reason!r} does not go with {state}; known: {known}")
    defaults = {"NonChargeable": "PaymentMethodInvalid", "Closed": default_reason}
    return _STATES[state], reason or defaults.get(state)


def change(world: World, row: Permission, value: object, *, now: int) -> Permission:
    """What the buyer or Amazon does to a permission; Closed is final."""
    body = as_object(value, _CHANGE)
    state, reason = _state(body, "", default_reason="BuyerClosed")
    method = word(body, "paymentMethod", ("updated",))
    limit = whole(body, "amountLimit", low=0, high=HIGHEST_LIMIT_YEN)
    script = behaviour(body)
    if row.state == "Closed" and (state not in (None, "Closed") or method is not None):
        raise ControlRefused("state", f"{row.id} is Closed for ever; make a new permission")
    row = replace(
        row,
        amount_limit=row.amount_limit if limit is None else limit,
        behaviour=row.behaviour if script is None else script,
    )
    if method == "updated":
        state, reason = "Chargeable", None
    if state == "Closed" and row.state != "Closed":
        return close_permission(world, row, reason=reason or "", description=None, now=now)
    if state is not None and state != "Closed":
        row = replace(row, state=state, reason_code=reason, changed_at=now)
    world.store.save_permission(row)
    return row

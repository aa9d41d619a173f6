"""Charge Permissions made and changed from outside the API: by a test, the buyer or Amazon."""

import json
import re
from dataclasses import replace

from amazonpay.sandbox import fields, ids, orders
from amazonpay.sandbox.checkout.shelf import find_buyer
from amazonpay.sandbox.control_input import (
    ControlRefused,
    Json,
    as_object,
    behaviour,
    flag,
    frequency,
    whole,
    word,
)
from amazonpay.sandbox.effects import close_permission
from amazonpay.sandbox.instants import LATEST_MS, add_months
from amazonpay.sandbox.permissions import free_id
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
    *("amount", "merchantReferenceId", "chargePermissionType", "migrated", "nulls"),
)
_NULLS = ("limits", "recurringMetadata", "expirationTimestamp")
_CHANGE = ("state", "reasonCode", "paymentMethod", "amountLimit", "behaviour")


def create(world: World, value: object, *, now: int, where: str = "") -> Permission:
    """Makes a consented permission without a browser; recurring unless it says otherwise.

    `migrated` makes it a Billing Agreement or Order Reference of CV1: Amazon does not promise to
    tell its limits, recurringMetadata and expirationTimestamp; `nulls` lists what it does not tell.
    """
    body = as_object(value, _CREATE, where)
    state, reason = _state(body, where, default_reason="MerchantClosed")
    nulls = _nulls(body, where)
    kind = _kind(body, where)
    seq = world.store.next_seq("permissions")
    buyer_id = word(body, "buyerId", where=where)
    row = Permission(
        seq=seq,
        id=_id(world, body, seq, kind, where),
        buyer_id=buyer_id or ids.buyer_id(seq),
        kind=kind,
        state=state or "Chargeable",
        reason_code=reason,
        reason_description=None,
        changed_at=now,
        created_at=now,
        expires_at=_expiry(world, kind, nulls, now),
        amount_limit=_limit(world, body, where),
        recurring=_recurring(body, kind, nulls, where),
        metadata=json.dumps(
            fields.full_metadata(
                {"merchantReferenceId": word(body, "merchantReferenceId", where=where)}
            )
        ),
        behaviour=behaviour(body, where) or "[]",
        details=_details(world, buyer_id, nulls, migrated=flag(body, "migrated", where) is True),
    )
    world.store.add_permission(row)
    return row


def _limit(world: World, body: Json, where: str) -> int:
    limit = whole(body, "amountLimit", low=0, high=HIGHEST_LIMIT_YEN, where=where)
    if limit is not None:
        return limit
    options = world.options
    return options.migrated_limit_yen if body.get("migrated") else options.amount_limit_yen


def _nulls(body: Json, where: str) -> tuple[str, ...]:
    """What a migrated permission does not tell; nothing for one that was born in CV2."""
    given = body.get("nulls")
    if not flag(body, "migrated", where):
        if given is not None:
            raise ControlRefused("nulls", '"nulls" goes with "migrated": true only')
        return ()
    if given is None:
        return tuple(
            name for name in _NULLS if name != "recurringMetadata" or "frequency" not in body
        )
    if not isinstance(given, list) or any(name not in _NULLS for name in given):
        raise ControlRefused("nulls", f"{given!r} is not a list of some of {', '.join(_NULLS)}")
    return tuple(given)


def _kind(body: Json, where: str) -> str:
    """The id tells the type as it does at Amazon: P and S are one-time, B and C recurring."""
    asked = word(body, "chargePermissionType", ("OneTime", "Recurring"), where)
    given = word(body, "id", where=where)
    if given is None:
        return asked or "Recurring"
    by_id = "OneTime" if given[0] in "PS" else "Recurring"
    if asked not in (None, by_id):
        raise ControlRefused("chargePermissionType", f"{given!r} is the id of a {by_id} permission")
    return by_id


def _expiry(world: World, kind: str, nulls: tuple[str, ...], now: int) -> int:
    if "expirationTimestamp" in nulls:
        return LATEST_MS
    if kind == "OneTime":
        return now + world.options.order_ms
    return add_months(now, world.options.permission_months)


def _details(world: World, buyer_id: str | None, nulls: tuple[str, ...], *, migrated: bool) -> str:
    details: Json = {} if buyer_id is None else _of_test_buyer(world, buyer_id)
    if migrated:
        details |= {"migrated": True, "nulls": nulls}
    return json.dumps(details, ensure_ascii=False)


def _of_test_buyer(world: World, buyer_id: str) -> Json:
    """Name and first card, when the id is one of the buyers who can log in."""
    owner = find_buyer(world, buyer_id)
    if owner is None:
        return {}
    card = owner.instruments[0] if owner.instruments else None
    return {
        "buyer": {"name": owner.name, "email": owner.email, "phoneNumber": owner.phone},
        "paymentDescriptor": None if card is None else card.descriptor,
        "instrumentId": None if card is None else card.id,
    }


def _recurring(body: Json, kind: str, nulls: tuple[str, ...], where: str) -> str | None:
    if kind == "OneTime" or "recurringMetadata" in nulls:
        return None
    cycle = frequency(body, where)
    yen = whole(body, "amount", low=1, high=HIGHEST_LIMIT_YEN, where=where)
    if cycle is None:
        return None
    amount = None if yen is None else {"amount": str(yen), "currencyCode": "JPY"}
    return json.dumps({"frequency": cycle, "amount": amount})


def _id(world: World, body: Json, seq: int, kind: str, where: str) -> str:
    given = word(body, "id", where=where)
    if given is None:
        return free_id(world, seq, kind=kind)
    field = f"{where}.id" if where else "id"
    if not re.fullmatch(ids.PERMISSION_ID, given):
        raise ControlRefused(field, f"{given!r} is not a permission id such as C03-1234567-1234567")
    if world.store.permission(given) is not None:
        raise ControlRefused(field, f"{given!r} exists already; use PATCH to change it")
    return given


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
        details = json.loads(row.details) | {"paymentMethodChangedAt": now}
        row = replace(row, details=json.dumps(details, ensure_ascii=False))
    if state == "Closed" and row.state != "Closed":
        return close_permission(world, row, reason=reason or "", description=None, now=now)
    if state is not None and state != "Closed":
        row = replace(row, state=state, reason_code=reason, changed_at=now)
    world.store.save_permission(row)
    if method == "updated":
        orders.settle(world, row.id, now)
    return world.permission(row.id)

"""Charges and refunds that are there already, such as those of CV1 (cv1-migration.md §3–§6).

They keep the ids they had: an authorization's after its 21st character became `C`, a capture's or
a refund's as it was.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from amazonpay.sandbox import fields, ids, orders
from amazonpay.sandbox.charges import HIGHEST_CHARGE_YEN, SHOWN_LIFE_MS
from amazonpay.sandbox.control_input import ControlRefused, Json, as_object, instant, whole, word
from amazonpay.sandbox.rows import Charge, ChargeState, Permission, Refund, RefundState
from amazonpay.sandbox.world import World

_CHARGE: Final = (
    *("id", "chargePermissionId", "amount", "state", "reasonCode", "captureAmount"),
    *("merchantReferenceId", "createdAt"),
)
_REFUND: Final = ("id", "chargeId", "amount", "state", "reasonCode", "createdAt")
_CHARGE_STATES: Final[dict[str, ChargeState]] = {
    "AuthorizationInitiated": "AuthorizationInitiated",
    "Authorized": "Authorized",
    "CaptureInitiated": "CaptureInitiated",
    "Captured": "Captured",
    "Canceled": "Canceled",
    "Declined": "Declined",
}
_REFUND_STATES: Final[dict[str, RefundState]] = {
    "RefundInitiated": "RefundInitiated",
    "Refunded": "Refunded",
    "Declined": "Declined",
}
_ENDED: Final = ("Canceled", "Declined")
_REASONS: Final = {"Canceled": "ExpiredUnused", "Declined": "HardDeclined"}
_DETAILS: Final = {
    "providerReferenceId": None,
    "channel": None,
    "chargeInitiator": None,
    "merchantMetadata": None,
    "platformId": None,
    "webCheckoutDetails": None,
}


@dataclass(frozen=True, slots=True)
class _Due:
    """What still happens to a charge by itself."""

    at: int | None = None
    state: ChargeState | None = None
    reason: str | None = None


def charge(world: World, value: object, *, now: int) -> Charge:
    """Plants a charge of an existing permission; the month it was made in pays for it."""
    body = as_object(value, _CHARGE)
    permission = _permission(world, body)
    state = _CHARGE_STATES[word(body, "state", tuple(_CHARGE_STATES)) or "Authorized"]
    row = _charge(world, permission, body, state, _created(body, now))
    world.store.add_charge(row)
    if state not in _ENDED:
        world.store.use_cap(permission.id, row.cap_month, row.amount)
    if state == "Captured":
        orders.after_capture(world, row, now)
    else:
        orders.settle(world, permission.id, now)
    return row


def _charge(
    world: World, permission: Permission, body: Json, state: ChargeState, created_at: int
) -> Charge:
    amount = _amount(body)
    captured = whole(body, "captureAmount", low=1, high=amount)
    reference = word(body, "merchantReferenceId")
    metadata = fields.full_metadata({"merchantReferenceId": reference})
    due = _due(world, state, created_at)
    return Charge(
        seq=world.store.next_seq("charges"),
        id=_free_id(world.store.charge, body, ids.CHARGE_ID, "S01-1234567-1234567-C123456"),
        permission_id=permission.id,
        amount=amount,
        state=state,
        reason_code=word(body, "reasonCode") or _REASONS.get(state),
        reason_description=None,
        changed_at=created_at,
        created_at=created_at,
        expires_at=created_at + SHOWN_LIFE_MS,
        authorized_at=None if state in ("AuthorizationInitiated", "Declined") else created_at,
        capture_now=0,
        capture_amount=(captured or amount) if state in ("Captured", "CaptureInitiated") else None,
        refund_reserved=0,
        refunded=0,
        refund_count=0,
        cap_month=world.cap_period(permission, created_at),
        idempotency_key=None,
        merchant_reference_id=reference,
        details=json.dumps(_DETAILS | {"merchantMetadata": metadata}, ensure_ascii=False),
        due_at=due.at,
        due_state=due.state,
        due_reason=due.reason,
    )


def _due(world: World, state: ChargeState, created_at: int) -> _Due:
    options = world.options
    if state == "AuthorizationInitiated":
        return _Due(created_at + options.pending_ms, "Authorized")
    if state == "Authorized":
        return _Due(created_at + options.authorization_ms, "Canceled", "ExpiredUnused")
    if state == "CaptureInitiated":
        return _Due(created_at + options.capture_ms, "Captured")
    return _Due()


def refund(world: World, value: object, *, now: int) -> Refund:
    """Plants a refund of an existing captured charge."""
    body = as_object(value, _REFUND)
    charge_id = word(body, "chargeId")
    of = None if charge_id is None else world.store.charge(charge_id)
    if of is None or of.state != "Captured":
        raise ControlRefused("chargeId", f"{charge_id!r} is no Captured charge; plant it first")
    state = _REFUND_STATES[word(body, "state", tuple(_REFUND_STATES)) or "Refunded"]
    row = _refund(world, of, body, state, _created(body, now))
    world.store.add_refund(row)
    _count_refund(world, of, row)
    return row


def _refund(world: World, of: Charge, body: Json, state: RefundState, created_at: int) -> Refund:
    initiated = state == "RefundInitiated"
    return Refund(
        seq=world.store.next_seq("refunds"),
        id=_free_id(world.store.refund, body, ids.REFUND_ID, "S01-1234567-1234567-R123456"),
        charge_id=of.id,
        amount=_amount(body),
        state=state,
        reason_code=word(body, "reasonCode")
        or ("ProcessingFailure" if state == "Declined" else None),
        reason_description=None,
        changed_at=created_at,
        created_at=created_at,
        idempotency_key=None,
        due_at=created_at + world.options.refund_ms if initiated else None,
    )


def _count_refund(world: World, of: Charge, row: Refund) -> None:
    reserved = 0 if row.state == "Declined" else row.amount
    refunded = row.amount if row.state == "Refunded" else 0
    world.store.save_charge(
        replace(
            of,
            refund_reserved=of.refund_reserved + reserved,
            refunded=of.refunded + refunded,
            refund_count=of.refund_count + 1,
        )
    )


def _permission(world: World, body: Json) -> Permission:
    permission_id = word(body, "chargePermissionId")
    row = None if permission_id is None else world.store.permission(permission_id)
    if row is None:
        raise ControlRefused("chargePermissionId", f"{permission_id!r} is not known; make it first")
    return row


def _amount(body: Json) -> int:
    amount = whole(body, "amount", low=1, high=HIGHEST_CHARGE_YEN)
    if amount is None:
        raise ControlRefused("amount", "a whole number of yen is needed")
    return amount


def _created(body: Json, now: int) -> int:
    at = instant(body, "createdAt")
    if at is not None and at > now:
        raise ControlRefused("createdAt", f"{body['createdAt']!r} lies in the future")
    return now if at is None else at


def _free_id(
    find: Callable[[str], object | None], body: Json, shape: re.Pattern[str], example: str
) -> str:
    given = word(body, "id")
    if given is None or not shape.fullmatch(given):
        raise ControlRefused("id", f"{given!r} is not an id such as {example}")
    if find(given) is not None:
        raise ControlRefused("id", f"{given!r} exists already")
    return given

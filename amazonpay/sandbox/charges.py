"""Create and Get Charge (api.md §8): the checks in Amazon's order, then how the charge ends."""

import json
from dataclasses import dataclass, replace
from typing import Final

from amazonpay.sandbox import fields, ids, orders, shapes
from amazonpay.sandbox.effects import decline_permission
from amazonpay.sandbox.instants import LATEST_MS, add_months
from amazonpay.sandbox.options import DAY_MS, Environment
from amazonpay.sandbox.refusals import Refused, amount_exceeded, invalid_simulation
from amazonpay.sandbox.return_urls import return_url
from amazonpay.sandbox.rows import Charge, Permission
from amazonpay.sandbox.simulation import Outcome, header_outcome, next_scripted
from amazonpay.sandbox.world import Reply, Request, World

HIGHEST_CHARGE_YEN: Final = 10_000_000
SHOWN_LIFE_MS: Final = 30 * DAY_MS
"""From creation to `expirationTimestamp`: also where the sandbox ends it sooner (states.md §3)."""
_CREATE_FIELDS: Final = frozenset(
    {
        *("chargePermissionId", "chargeAmount", "captureNow", "canHandlePendingAuthorization"),
        *("softDescriptor", "platformId", "providerMetadata", "merchantMetadata"),
        *("chargeInitiator", "channel", "webCheckoutDetails"),
    }
)
_INITIATORS: Final = ("CITU", "MITU", "CITR", "MITR")
_CHANNELS: Final = (
    *("Web", "Phone", "App", "Alexa", "PointOfSale", "FireTv", "Offline", "Amazon"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to charge: a Create Charge body, or the amount of a checkout, understood.

    `details` is JSON text of what the Charge answers besides its amounts.
    """

    permission_id: str
    amount: int
    capture_now: bool
    pending_allowed: bool
    reference: str | None
    details: str


def get_charge(world: World, request: Request) -> Reply:
    """200 with the charge."""
    row = world.charge(request.target_id)
    return Reply(200, shapes.charge(row, world.environment), row.id)


def update_charge(world: World, request: Request) -> Reply:
    """405 `UnsupportedOperation`: only payment service providers may change a Charge."""
    row = world.charge(request.target_id)
    raise Refused(
        405,
        "UnsupportedOperation",
        f"The Charge [{row.id}] cannot be updated: this account is no payment service provider.",
    )


def create_charge(world: World, request: Request) -> Reply:
    """201 with the charge, also when it is only initiated; declines are errors without a charge."""
    wish = _read(request.body, world.environment)
    outcome = header_outcome("CreateCharge", request.simulation)
    if outcome is not None and outcome.ending == "capture_initiated" and not wish.capture_now:
        raise invalid_simulation(request.simulation or "", "it requires captureNow=true.")
    permission = world.permission(wish.permission_id)
    _require_chargeable(permission)
    require_room(world, permission, wish.amount, request.now)
    if outcome is None:
        outcome, permission = _next_scripted(world, permission)
    _refuse_if_declined(world, permission, outcome, wish, request.now)
    row = open_charge(
        world, permission, wish, outcome, key=request.idempotency_key, now=request.now
    )
    return Reply(201, shapes.charge(row, world.environment), row.id)


def open_charge(
    world: World, permission: Permission, wish: Wish, outcome: Outcome, *, key: str | None, now: int
) -> Charge:
    """Stores the Charge of a wish that was granted, with all it does to its permission."""
    row = _opened(world, permission, wish, outcome, key=key, now=now)
    world.store.add_charge(row)
    world.store.use_cap(permission.id, row.cap_month, row.amount)
    if permission.kind == "OneTime":
        orders.settle(world, permission.id, now)
    else:
        _restart_expiry(world, permission, now)
    return row


def _read(body: fields.Json, environment: Environment) -> Wish:
    fields.only(body, _CREATE_FIELDS)
    permission_id = fields.required_text(body, "chargePermissionId", longest=64)
    amount = fields.required_price(body, "chargeAmount")
    metadata = fields.full_metadata(fields.merchant_metadata(body))
    # Accepted and without effect: Japan shows a fixed text (api.md §5).
    fields.text(body, "softDescriptor", longest=16)
    return Wish(
        permission_id=permission_id,
        amount=amount,
        capture_now=fields.flag(body, "captureNow"),
        pending_allowed=fields.flag(body, "canHandlePendingAuthorization"),
        reference=metadata["merchantReferenceId"],
        details=json.dumps(_details(body, metadata, environment), ensure_ascii=False),
    )


def _details(body: fields.Json, metadata: fields.Json, environment: Environment) -> fields.Json:
    provider = fields.nested(body, "providerMetadata", ("providerReferenceId",)) or {}
    inside, url = "webCheckoutDetails", "checkoutResultReturnUrl"
    web = fields.nested(body, inside, (url,))
    if web is not None:
        return_url(web, url, inside=inside, environment=environment)
    return {
        "providerReferenceId": fields.text(
            provider, "providerReferenceId", longest=256, inside="providerMetadata"
        ),
        "channel": fields.choice(body, "channel", _CHANNELS),
        "chargeInitiator": fields.choice(body, "chargeInitiator", _INITIATORS),
        "merchantMetadata": metadata,
        "platformId": fields.text(body, "platformId", longest=256),
        "webCheckoutDetails": web,
    }


def _require_chargeable(row: Permission) -> None:
    if row.state == "Chargeable":
        return
    raise Refused(
        422,
        "InvalidChargePermissionStatus",
        f"The Charge Permission [{row.id}] is {row.state} ({row.reason_code}); "
        "a Charge needs a Chargeable one.",
    )


def require_room(world: World, row: Permission, amount: int, now: int) -> None:
    """Refuses more than a charge may have, or than is left on the permission."""
    if amount > HIGHEST_CHARGE_YEN:
        raise amount_exceeded(f"A Charge cannot exceed {HIGHEST_CHARGE_YEN} JPY.")
    if row.kind == "OneTime":
        orders.require_room(world, row, amount, now)
        return
    balance = world.balance(row, now)
    if amount > balance:
        raise Refused(
            400,
            "PeriodicAmountExceeded",
            f"The monthly limit of the Charge Permission [{row.id}] is exceeded: {amount} JPY were "
            f"requested and {balance} of {row.amount_limit} JPY are left. "
            "Wait until next month to charge again.",
        )


def _next_scripted(world: World, row: Permission) -> tuple[Outcome, Permission]:
    outcome, rest = next_scripted(row.behaviour)
    if rest != row.behaviour:
        row = replace(row, behaviour=rest)
        world.store.save_permission(row)
    return outcome, row


def _refuse_if_declined(
    world: World, permission: Permission, outcome: Outcome, wish: Wish, now: int
) -> None:
    if outcome.ending == "processing_failure":
        raise processing_failure()
    if outcome.ending == "pending" and not wish.pending_allowed:
        # Without canHandlePendingAuthorization Amazon has no time to decide (states.md §3).
        raise declined("TransactionTimedOut")
    if outcome.ending == "decline" and outcome.reason is not None:
        decline_permission(world, permission, outcome.reason, now)
        raise declined(outcome.reason)


def declined(reason: str) -> Refused:
    """422 with the decline reason, and no Charge."""
    return Refused(422, reason, f"The Charge was declined: {reason}.")


def processing_failure() -> Refused:
    """500 `ProcessingFailure`: an internal error of Amazon's."""
    return Refused(500, "ProcessingFailure", "Amazon could not process the transaction.")


def _opened(
    world: World, permission: Permission, wish: Wish, outcome: Outcome, *, key: str | None, now: int
) -> Charge:
    """The new charge: Authorized with its thirty days, then whatever the outcome makes of it."""
    seq = world.store.next_seq("charges")
    row = Charge(
        seq=seq,
        id=_free_id(world, permission, seq),
        permission_id=permission.id,
        amount=wish.amount,
        state="Authorized",
        reason_code=None,
        reason_description=None,
        changed_at=now,
        created_at=now,
        expires_at=now + SHOWN_LIFE_MS,
        authorized_at=now,
        capture_now=int(wish.capture_now),
        capture_amount=None,
        refund_reserved=0,
        refunded=0,
        refund_count=0,
        cap_month=world.cap_period(permission, now),
        idempotency_key=key,
        merchant_reference_id=wish.reference,
        details=wish.details,
        due_at=now + world.options.authorization_ms,
        due_state="Canceled",
        due_reason="ExpiredUnused",
    )
    if outcome.ending == "pending":
        return _pending(world, row, outcome.reason)
    if not wish.capture_now:
        return row
    if outcome.ending == "capture_initiated":
        return capture_initiated(world, row, amount=row.amount, reason=None, now=now)
    return captured(row, amount=row.amount, now=now)


def _free_id(world: World, permission: Permission, seq: int) -> str:
    if permission.kind != "OneTime":
        return ids.charge_id(world.environment, seq)
    # Charges that were planted by hand may have taken a number.
    number = orders.charge_count(world, permission.id) + 1
    while world.store.charge(ids.order_charge_id(permission.id, number)) is not None:
        number += 1
    return ids.order_charge_id(permission.id, number)


def _pending(world: World, row: Charge, reason: str | None) -> Charge:
    return replace(
        row,
        state="AuthorizationInitiated",
        authorized_at=None,
        due_at=row.created_at + world.options.pending_ms,
        due_state="Authorized" if reason is None else "Declined",
        due_reason=reason,
    )


def captured(row: Charge, *, amount: int, now: int) -> Charge:
    """The charge with its money taken: nothing is due any more."""
    return replace(
        row,
        state="Captured",
        capture_amount=amount,
        changed_at=now,
        due_at=None,
        due_state=None,
        due_reason=None,
    )


def capture_initiated(
    world: World, row: Charge, *, amount: int, reason: str | None, now: int
) -> Charge:
    """The charge while its capture runs; a reason says that it will be declined."""
    return replace(
        row,
        state="CaptureInitiated",
        capture_amount=amount,
        changed_at=now,
        due_at=now + world.options.capture_ms,
        due_state="Captured" if reason is None else "Declined",
        due_reason=reason,
    )


def _restart_expiry(world: World, row: Permission, now: int) -> None:
    """Each charge restarts the thirteen months of a recurring permission (states.md §2)."""
    if row.expires_at == LATEST_MS:
        # A migrated agreement of which Amazon tells no expiry.
        return
    expires_at = add_months(now, world.options.permission_months)
    world.store.save_permission(replace(row, expires_at=expires_at))

"""Closes a charge permission at Amazon because the staff say so; it can never be opened again.

The same protocol as for money: the intent is written first, one call is sent, the answer is
recorded. `billing.captures` sends and records it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from amazonpay import CloseChargePermission
from billing.protocol.idempotency import idempotency_key
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, is_word, table_of
from billing.store.subscriptions import load_subscription
from billing.tables import ActRow, AttemptRow, ChargePermissionRow, SlotRow, SubscriptionRow
from plans import BadInput

acts = table_of(ActRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)

# Fixed words, so that the same act has the same bytes for ever.
CLOSURE_REASON = "The agreement ended"
OWED = ("due", "open", "authorized", "waiting_buyer", "quarantined")


def request_close(
    connection: Connection, merchant: Merchant, *, subscription_id: str, actor: str, at: datetime
) -> str:
    """Intend to close the permission of an ended subscription; returns the act's reference.

    Nothing is sent here. The same request again is the same act. Raises `BadInput` while anything
    may still be charged to the permission: another agreement, an unpaid charge, this agreement
    itself. Only what is `canceled` is over; who pauses may come back.
    """
    owner = load_subscription(connection, merchant, subscription_id=subscription_id)
    return request_close_of(
        connection, merchant, permission_id=owner["permission_id"], actor=actor, at=at
    )


def request_close_of(
    connection: Connection, merchant: Merchant, *, permission_id: int, actor: str, at: datetime
) -> str:
    """The same for a permission by its row id: one that no agreement uses any more."""
    lock = select(permissions).where(permissions.c.id == permission_id)
    (permission,) = fetch(connection, lock.with_for_update())
    going = select(acts.c.reference).where(
        acts.c.permission_id == permission["id"],
        is_word(acts.c.kind, "close"),
        ~is_word(acts.c.state, "declined"),
    )
    known: str | None = connection.execute(going).scalar()
    if known is not None:
        return known
    _check(connection, permission)
    row = _act(connection, merchant, permission, actor, at)
    insert_many(connection, acts, [row])
    reference: str = row["reference"]
    return reference


def _check(connection: Connection, permission: Row) -> None:
    if permission["state"] == "Closed":
        raise _refusal(
            permission, f"is closed already ({permission['state_reason']})", "do nothing"
        )
    going_on = select(subscriptions.c.external_id).where(
        subscriptions.c.permission_id == permission["id"], subscriptions.c.state != "canceled"
    )
    other = connection.execute(going_on.order_by(subscriptions.c.id)).scalar()
    if other is not None:
        rule = f"is used by subscription {other}, which is not over"
        raise _refusal(permission, rule, "cancel that one first; a paused one may come back")
    owed = select(slots.c.reference, slots.c.state).where(
        slots.c.permission_id == permission["id"],
        slots.c.state.in_(OWED)
        | exists().where(attempts.c.slot_id == slots.c.id, attempts.c.state == "authorized"),
    )
    unpaid = connection.execute(owed.order_by(slots.c.id)).first()
    if unpaid is not None:
        rule = f"may still be charged: {unpaid[0]} is {unpaid[1]}"
        raise _refusal(permission, rule, "close it once that one is settled")


def _refusal(permission: Row, rule: str, remedy: str) -> BadInput:
    return BadInput(
        field="charge_permission", value=permission["amazon_id"], rule=rule, remedy=remedy
    )


def _act(
    connection: Connection, merchant: Merchant, permission: Row, actor: str, at: datetime
) -> dict[str, Any]:
    before = select(func.count()).where(
        acts.c.permission_id == permission["id"], is_word(acts.c.kind, "close")
    )
    number = int(connection.execute(before).scalar_one()) + 1
    amazon_id = permission["amazon_id"]
    return {
        "merchant_id": merchant.id,
        "kind": "close",
        "permission_id": permission["id"],
        "attempt_id": None,
        "number": number,
        "reference": f"{amazon_id}/close-{number}",
        # No slot is of such a subscription and purpose; Amazon ignores the key of a closing.
        "idempotency_key": idempotency_key(
            merchant=merchant.id,
            environment=merchant.environment,
            subscription=amazon_id,
            cycle=0,
            purpose="permission/close",
            attempt=number,
        ),
        "body": close_body(),
        "amount_yen": None,
        "authorized_yen": None,
        "cause": "staff",
        "state": "intended",
        "actor": actor,
        "requested_at": at,
        "look_at": at,
        "sends": 0,
    }


def close_body() -> bytes:
    """The frozen Close Charge Permission body: what is authorised stays capturable."""
    return CloseChargePermission(
        closure_reason=CLOSURE_REASON, cancel_pending_charges=False
    ).to_bytes()

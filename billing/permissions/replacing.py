"""A subscription goes on with a new charge permission: count, price and history stay as they are.

What has an answer to come stays with the old permission: its key was made for it. Everything else
moves, and what waited for the buyer is due at once. A slot has one charge at most, whichever
permission it is charged to; the old one is closed when nothing hangs on it any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from amazonpay import ChargePermission
from billing.agreements.refusals import ChangeUnderWay
from billing.agreements.running import AgreementRun, permission_told
from billing.catalogue.catalogue_store import load_catalogue
from billing.permissions.closing import request_close_of
from billing.quotes.agreement import load_agreements
from billing.store.database import reading, writing
from billing.store.events import event_row, write_audit_event
from billing.store.locking import lock_rows, lock_with_permission
from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import (
    Row,
    fetch,
    insert_many,
    insert_unless_known,
    is_word,
    rows_by_id,
    table_of,
)
from billing.store.subscriptions import load_subscription
from billing.tables import (
    ChargePermissionRow,
    PermissionReplacementRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from plans import BadInput
from plans.lifecycle import PermissionReplaced, Refused

replacements = table_of(PermissionReplacementRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)
slots = table_of(SlotRow)

# What nothing was sent for, or has had its answer; the rest keeps the permission of its key.
FREE_TO_MOVE = ("due", "waiting_buyer")
HANGING = (*FREE_TO_MOVE, "open", "authorized", "quarantined")


@dataclass(frozen=True, slots=True)
class Replaced:
    """What replacing did: references that moved and are due, and those that the old one keeps
    until their answer is known; `repeated` when it was done before."""

    subscription_id: str
    old: str
    new: str
    moved: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    slot_ids: tuple[int, ...] = ()
    repeated: bool = False


def replace_permission(
    connection: Connection,
    merchant: Merchant,
    *,
    subscription_id: str,
    new: ChargePermission,
    actor: str,
    reason: str,
    at: datetime,
) -> Replaced:
    """Let a subscription be charged to `new`, as Amazon has just shown it; nothing is sent.

    Give `slot_ids` to `BillingEngine.charge_now`. Doing it again changes nothing. Raises `BadInput`
    for an unknown or ended subscription, one with a change under way, and a permission that
    cannot be charged.
    """
    _check_words(actor=actor, reason=reason)
    owner = load_subscription(connection, merchant, subscription_id=subscription_id)
    new_id = known_or_new(connection, merchant, new, at)
    lock_rows(connection, permissions, [owner["permission_id"], new_id])
    lock_with_permission(connection, owner["id"])
    # Read again: only now nobody else replaces or charges it.
    owner = load_subscription(connection, merchant, subscription_id=subscription_id)
    old = rows_by_id(connection, permissions, [owner["permission_id"]])[owner["permission_id"]]
    if owner["permission_id"] == new_id:
        return Replaced(subscription_id, old["amazon_id"], old["amazon_id"], repeated=True)
    _check(owner, new)
    insert_many(
        connection,
        replacements,
        [
            {
                "merchant_id": merchant.id,
                "subscription_id": owner["id"],
                "old_permission_id": old["id"],
                "new_permission_id": new_id,
                "actor": actor,
                "reason": reason,
                "replaced_at": at,
            }
        ],
    )
    mine = update(subscriptions).where(subscriptions.c.id == owner["id"])
    connection.execute(mine.values(permission_id=new_id))
    moved = _move(connection, owner["id"], new_id, at)
    _tell(connection, merchant, owner, new.charge_permission_id, reason, at)
    facts = {"subscription": subscription_id, "old": old["amazon_id"]}
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind="permission_replaced",
        actor=actor,
        reason=reason,
        at=at,
        detail=facts_text(facts | {"new": new.charge_permission_id}),
    )
    return Replaced(
        subscription_id,
        old["amazon_id"],
        new.charge_permission_id,
        moved=tuple(row["reference"] for row in moved),
        kept=tuple(_hanging(connection, owner["id"], old["id"])),
        slot_ids=tuple(row["id"] for row in moved if row["due_at"] <= at),
    )


def follow_replacements(engine: Engine, merchant: Merchant, *, at: datetime) -> int:
    """Move what has had its answer on the old permission since, and close old ones that are done.

    Returns how many slots moved. What cannot be closed (others use it) is left as it is.
    """
    statement = select(replacements).where(
        replacements.c.merchant_id == merchant.id, replacements.c.ended_at.is_(None)
    )
    with reading(engine) as connection:
        going_on = fetch(connection, statement.order_by(replacements.c.id))
    return sum(_follow_one(engine, merchant, row, at) for row in going_on)


def _follow_one(engine: Engine, merchant: Merchant, row: Row, at: datetime) -> int:
    return writing(engine, lambda connection: _follow(connection, merchant, row, at))


def _follow(connection: Connection, merchant: Merchant, row: Row, at: datetime) -> int:
    lock_rows(connection, permissions, [row["old_permission_id"], row["new_permission_id"]])
    lock_rows(connection, subscriptions, [row["subscription_id"]])
    owner = select(subscriptions.c.permission_id).where(
        subscriptions.c.id == row["subscription_id"]
    )
    # Replaced a second time meanwhile: what is left goes where the subscription is now.
    new_id = connection.execute(owner).scalar_one()
    moved = _move(connection, row["subscription_id"], new_id, at, old_id=row["old_permission_id"])
    if not _hanging(connection, row["subscription_id"], row["old_permission_id"]):
        mine = update(replacements).where(replacements.c.id == row["id"])
        connection.execute(mine.values(ended_at=at))
        _close(connection, merchant, row, at)
    return len(moved)


def _close(connection: Connection, merchant: Merchant, row: Row, at: datetime) -> None:
    try:
        old_id = row["old_permission_id"]
        request_close_of(connection, merchant, permission_id=old_id, actor=row["actor"], at=at)
    except BadInput:
        return  # closed already, or another agreement is charged to it


def _move(
    connection: Connection,
    subscription_id: int,
    new_id: int,
    at: datetime,
    *,
    old_id: int | None = None,
) -> list[Row]:
    """Slots that may be charged to another permission now; what waited or was declined is due.

    The subscription is locked, so that nobody intends a charge of them, whosever permission it is.
    """
    wanted = [slots.c.subscription_id == subscription_id, is_word(slots.c.state, *FREE_TO_MOVE)]
    wanted.append(slots.c.permission_id != new_id)
    if old_id is not None:
        wanted.append(slots.c.permission_id == old_id)
    rows = fetch(connection, select(slots).where(*wanted).order_by(slots.c.id))
    moved: list[Row] = []
    for row in rows:
        waited = row["state"] == "waiting_buyer" or row["declines"] > 0
        due_at = at if waited else row["due_at"]
        # Their old permission may be another's to hold, who gives up just now what waits too long.
        still = is_word(slots.c.state, *FREE_TO_MOVE)
        change = update(slots).where(slots.c.id == row["id"], still)
        done = connection.execute(
            change.values(permission_id=new_id, state="due", due_at=due_at)
        ).rowcount
        moved += [{**row, "due_at": due_at}] * done
    return moved


def _hanging(connection: Connection, subscription_id: int, old_id: int) -> Sequence[str]:
    """References of the subscription that the old permission may still be charged for."""
    statement = select(slots.c.reference).where(
        slots.c.subscription_id == subscription_id,
        slots.c.permission_id == old_id,
        is_word(slots.c.state, *HANGING),
    )
    return connection.execute(statement.order_by(slots.c.id)).scalars().all()


def _tell(
    connection: Connection, merchant: Merchant, owner: Row, new: str, reason: str, at: datetime
) -> None:
    """Note it in the subscription's own history, as its life cycle does for a changed one."""
    agreement = load_agreements(connection, [owner["id"]]).get(owner["id"])
    if agreement is not None and agreement.pending_quote_id is not None:
        raise ChangeUnderWay(owner["external_id"], agreement.pending_quote_id)
    if agreement is None:
        row = event_row(
            owner, at=at, kind="permission_replaced", state=owner["state"], reason=reason
        )
        insert_many(connection, table_of(SubscriptionEventRow), [row])
        return
    run = AgreementRun(connection, merchant, load_catalogue(connection, merchant.id), at)
    try:
        permission_told(run, owner, agreement, PermissionReplaced(new), reason)
    except Refused as refused:
        raise BadInput(
            field="subscription",
            value=owner["external_id"],
            rule=f"its agreement does not take a new permission: {refused}",
            remedy="make a new agreement with the customer",
        ) from refused


def known_or_new(
    connection: Connection, merchant: Merchant, new: ChargePermission, at: datetime
) -> int:
    """The row of a permission that Amazon has just shown, made where there is none yet."""
    statement = select(permissions.c.id).where(
        permissions.c.merchant_id == merchant.id,
        permissions.c.amazon_id == new.charge_permission_id,
    )
    row = {
        "merchant_id": merchant.id,
        "amazon_id": new.charge_permission_id,
        "buyer_id": new.buyer_id or "",
        "state": str(new.state),
        "state_reason": str(new.reasons[0].code) if new.reasons else None,
        "amount_limit_yen": new.amount_limit_yen,
        "expires_at": new.expires_at,
        "checked_at": at,
        "state_changed_at": new.state_changed_at,
    }
    insert_unless_known(connection, permissions, [row])
    row_id: int = connection.execute(statement).scalar_one()
    return row_id


def _check(owner: Row, new: ChargePermission) -> None:
    if owner["state"] == "canceled":
        raise BadInput(
            field="subscription",
            value=owner["external_id"],
            rule="is over, and nothing is charged for that any more",
            remedy="make a new agreement with the customer",
        )
    if str(new.state) != "Chargeable":
        raise BadInput(
            field="charge_permission",
            value=new.charge_permission_id,
            rule=f"is {new.state} at Amazon, and only one that can be charged replaces another",
            remedy="let the buyer consent anew",
        )
    if new.type is not None and str(new.type) != "Recurring":
        raise BadInput(
            field="charge_permission",
            value=new.charge_permission_id,
            rule=f"is for {new.type} charges, and a subscription needs a recurring one",
            remedy="let the buyer consent to recurring charges",
        )


def _check_words(*, actor: str, reason: str) -> None:
    for field, text in (("by", actor), ("reason", reason)):
        if not text.strip():
            raise BadInput(
                field=field,
                value=text,
                rule="who changes what a customer is charged to says who it is and why",
                remedy="give a text that is not empty",
            )

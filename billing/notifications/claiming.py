"""Claims objects that waiting notifications name: each object once, however many name it.

A claim is a lease: whoever dies with it loses nothing, because the rows wait again when it ends.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select, tuple_, update

from billing.charging.outcome import OpenAttempt
from billing.charging.stored_attempt import open_attempt
from billing.notifications.keeping import OPEN
from billing.permissions.sweep import WatchedPermission
from billing.protocol.checkpoints import reached
from billing.refunds import OpenRefund
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import AttemptRow, ChargePermissionRow, NotificationRow, RefundRow, SlotRow

notifications = table_of(NotificationRow)
permissions = table_of(ChargePermissionRow)
attempts = table_of(AttemptRow)
refunds = table_of(RefundRow)
slots = table_of(SlotRow)

# As long as that of a charge: after it somebody else may look into the same object.
HINT_LEASE = timedelta(seconds=60)
UNSETTLED = frozenset({"intended", "in_doubt", "pending"})
# An authorised charge is captured, cancelled or too old one day, and Amazon tells of it.
OPEN_ATTEMPT = UNSETTLED | {"authorized"}
# Rows that are read to find the objects of a slice; more of the same objects join them.
_ROWS = 1_000

Target = WatchedPermission | OpenAttempt | OpenRefund
"""What can be read at Amazon, as the functions of charging, refunding and polling know it."""


@dataclass(frozen=True, slots=True)
class ObjectHint:
    """One object that messages name, and what the books know it as.

    `target` is None when there is nothing to read: `is_known` then tells an object whose answer
    is final or set aside from one that the books have never heard of.
    """

    object_type: str
    object_id: str
    permission_id: str | None
    rows: tuple[int, ...]
    tries: int
    target: Target | None = None
    is_known: bool = False
    is_set_aside: bool = False


def has_waiting(engine: Engine, merchant: Merchant, *, at: datetime) -> bool:
    """Tell whether anything waits, without locking: the cheap question of a short tick."""
    statement = select(notifications.c.id).where(*_ready(merchant, at)).limit(1)
    with reading(engine) as connection:
        return connection.execute(statement).first() is not None


def workers_with_claims(engine: Engine, merchant: Merchant) -> set[str]:
    """Ids of the workers that hold claims; what a dead one holds may be released at once."""
    statement = select(notifications.c.worker_id).where(
        notifications.c.merchant_id == merchant.id,
        is_word(notifications.c.state, *OPEN),
        notifications.c.worker_id.is_not(None),
    )
    with reading(engine) as connection:
        return set(connection.execute(statement.distinct()).scalars())


def release_claims(
    engine: Engine, merchant: Merchant, *, workers: Collection[str], at: datetime
) -> None:
    """Let what these workers had claimed wait again."""
    if not workers:
        return
    statement = (
        update(notifications)
        .where(notifications.c.merchant_id == merchant.id, is_word(notifications.c.state, *OPEN))
        .where(notifications.c.worker_id.in_(list(workers)))
        .values(worker_id=None, look_at=at)
    )
    writing(engine, lambda connection: connection.execute(statement))


def claim_objects(
    engine: Engine, merchant: Merchant, *, at: datetime, worker_id: str, limit: int = 100
) -> list[ObjectHint]:
    """Claim up to `limit` objects with every message that waits for them, longest waiting first."""
    claimed = writing(engine, lambda c: _claim(c, merchant, at, worker_id, limit))
    if claimed:
        reached("notification.claimed")
    return claimed


def _ready(merchant: Merchant, at: datetime) -> tuple[Any, ...]:
    return (
        notifications.c.merchant_id == merchant.id,
        is_word(notifications.c.state, *OPEN),
        notifications.c.look_at <= at,
    )


def _claim(
    connection: Connection, merchant: Merchant, at: datetime, worker_id: str, limit: int
) -> list[ObjectHint]:
    names = _objects(connection, merchant, at, limit)
    if not names:
        return []
    same = tuple_(notifications.c.object_type, notifications.c.object_id).in_(names)
    statement = (
        select(notifications)
        .where(*_ready(merchant, at), same)
        .order_by(notifications.c.id)
        .with_for_update(skip_locked=True)
    )
    rows = fetch(connection, statement)
    connection.execute(
        update(notifications)
        .where(notifications.c.id.in_([row["id"] for row in rows]))
        .values(look_at=at + HINT_LEASE, worker_id=worker_id)
    )
    return _resolved(connection, merchant, _hints(rows), at)


def _objects(
    connection: Connection, merchant: Merchant, at: datetime, limit: int
) -> list[tuple[str, str]]:
    statement = (
        select(notifications.c.object_type, notifications.c.object_id)
        .where(*_ready(merchant, at))
        .order_by(notifications.c.look_at, notifications.c.id)
        .limit(_ROWS)
    )
    first_seen = dict.fromkeys((row[0], row[1]) for row in connection.execute(statement))
    return list(first_seen)[:limit]


def _hints(rows: Sequence[Row]) -> list[ObjectHint]:
    by_object: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_object.setdefault((row["object_type"], row["object_id"]), []).append(row)
    return [
        ObjectHint(
            object_type=kind,
            object_id=object_id,
            permission_id=next((r["permission_amazon_id"] for r in named), None),
            rows=tuple(row["id"] for row in named),
            tries=max(row["tries"] for row in named),
        )
        for (kind, object_id), named in by_object.items()
    ]


def _resolved(
    connection: Connection, merchant: Merchant, hints: Sequence[ObjectHint], at: datetime
) -> list[ObjectHint]:
    finders = {
        "CHARGE_PERMISSION": _permissions_by_id,
        "CHARGE": _attempts_by_charge,
        "REFUND": _refunds_by_id,
    }
    found: list[ObjectHint] = []
    for kind, finder in finders.items():
        wanted = [hint for hint in hints if hint.object_type == kind]
        rows = finder(connection, merchant, {hint.object_id for hint in wanted}) if wanted else {}
        found += [_with_target(hint, rows.get(hint.object_id), at) for hint in wanted]
    return found


def _permissions_by_id(
    connection: Connection, merchant: Merchant, ids: Collection[str]
) -> Mapping[str, Row]:
    statement = select(permissions).where(
        permissions.c.merchant_id == merchant.id, permissions.c.amazon_id.in_(ids)
    )
    return {row["amazon_id"]: row for row in fetch(connection, statement)}


def _attempts_by_charge(
    connection: Connection, merchant: Merchant, ids: Collection[str]
) -> Mapping[str, Row]:
    statement = (
        select(attempts, permissions.c.amazon_id, slots.c.state.label("slot_state"))
        .join(permissions, permissions.c.id == attempts.c.permission_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(attempts.c.merchant_id == merchant.id, attempts.c.charge_id.in_(ids))
    )
    return {row["charge_id"]: row for row in fetch(connection, statement)}


def _refunds_by_id(
    connection: Connection, merchant: Merchant, ids: Collection[str]
) -> Mapping[str, Row]:
    statement = (
        select(refunds, attempts.c.charge_id)
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .where(refunds.c.merchant_id == merchant.id, refunds.c.refund_id.in_(ids))
    )
    return {row["refund_id"]: row for row in fetch(connection, statement)}


def _with_target(hint: ObjectHint, row: Row | None, at: datetime) -> ObjectHint:
    target: Target | None = None
    set_aside = False
    if row is not None and hint.object_type == "CHARGE_PERMISSION":
        target = WatchedPermission(row["id"], row["amazon_id"])
    elif row is not None and hint.object_type == "CHARGE":
        set_aside = row["slot_state"] == "quarantined"
        target = None if set_aside else _open_attempt(row, at)
    elif row is not None:
        set_aside = row["state"] == "quarantined"
        target = _open_refund(row)
    return ObjectHint(
        object_type=hint.object_type,
        object_id=hint.object_id,
        permission_id=hint.permission_id,
        rows=hint.rows,
        tries=hint.tries,
        target=target,
        is_known=row is not None,
        is_set_aside=set_aside,
    )


def _open_attempt(row: Row, at: datetime) -> OpenAttempt | None:
    """The attempt while its answer is open; it has its charge's id, so it is asked, never sent."""
    return open_attempt(row, row, at=at) if row["state"] in OPEN_ATTEMPT else None


def _open_refund(row: Row) -> OpenRefund | None:
    if row["state"] not in UNSETTLED:
        return None
    return OpenRefund(
        id=row["id"],
        charge_id=row["charge_id"],
        idempotency_key=row["idempotency_key"],
        body=row["body"],
        amount_yen=row["amount_yen"],
        refund_id=row["refund_id"],
    )

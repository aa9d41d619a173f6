"""Reads of charge permissions that are worth a call, and what a reading changes in the books.

Amazon tells by notification when a permission changes; a notification may never come, so asking
alone reaches the same state. Every reading, whatever caused it, is recorded by the same function.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, or_, select, update

from amazonpay import ChargePermission
from billing.dunning import RETRYABLE
from billing.permissions.permission_news import GOING_ON, PermissionNews, book_news
from billing.store.database import reading, writing
from billing.store.locking import lock_rows
from billing.store.merchants import Merchant
from billing.store.rows import Row, is_word, rows_by_id, table_of, update_many
from billing.tables import ChargePermissionRow, SlotRow, SubscriptionRow

log = logging.getLogger(__name__)

slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)

POLL_EVERY = timedelta(hours=1)
# Less than a day, so that a sweep that took long yesterday is not late today.
SWEEP_EVERY = timedelta(hours=20)
# Reasons that a permission's being Chargeable does not cure: they would only fail again, so they
# wait for a person, or for the end of the wait. Every other wait ends with a Chargeable permission.
NOT_CURED = (
    *sorted(RETRYABLE),
    "AmazonRejected",
    "MFANotCompleted",
    "TransactionAmountExceeded",
    "TransactionCountExceeded",
)


@dataclass(frozen=True, slots=True)
class WatchedPermission:
    """A charge permission whose state is to be read at Amazon."""

    id: int
    amazon_id: str


@dataclass(frozen=True, slots=True)
class SweepMark:
    """How far a sweep has come: the next charge, in order of its time."""

    due_at: datetime
    row_id: int


@dataclass(frozen=True, slots=True)
class SweepSlice:
    """Permissions to read, soonest charge first; `next_from` is None when there are no more."""

    permissions: tuple[WatchedPermission, ...]
    next_from: SweepMark | None


def permissions_to_read(
    engine: Engine, merchant: Merchant, *, at: datetime, limit: int = 200
) -> list[WatchedPermission]:
    """Permissions with a slot that waits for the buyer, not read within the last hour.

    The longest unread come first. A reading dated in the future (a clock was wrong) is none.
    """
    read = permissions.c.checked_at
    statement = (
        select(permissions.c.id, permissions.c.amazon_id)
        .where(permissions.c.merchant_id == merchant.id)
        .where(permissions.c.id.in_(_waiting(merchant)))
        .where(_unread(at, POLL_EVERY))
        .order_by(read.nulls_first(), permissions.c.id)
        .limit(limit)
    )
    with engine.connect().execution_options(autopay_reading=True) as connection:
        return [WatchedPermission(*row) for row in connection.execute(statement)]


def _unread(at: datetime, every: timedelta) -> Any:
    read = permissions.c.checked_at
    return or_(read.is_(None), read <= at - every, read > at)


def _waiting(merchant: Merchant) -> Any:
    return select(slots.c.permission_id).where(
        slots.c.merchant_id == merchant.id, is_word(slots.c.state, "waiting_buyer")
    )


def permissions_waiting(connection: Connection, merchant_id: str) -> list[str]:
    """Amazon's ids of the permissions with a slot that waits for the buyer."""
    statement = (
        select(permissions.c.amazon_id)
        .join(slots, slots.c.permission_id == permissions.c.id)
        .where(slots.c.merchant_id == merchant_id, is_word(slots.c.state, "waiting_buyer"))
        .distinct()
    )
    return list(connection.execute(statement).scalars())


def permissions_to_sweep(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    after: SweepMark | None = None,
    limit: int = 200,
) -> SweepSlice:
    """The next permissions that are charged within the merchant's `sweep_days`.

    Looks at `limit` coming charges from `after` on and leaves out what was read within 20 hours,
    so that a sweep touches each row once, however many there are.
    """
    owner, until = subscriptions.c, at + timedelta(days=merchant.sweep_days)
    due = (
        select(owner.due_at, owner.id, owner.permission_id)
        .where(owner.merchant_id == merchant.id, owner.due_at <= until)
        .where(owner.state.in_(GOING_ON))
        .order_by(owner.due_at, owner.id)
        .limit(limit)
    )
    if after is not None:
        later = (owner.due_at == after.due_at) & (owner.id > after.row_id)
        due = due.where(or_(owner.due_at > after.due_at, later))
    with reading(engine) as connection:
        coming = connection.execute(due).all()
        wanted = dict.fromkeys(row.permission_id for row in coming)
        if after is None:
            wanted |= dict.fromkeys(_of_due_slots(connection, merchant, until, limit))
        found = _unread_of(connection, list(wanted), at)
    last = SweepMark(coming[-1].due_at, coming[-1].id) if len(coming) == limit else None
    return SweepSlice(tuple(found[key] for key in wanted if key in found), last)


def _of_due_slots(
    connection: Connection, merchant: Merchant, until: datetime, limit: int
) -> list[int]:
    """Permissions of invoices that are charged soon: tries again, and what the cap has moved."""
    statement = (
        select(slots.c.permission_id)
        .where(slots.c.merchant_id == merchant.id, is_word(slots.c.state, "due"))
        .where(slots.c.due_at <= until)
        .order_by(slots.c.due_at, slots.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def _unread_of(
    connection: Connection, ids: Sequence[int], at: datetime
) -> dict[int, WatchedPermission]:
    statement = select(permissions.c.id, permissions.c.amazon_id).where(
        permissions.c.id.in_(ids), _unread(at, SWEEP_EVERY)
    )
    return {row.id: WatchedPermission(*row) for row in connection.execute(statement)}


def record_permissions(
    engine: Engine,
    merchant: Merchant,
    seen: Sequence[tuple[WatchedPermission, ChargePermission | None]],
    *,
    at: datetime,
) -> list[int]:
    """Write what Amazon said; a Chargeable one makes its waiting slots due at once.

    Agreements and the outbox hear of what changed. One that could not be read keeps its state;
    only the time of the try is written. Returns the ids of the slots that became due.
    """
    if not seen:
        return []
    return writing(engine, lambda connection: _record(connection, merchant, seen, at))


def _record(
    connection: Connection,
    merchant: Merchant,
    tried: Sequence[tuple[WatchedPermission, ChargePermission | None]],
    at: datetime,
) -> list[int]:
    before = _locked(connection, sorted({watched.id for watched, _ in tried}))
    seen = [(watched, found) for watched, found in tried if found is not None]
    fresh = {w.id: found for w, found in seen if not _is_overtaken(before[w.id], found, at)}
    unread = [key for key in before if key not in fresh]
    update_many(connection, permissions, [{"id": key, "checked_at": at} for key in unread])
    after = {key: _seen_row(key, found, at) for key, found in fresh.items()}
    update_many(connection, permissions, list(after.values()))
    news = [PermissionNews(before[key], before[key] | row) for key, row in after.items()]
    book_news(connection, merchant, news, at=at)
    cured = [key for key, row in after.items() if row["state"] == "Chargeable"]
    return _make_due(connection, cured, at)


def _locked(connection: Connection, ids: Sequence[int]) -> Mapping[int, dict[str, Any]]:
    lock_rows(connection, permissions, ids)
    found = rows_by_id(connection, permissions, ids)
    return {key: dict(found[key]) for key in ids if key in found}


def _is_overtaken(before: Row, found: ChargePermission, at: datetime) -> bool:
    """Older than what is written: two readers were under way, and the newer answer came first.

    Closed is final at Amazon, so nothing comes after it. A change that is dated in the future
    (a clock was wrong) overtakes nothing.
    """
    known, said = before["state_changed_at"], found.state_changed_at
    if before["state"] == "Closed" and str(found.state) != "Closed":
        log.warning("%s was Closed and is said to be %s", before["amazon_id"], found.state)
        return True
    return known is not None and said is not None and said < known <= at


def _make_due(connection: Connection, cured: Sequence[int], at: datetime) -> list[int]:
    statement = (
        update(slots)
        .where(slots.c.permission_id.in_(cured), is_word(slots.c.state, "waiting_buyer"))
        .where(slots.c.reason.not_in(NOT_CURED))
        .values(state="due", due_at=at)
        .returning(slots.c.id)
    )
    return sorted(connection.execute(statement).scalars()) if cured else []


def _seen_row(row_id: int, permission: ChargePermission, at: datetime) -> dict[str, Any]:
    reasons = permission.reasons
    return {
        "id": row_id,
        "state": str(permission.state),
        "state_reason": str(reasons[0].code) if reasons else None,
        "amount_limit_yen": permission.amount_limit_yen,
        "expires_at": permission.expires_at,
        "checked_at": at,
        "state_changed_at": permission.state_changed_at,
    }

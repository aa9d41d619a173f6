"""Charges that Amazon has and restored books lost: which slots they were for, or may have been.

A charge's own id proves it. A balance only suggests it: somebody else may have charged just that
amount. No key is sent for either: one that Amazon does not know would take money anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, func, or_, select, update

from billing.permissions.sweep import WatchedPermission
from billing.store.merchants import Merchant
from billing.store.rows import fetch, is_word, table_of
from billing.tables import AttemptRow, ChargePermissionRow, NotificationRow, SlotRow

_slots = table_of(SlotRow)
_attempts = table_of(AttemptRow)
_permissions = table_of(ChargePermissionRow)
_notifications = table_of(NotificationRow)

# A buyer has a few agreements under one permission; beyond this many a person finds out which.
MOST_SLOTS = 12
UNSETTLED = ("intended", "in_doubt", "pending")


@dataclass(frozen=True, slots=True)
class OpenSlot:
    """A slot of the books as they were restored; `state` says whether it can be charged at all."""

    id: int
    reference: str
    state: str
    due_at: datetime
    amount_yen: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A permission to read at Amazon: what our books took this month, and what they have not."""

    watched: WatchedPermission
    ours_yen: int
    slots: tuple[OpenSlot, ...]


def lost_slots(*, extra_yen: int, slots: Sequence[OpenSlot]) -> tuple[OpenSlot, ...]:
    """The slots that Amazon may have charged to have used `extra_yen` more than our books say.

    The fewest that give exactly that sum, of equals the ones due first, which is the order in
    which they were charged. Empty when no sum fits: then nothing is proven.
    """
    if extra_yen <= 0 or len(slots) > MOST_SLOTS:
        return ()
    ordered = sorted(slots, key=lambda slot: (slot.due_at, slot.id))
    for size in range(1, len(ordered) + 1):
        for chosen in combinations(ordered, size):
            if sum(slot.amount_yen for slot in chosen) == extra_yen:
                return chosen
    return ()


def permissions_to_compare(
    connection: Connection,
    merchant: Merchant,
    *,
    since: datetime,
    at: datetime,
    after: int = 0,
    limit: int = 200,
) -> list[Compared]:
    """Permissions with a slot that is open, or was first due after `since`; the next `limit`.

    Pages go by the permission's id: `after` is the last one of the page before.
    """
    concerned = (
        select(_slots.c.permission_id)
        .where(_slots.c.merchant_id == merchant.id)
        .where(
            or_(
                is_word(_slots.c.state, "due", "open", "waiting_buyer"),
                _slots.c.first_due_at >= since,
            )
        )
    )
    statement = (
        select(_permissions.c.id, _permissions.c.amazon_id)
        .where(_permissions.c.merchant_id == merchant.id, _permissions.c.id > after)
        .where(_permissions.c.id.in_(concerned))
        .order_by(_permissions.c.id)
        .limit(limit)
    )
    watched = [WatchedPermission(*row) for row in connection.execute(statement)]
    ids = [permission.id for permission in watched]
    taken = _taken(connection, ids, since=_month_began(at, merchant.timezone))
    unpaid = _unpaid(connection, ids, at)
    return [Compared(one, taken.get(one.id, 0), tuple(unpaid.get(one.id, ()))) for one in watched]


def slots_of_references(
    connection: Connection, merchant: Merchant, references: Collection[str]
) -> dict[str, OpenSlot]:
    """Slots by the reference that their charges carry at Amazon."""
    statement = _columns().where(
        _slots.c.merchant_id == merchant.id, _slots.c.reference.in_(list(references))
    )
    return {row.reference: OpenSlot(*row[1:]) for row in connection.execute(statement)}


def unknown_charge_ids(
    connection: Connection, merchant: Merchant, charge_ids: Collection[str]
) -> list[str]:
    """Those of the given charges that no attempt of ours has."""
    statement = select(_attempts.c.charge_id).where(
        _attempts.c.merchant_id == merchant.id, _attempts.c.charge_id.in_(list(charge_ids))
    )
    return sorted(set(charge_ids) - set(connection.execute(statement).scalars()))


def told_charge_ids(connection: Connection, merchant: Merchant, *, since: datetime) -> list[str]:
    """Charges that notifications since then named; most are ours already."""
    statement = select(_notifications.c.object_id).where(
        _notifications.c.merchant_id == merchant.id,
        _notifications.c.received_at >= since,
        func.upper(_notifications.c.object_type) == "CHARGE",
        _notifications.c.object_id.is_not(None),
    )
    return sorted(set(connection.execute(statement).scalars()))


def bring_forward(
    connection: Connection, merchant: Merchant, slot_ids: Collection[int], *, at: datetime
) -> None:
    """Make slots due that Amazon has charged already, whatever they wait for.

    A try that dunning planned for later was made; a decline of it uses up no further one.
    """
    if not slot_ids:
        return
    mine = _slots.c.merchant_id == merchant.id, _slots.c.id.in_(sorted(slot_ids))
    waiting = is_word(_slots.c.state, "due", "waiting_buyer")
    due = {"state": "due", "due_at": at, "asked_attempt": _slots.c.attempts + 1}
    connection.execute(update(_slots).where(*mine, waiting).values(due))


def _taken(connection: Connection, ids: Sequence[int], *, since: datetime) -> dict[int, int]:
    """Yen of each permission that Amazon may count in its month, at most."""
    in_month = or_(_attempts.c.intended_at >= since, _attempts.c.answered_at >= since)
    statement = (
        select(_attempts.c.permission_id, func.sum(_attempts.c.amount_yen))
        .where(_attempts.c.permission_id.in_(ids))
        .where(
            or_(
                is_word(_attempts.c.state, *UNSETTLED),
                is_word(_attempts.c.state, "captured", "authorized") & in_month,
            )
        )
        .group_by(_attempts.c.permission_id)
    )
    return {row[0]: int(row[1]) for row in connection.execute(statement)}


def _unpaid(connection: Connection, ids: Sequence[int], at: datetime) -> dict[int, list[OpenSlot]]:
    """Slots that may have been charged by now: due, or tried before and waiting for a next try."""
    may_be = or_(_slots.c.due_at <= at, _slots.c.attempts > 0)
    statement = _columns().where(
        _slots.c.permission_id.in_(ids), is_word(_slots.c.state, "due", "waiting_buyer"), may_be
    )
    found: dict[int, list[OpenSlot]] = {}
    for row in fetch(connection, statement):
        values = {name: row[name] for name in ("id", "reference", "state", "due_at", "amount_yen")}
        found.setdefault(row["permission_id"], []).append(OpenSlot(**values))
    return found


def _columns() -> Select[Any]:
    return select(
        _slots.c.permission_id,
        _slots.c.id,
        _slots.c.reference,
        _slots.c.state,
        _slots.c.due_at,
        _slots.c.amount_yen,
    )


def _month_began(at: datetime, timezone: str) -> datetime:
    """The earliest moment of Amazon's current month, whoever's midnight ends it."""
    places = (at.astimezone(ZoneInfo(timezone)), at - timedelta(days=1))
    return min(
        moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for moment in places
    )

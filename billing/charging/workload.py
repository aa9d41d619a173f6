"""How much is due of which merchant: what a tick hands out to workers.

Only counted, never claimed, and never further than asked: a backlog of millions is looked at as far
as it can be handed out. A merchant that turns out to have nothing to do costs one look.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, literal, or_, select

from billing.store.rows import fetch, is_word, table_of
from billing.tables import (
    AttemptRow,
    MerchantRow,
    NotificationRow,
    RefundRow,
    SlotRow,
    SubscriptionRow,
)

_merchants = table_of(MerchantRow)
_subscriptions = table_of(SubscriptionRow)
_slots = table_of(SlotRow)
_attempts = table_of(AttemptRow)
_refunds = table_of(RefundRow)
_notifications = table_of(NotificationRow)

_UNSETTLED = ("intended", "in_doubt", "pending")


@dataclass(frozen=True, slots=True)
class Workload:
    """What is due of one merchant: charges to begin or to ask about, and refunds; 0 is none."""

    charges: int
    refunds: int


def merchants_to_serve(connection: Connection) -> list[str]:
    """Ids of all merchants that have keys of Amazon Pay, in order."""
    statement = select(_merchants.c.id).where(_merchants.c.sealed_private_key.is_not(None))
    return sorted(connection.execute(statement).scalars())


def count_due(
    connection: Connection,
    merchant_ids: Collection[str],
    *,
    at: datetime,
    dead_workers: Collection[str] = (),
    most: int,
) -> dict[str, Workload]:
    """What is due at `at` of each merchant that has anything; each kind counted up to `most`."""
    dead = list(dead_workers)
    charges = (
        _up_to(most, _subscriptions, _subscriptions.c.due_at <= at)
        + _up_to(most, _slots, is_word(_slots.c.state, "due"), _slots.c.due_at <= at)
        + _up_to(
            most, _attempts, is_word(_attempts.c.state, *_UNSETTLED), _ready(_attempts, at, dead)
        )
    )
    refunds = _up_to(
        most, _refunds, is_word(_refunds.c.state, *_UNSETTLED), _ready(_refunds, at, dead)
    )
    statement = select(_merchants.c.id, charges.label("charges"), refunds.label("refunds"))
    rows = fetch(connection, statement.where(_merchants.c.id.in_(sorted(merchant_ids))))
    found = {row["id"]: Workload(row["charges"], row["refunds"]) for row in rows}
    return {name: work for name, work in sorted(found.items()) if work.charges or work.refunds}


def merchants_notified(connection: Connection, *, at: datetime) -> set[str]:
    """Ids of the merchants with a notification that is to be looked into at `at`."""
    statement = select(_notifications.c.merchant_id).where(
        is_word(_notifications.c.state, "waiting", "parked"), _notifications.c.look_at <= at
    )
    return set(connection.execute(statement.distinct()).scalars())


def workers_with_open_work(connection: Connection) -> set[str]:
    """Ids of all workers and runs that own an unsettled charge or refund of any merchant."""
    owners: set[str] = set()
    for table in (_attempts, _refunds):
        statement = select(table.c.worker_id).where(
            is_word(table.c.state, *_UNSETTLED), table.c.worker_id.is_not(None)
        )
        owners.update(connection.execute(statement.distinct()).scalars())
    return owners


def _ready(table: Table, at: datetime, dead: list[str]) -> Any:
    return or_(table.c.look_at <= at, table.c.worker_id.in_(dead))


def _up_to(most: int, table: Table, *conditions: Any) -> Any:
    """How many rows of the merchant of the outer query meet the conditions, counted to `most`."""
    some = (
        select(literal(1).label("one"))
        .where(table.c.merchant_id == _merchants.c.id, *conditions)
        .limit(most)
        .correlate(_merchants)
        .subquery()
    )
    return select(func.count()).select_from(some).scalar_subquery()

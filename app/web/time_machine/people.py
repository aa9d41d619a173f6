"""Whom a scenario can happen to: the agreements that are charged next, and those that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from sqlalchemy import Connection, select

from app.web.shell.tables import TABLES
from billing import Merchant
from billing.desk import coming_charges, coming_rows

slots, subscriptions = TABLES["slot"], TABLES["subscription"]
customers, permissions = TABLES["customer"], TABLES["charge_permission"]

DAYS_AHEAD = 35
CHOICES, WAITING = 40, 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agreement with its next charge; `on` is None while it waits for its buyer."""

    subscription_id: int
    customer_name: str
    subscription: str
    permission_id: str
    amount_yen: int
    on: date | None


def candidates(connection: Connection, merchant: Merchant, *, at: datetime) -> list[Candidate]:
    """Those who wait for their buyer, then the soonest of the coming five weeks."""
    coming = coming_charges(connection, merchant, at=at, days=DAYS_AHEAD)
    _, firsts = np.unique(coming.subscription, return_index=True)
    soonest = coming_rows(connection, coming, np.sort(firsts)[:CHOICES])
    found = [
        Candidate(
            row.subscription_id,
            row.customer_name,
            row.subscription,
            row.charge_permission_id,
            row.amount_yen,
            row.on,
        )
        for row in soonest
    ]
    waiting = _waiting(connection, merchant.id)
    known = {each.subscription_id for each in waiting}
    return [*waiting, *(each for each in found if each.subscription_id not in known)]


def candidate(
    connection: Connection, merchant: Merchant, subscription_id: int, *, at: datetime
) -> Candidate | None:
    """One agreement of this merchant; None when there is none, or nothing to charge."""
    among = candidates(connection, merchant, at=at)
    return next((each for each in among if each.subscription_id == subscription_id), None)


def _waiting(connection: Connection, merchant_id: str) -> Sequence[Candidate]:
    statement = (
        select(
            subscriptions.c.id,
            customers.c.name,
            subscriptions.c.external_id,
            permissions.c.amazon_id,
            slots.c.amount_yen,
        )
        .select_from(
            slots.join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
            .join(customers, customers.c.id == subscriptions.c.customer_id)
            .join(permissions, permissions.c.id == slots.c.permission_id)
        )
        .where(slots.c.merchant_id == merchant_id, slots.c.state == "waiting_buyer")
        .order_by(slots.c.id.desc())
        .limit(WAITING)
    )
    rows = connection.execute(statement).all()
    newest = {row.id: row for row in reversed(rows)}
    return [
        Candidate(row.id, row.name, row.external_id, row.amazon_id, row.amount_yen, None)
        for row in newest.values()
    ]

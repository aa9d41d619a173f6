"""Which instants a move stops at, and when the next charge comes."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection, func, select

from billing import Merchant, SlotRow, charge_instant, civil_date, table_of
from billing.desk import Coming, coming_charges

NEXT_DAYS = 370
# What must wait for a new month is charged a few minutes after the others.
AFTER_HOUR = timedelta(minutes=5)
DAY = timedelta(days=1)

slots = table_of(SlotRow)


def stops(merchant: Merchant, *, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every charge hour on the way, so that each day's renewals happen on their day; the end."""
    on = civil_date(at=after, timezone=merchant.timezone)
    while (at := _charged_by(merchant, on)) < until:
        if at > after:
            yield at
        on += DAY
    yield until


def next_charge(
    connection: Connection, merchant: Merchant, *, at: datetime, subscription_id: int | None = None
) -> datetime | None:
    """Just after the next charge that is expected to be tried; None within `NEXT_DAYS` days.

    Of one agreement with `subscription_id`, else of any: a slot that is due later, or a renewal
    of the forecast.
    """
    found = [_next_slot(connection, merchant, at, subscription_id)]
    for days in (35, NEXT_DAYS):
        coming = coming_charges(connection, merchant, at=at, days=days)
        found.append(_next_coming(coming, merchant, at, subscription_id))
        known = [each for each in found if each is not None]
        if known:
            return min(known)
    return None


def _next_slot(
    connection: Connection, merchant: Merchant, at: datetime, subscription_id: int | None
) -> datetime | None:
    statement = select(func.min(slots.c.due_at)).where(
        slots.c.merchant_id == merchant.id, slots.c.state == "due", slots.c.due_at > at
    )
    if subscription_id is not None:
        statement = statement.where(slots.c.subscription_id == subscription_id)
    due_at: datetime | None = connection.execute(statement).scalar()
    return None if due_at is None else due_at + AFTER_HOUR


def _next_coming(
    coming: Coming, merchant: Merchant, at: datetime, subscription_id: int | None
) -> datetime | None:
    wanted = ~coming.failing
    if subscription_id is not None:
        wanted &= coming.subscription == subscription_id
    for on in np.unique(coming.on[wanted]):
        then = _charged_by(merchant, on.item())
        if then > at:
            return then
    return None


def _charged_by(merchant: Merchant, on: date) -> datetime:
    hour = charge_instant(on=on, timezone=merchant.timezone, hour=merchant.charge_hour)
    return hour + AFTER_HOUR

"""Tells subscribers that their price will move, from the day that the price list names for it.

Once per migration and subscription; who keeps the old price for ever is told nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, exists, select

from billing.catalogue.price_moves import PriceMoves, load_price_moves, terms_in_force
from billing.catalogue.terms import Terms, terms_of
from billing.dates import civil_date
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.notices import agreement_notice, write_notices
from billing.store.rows import Row, fetch, table_of
from billing.tables import NoticeRow, PlanRow, PriceRow, SubscriptionRow
from plans import PlansError, PriceMigration, PriceRef

__all__ = ["tell_price_changes"]

_subscriptions = table_of(SubscriptionRow)
_notices = table_of(NoticeRow)
_prices = table_of(PriceRow)
_plans = table_of(PlanRow)

KIND = "price_change"
ENDED = "canceled"
SLICE = 500


def tell_price_changes(engine: Engine, merchant: Merchant, *, at: datetime) -> int:
    """Write the notices whose day has come; returns how many. Safe to run at any time."""
    on = civil_date(at=at, timezone=merchant.timezone)
    with reading(engine) as connection:
        moves = load_price_moves(connection, merchant.id)
        told_of = [m for m in moves.by_old.values() if m.notice_on <= on]
        agreed = _terms_by_id(connection, merchant) if told_of else {}
    told = 0
    for migration in told_of:
        affected = [
            price_id for price_id, terms in agreed.items() if migration in moves.chain(terms)
        ]
        if affected:
            told += _tell(engine, merchant, migration, moves, agreed, affected, at, on)
    return told


def _terms_by_id(connection: Connection, merchant: Merchant) -> dict[int, Terms]:
    statement = (
        select(_prices.c.id)
        .join(_plans, _plans.c.id == _prices.c.plan_id)
        .where(_plans.c.merchant_id == merchant.id)
    )
    return terms_of(connection, connection.execute(statement).scalars().all())


def _tell(
    engine: Engine,
    merchant: Merchant,
    migration: PriceMigration,
    moves: PriceMoves,
    agreed: dict[int, Terms],
    price_ids: Sequence[int],
    at: datetime,
    on: date,
) -> int:
    told, after = 0, 0
    while True:
        with reading(engine) as connection:
            rows = _untold(connection, merchant, migration, price_ids, after)
        notices = [
            notice
            for row in rows
            for notice in _notice(row, migration, moves, agreed[row["price_id"]], at, on)
        ]
        if notices:
            writing(engine, partial(write_notices, rows=notices))
        told += len(notices)
        if len(rows) < SLICE:
            return told
        after = rows[-1]["id"]


def _untold(
    connection: Connection,
    merchant: Merchant,
    migration: PriceMigration,
    price_ids: Sequence[int],
    after: int,
) -> list[Row]:
    key = _subscriptions.c.external_id + f"/{KIND}/{_name(migration)}"
    told = exists().where(_notices.c.merchant_id == merchant.id, _notices.c.dedup_key == key)
    statement = (
        select(_subscriptions)
        .where(_subscriptions.c.merchant_id == merchant.id, _subscriptions.c.id > after)
        .where(_subscriptions.c.price_id.in_(price_ids), _subscriptions.c.state != ENDED, ~told)
        .order_by(_subscriptions.c.id)
        .limit(SLICE)
    )
    return fetch(connection, statement)


def _notice(
    row: Row,
    migration: PriceMigration,
    moves: PriceMoves,
    agreed: Terms,
    at: datetime,
    on: date,
) -> Iterator[dict[str, Any]]:
    moves_on = migration.moves_on(subscribed_on=row["started_on"])
    if moves_on is None or moves_on <= on:
        return  # it never moves, or had moved before anybody ran this
    try:
        new = terms_in_force(
            agreed=agreed, moves=moves, subscribed_on=row["started_on"], on=moves_on
        )
    except PlansError:
        return  # a migration to a price that is not in the books: the charge itself will say so
    old = moves.terms.get(migration.old, agreed)
    if PriceRef(new.plan.code, new.price.valid_from) != migration.new:
        return
    yield agreement_notice(
        row,
        kind=KIND,
        at=at,
        step=_name(migration),
        facts={
            "on": moves_on.isoformat(),
            "old_yen": _yen(old, row["quantity"]),
            "new_yen": _yen(new, row["quantity"]),
            "old": {"plan": old.plan.code, "ja": old.plan.name_ja, "en": old.plan.name_en},
            "new": {"plan": new.plan.code, "ja": new.plan.name_ja, "en": new.plan.name_en},
        },
    )


def _yen(terms: Terms, quantity: int) -> int:
    """What a cycle costs by the plan alone; what scales per seat counts all its seats."""
    return terms.price.amount_yen * (quantity if terms.price.per_seat else 1)


def _name(migration: PriceMigration) -> str:
    """What tells this migration from an earlier version of itself with another day."""
    return f"{migration.code}@{migration.effective_on.isoformat()}"

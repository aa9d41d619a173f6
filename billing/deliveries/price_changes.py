"""Tells subscribers that their price will move, and that it stays after all.

Once per announcement and subscription, from the day that the price list names for it; who keeps
the old price for ever is told nothing. A withdrawal tells those who know of the move, and nobody
else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, exists, select

from billing.catalogue.offers_store import load_offers
from billing.catalogue.price_moves import PriceMoves, load_price_moves, terms_in_force
from billing.catalogue.terms import Terms, terms_of
from billing.dates import civil_date
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.notices import agreement_notice, write_notices
from billing.store.rows import Row, fetch, table_of
from billing.tables import NoticeRow, PlanRow, PriceRow, SubscriptionRow
from plans import PlansError, PriceMigration, PriceRef

__all__ = ["announcement_of", "tell_price_changes", "tell_price_stays"]

_subscriptions = table_of(SubscriptionRow)
_notices = table_of(NoticeRow)
_prices = table_of(PriceRow)
_plans = table_of(PlanRow)

KIND = "price_change"
STAYS = "price_stays"
ENDED = "canceled"
SLICE = 500
_COLUMNS = ("id", "merchant_id", "external_id", "price_id", "quantity", "started_on")


@dataclass(frozen=True, slots=True)
class _Books:
    """The price list as it is when somebody is told: migrations, their names, terms by price id."""

    moves: PriceMoves
    names: Mapping[str, str]
    terms: Mapping[int, Terms]

    def subscribers_of(self, migration: PriceMigration) -> list[int]:
        """The prices whose subscribers a migration may concern."""
        return [
            price_id
            for price_id, terms in self.terms.items()
            if migration in self.moves.chain(terms)
        ]


def tell_price_changes(engine: Engine, merchant: Merchant, *, at: datetime) -> int:
    """Write the notices whose day has come; returns how many. Safe to run at any time.

    Who was told while the move was being withdrawn hears here that the price stays.
    """
    on = civil_date(at=at, timezone=merchant.timezone)
    with reading(engine) as connection:
        books = _books(connection, merchant)
    told = 0
    for migration in books.moves.by_old.values():
        concerns = migration.effective_on > on if migration.is_withdrawn else True
        if concerns and migration.notice_on <= on:
            told += _tell(engine, merchant, migration, books, at, on)
    return told


def tell_price_stays(
    connection: Connection, merchant: Merchant, migration: PriceMigration, *, at: datetime
) -> int:
    """Tell those who were told of a move that it was withdrawn; returns how many.

    `migration` is the withdrawn version as it is stored. Writing it twice is writing it once.
    """
    books, on = _books(connection, merchant), civil_date(at=at, timezone=merchant.timezone)
    told, after = 0, 0
    while rows := _untold(connection, merchant, migration, books, after):
        notices = _notices_of(rows, migration, books, at, on)
        write_notices(connection, notices)
        told, after = told + len(notices), rows[-1]["id"]
    return told


def announcement_of(connection: Connection, merchant: Merchant, migration: PriceMigration) -> str:
    """What tells this announcement of a move from others, in the keys of its notices."""
    return _names(connection, merchant)[migration.code]


def _books(connection: Connection, merchant: Merchant) -> _Books:
    moves = load_price_moves(connection, merchant.id)
    if not moves.by_old:
        return _Books(moves, {}, {})
    return _Books(moves, _names(connection, merchant), _terms_by_id(connection, merchant))


def _names(connection: Connection, merchant: Merchant) -> dict[str, str]:
    """By code: the day of the move, and a number where a withdrawn one had the same day."""
    versions: dict[str, list[PriceMigration]] = {}
    for each in load_offers(connection, merchant.id):
        if isinstance(each, PriceMigration):
            versions.setdefault(each.code, []).append(each)
    return {code: _name(dated) for code, dated in versions.items()}


def _name(versions: Sequence[PriceMigration]) -> str:
    newest = versions[-1]
    day = newest.effective_on
    before = sum(each.is_withdrawn and each.effective_on == day for each in versions[:-1])
    again = f"/{before + 1}" if before else ""
    return f"{newest.code}@{day.isoformat()}{again}"


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
    books: _Books,
    at: datetime,
    on: date,
) -> int:
    told, after = 0, 0
    while True:
        with reading(engine) as connection:
            rows = _untold(connection, merchant, migration, books, after)
        notices = _notices_of(rows, migration, books, at, on)
        if notices:
            writing(engine, partial(write_notices, rows=notices))
        told += len(notices)
        if len(rows) < SLICE:
            return told
        after = rows[-1]["id"]


def _untold(
    connection: Connection, merchant: Merchant, migration: PriceMigration, books: _Books, after: int
) -> list[Row]:
    """The next subscribers who do not know yet: of a withdrawal, those who know of the move."""
    name = books.names[migration.code]
    wanted = [~_is_told(merchant, KIND, name)]
    if migration.is_withdrawn:
        wanted = [_is_told(merchant, KIND, name), ~_is_told(merchant, STAYS, name)]
    statement = (
        select(*(_subscriptions.c[column] for column in _COLUMNS))
        .where(_subscriptions.c.merchant_id == merchant.id, _subscriptions.c.id > after)
        .where(_subscriptions.c.price_id.in_(books.subscribers_of(migration)))
        .where(_subscriptions.c.state != ENDED, *wanted)
        .order_by(_subscriptions.c.id)
        .limit(SLICE)
    )
    return fetch(connection, statement)


def _is_told(merchant: Merchant, kind: str, name: str) -> ColumnElement[bool]:
    key = _subscriptions.c.external_id + f"/{kind}/{name}"
    return exists().where(_notices.c.merchant_id == merchant.id, _notices.c.dedup_key == key)


def _notices_of(
    rows: Sequence[Row], migration: PriceMigration, books: _Books, at: datetime, on: date
) -> list[dict[str, Any]]:
    make = _stays if migration.is_withdrawn else _notice
    return [notice for row in rows for notice in make(row, migration, books, at, on)]


def _notice(
    row: Row, migration: PriceMigration, books: _Books, at: datetime, on: date
) -> Iterator[dict[str, Any]]:
    agreed, moves = books.terms[row["price_id"]], books.moves
    moves_on = migration.moves_on(subscribed_on=row["started_on"])
    if moves_on is None or moves_on <= on:
        return  # it never moves, or had moved before anybody ran this
    try:
        new = terms_in_force(
            agreed=agreed, moves=moves, subscribed_on=row["started_on"], on=moves_on
        )
    except PlansError:
        return  # a migration to a price that is not in the books: the charge itself will say so
    if PriceRef(new.plan.code, new.price.valid_from) != migration.new:
        return
    old = moves.terms.get(migration.old, agreed)
    facts = {"on": moves_on.isoformat(), **_prices_of(old, new, row["quantity"])}
    name = books.names[migration.code]
    yield agreement_notice(row, kind=KIND, at=at, step=name, facts=facts)


def _stays(
    row: Row, migration: PriceMigration, books: _Books, at: datetime, _on: date
) -> Iterator[dict[str, Any]]:
    old = books.moves.terms.get(migration.old, books.terms[row["price_id"]])
    new = books.moves.terms.get(migration.new, old)
    facts = {
        "on": migration.effective_on.isoformat(),
        **_prices_of(old, new, row["quantity"]),
    }
    name = books.names[migration.code]
    yield agreement_notice(row, kind=STAYS, at=at, step=name, facts=facts)


def _prices_of(old: Terms, new: Terms, quantity: int) -> dict[str, Any]:
    """Both plans, and what a cycle of each costs by the plan alone."""
    return {
        "old_yen": _yen(old, quantity),
        "new_yen": _yen(new, quantity),
        "old": {"plan": old.plan.code, "ja": old.plan.name_ja, "en": old.plan.name_en},
        "new": {"plan": new.plan.code, "ja": new.plan.name_ja, "en": new.plan.name_en},
    }


def _yen(terms: Terms, quantity: int) -> int:
    """What scales per seat counts all its seats, by their tiers where it has some."""
    return terms.price.cycle_yen(quantity=quantity if terms.price.per_seat else 1)

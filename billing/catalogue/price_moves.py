"""What a subscriber pays by now: the price agreed, moved as often as the merchant's migrations say.

A migration moves what is charged and the words for it. It never moves the calendar: days and
length of cycles stay as agreed, so that no day is charged twice or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection, select

from billing.catalogue.terms import Terms, terms_of
from billing.store.rows import Row, fetch, table_of
from billing.tables import OfferRow, OfferVersionRow, PlanRow, PriceRow
from plans import BadInput, NoPriceYet, PriceMigration, PriceRef, offer_from_text, price_agreed

__all__ = ["PriceMoves", "PriceStep", "load_price_moves", "price_steps", "terms_in_force"]

_offers = table_of(OfferRow)
_versions = table_of(OfferVersionRow)
_plans = table_of(PlanRow)
_prices = table_of(PriceRow)


@dataclass(frozen=True, slots=True)
class PriceMoves:
    """A merchant's price migrations, the newest version of each, and the terms they lead to.

    Load them once for a run: nothing here asks the database for a subscription.
    """

    by_old: Mapping[PriceRef, PriceMigration] = field(default_factory=dict)
    terms: Mapping[PriceRef, Terms] = field(default_factory=dict)

    @classmethod
    def of(cls, migrations: Iterable[PriceMigration], terms: Iterable[Terms]) -> PriceMoves:
        """Index migrations by the price they move, and terms by their price."""
        return cls(
            {migration.old: migration for migration in migrations},
            {_ref(each): each for each in terms},
        )

    def chain(self, agreed: Terms) -> tuple[PriceMigration, ...]:
        """Every migration that may ever move a subscriber of these terms, in their order."""
        found: list[PriceMigration] = []
        migration = self.by_old.get(_ref(agreed))
        # The import refuses a circle; should the books hold one, each migration counts once.
        while migration is not None and migration not in found:
            found.append(migration)
            migration = self.by_old.get(migration.new)
        return tuple(found)

    def group_days(self, agreed: Terms) -> tuple[date, ...]:
        """The days that part the subscribers of these terms: those between two move alike.

        Each group begins with one of these days, the first one with the oldest subscriber.
        """
        stays = [migration.grandfathered for migration in self.chain(agreed)]
        days = {stay.subscribed_before for stay in stays if stay is not None}
        return tuple(sorted(day for day in days if day is not None))


@dataclass(frozen=True, slots=True)
class PriceStep:
    """Other terms, for the cycles that start on `since` or later."""

    since: date
    terms: Terms


def terms_in_force(*, agreed: Terms, moves: PriceMoves, subscribed_on: date, on: date) -> Terms:
    """Give the terms of a cycle that starts on `on` by its calendar, moved due date or not.

    They are the `agreed` ones, or the words and amounts of the price moved to on the calendar
    agreed. `subscribed_on` is the subscription's `started_on`. Raises BadInput for a price of
    another interval, NoPriceYet for one that is not in the books.
    """
    if _ref(agreed) not in moves.by_old:
        return agreed
    migrations = moves.by_old.values()
    ref = price_agreed(
        migrations=migrations, agreed=_ref(agreed), subscribed_on=subscribed_on, on=on
    )
    return agreed if ref == _ref(agreed) else _moved(agreed, ref, moves)


def price_steps(*, agreed: Terms, moves: PriceMoves, subscribed_on: date) -> tuple[PriceStep, ...]:
    """List the days from which `terms_in_force` gives other terms than before; raises as it does.

    No steps: the price agreed holds for ever.
    """
    days = {each.moves_on(subscribed_on=subscribed_on) for each in moves.chain(agreed)}
    return tuple(_steps(agreed, moves, subscribed_on, sorted(day for day in days if day)))


def _steps(
    agreed: Terms, moves: PriceMoves, subscribed_on: date, days: Iterable[date]
) -> Iterator[PriceStep]:
    before = agreed
    for day in days:
        terms = terms_in_force(agreed=agreed, moves=moves, subscribed_on=subscribed_on, on=day)
        if terms != before:
            yield PriceStep(day, terms)
        before = terms


def load_price_moves(connection: Connection, merchant_id: str) -> PriceMoves:
    """Read the migrations of a merchant and the prices they lead to; one query when none."""
    statement = (
        select(_offers.c.code, _versions.c.valid_from, _versions.c.terms)
        .join(_versions, _versions.c.offer_id == _offers.c.id)
        .where(_offers.c.merchant_id == merchant_id)
        .where(_offers.c.section == PriceMigration.section)
        .order_by(_offers.c.code, _versions.c.valid_from)
    )
    newest = {row["code"]: _migration(row) for row in fetch(connection, statement)}
    migrations = tuple(newest.values())
    if not migrations:
        return PriceMoves()
    return PriceMoves.of(migrations, _terms_led_to(connection, merchant_id, migrations))


def _migration(row: Row) -> PriceMigration:
    offer = offer_from_text(
        section=PriceMigration.section,
        code=row["code"],
        valid_from=row["valid_from"],
        names=("", ""),
        text=row["terms"],
    )
    if not isinstance(offer, PriceMigration):
        raise AssertionError("the section of an offer says its type")
    return offer


def _terms_led_to(
    connection: Connection, merchant_id: str, migrations: Iterable[PriceMigration]
) -> Iterable[Terms]:
    wanted = {migration.new for migration in migrations}
    statement = (
        select(_prices.c.id, _plans.c.code, _prices.c.valid_from)
        .join(_plans, _plans.c.id == _prices.c.plan_id)
        .where(_plans.c.merchant_id == merchant_id)
        .where(_plans.c.code.in_({ref.plan_code for ref in wanted}))
    )
    ids = [
        row["id"]
        for row in fetch(connection, statement)
        if PriceRef(row["code"], row["valid_from"]) in wanted
    ]
    return terms_of(connection, ids).values()


def _moved(agreed: Terms, ref: PriceRef, moves: PriceMoves) -> Terms:
    new = moves.terms.get(ref)
    if new is None:
        raise NoPriceYet(plan_code=ref.plan_code, on=ref.valid_from, first="another date")
    if new.price.interval != agreed.price.interval:
        raise BadInput(
            field="migrations.to",
            value=f"{ref.plan_code}@{ref.valid_from.isoformat()}",
            rule=f"is a price for {new.price.interval.text_en}, and {agreed.price.plan_code!r} "
            f"was agreed for {agreed.price.interval.text_en}",
            remedy="import a newer version of the migration to a price of the same interval",
        )
    old = agreed.plan
    return Terms(
        replace(new.plan, anchor_rule=old.anchor_rule, anchor_day=old.anchor_day), new.price
    )


def _ref(terms: Terms) -> PriceRef:
    return PriceRef(terms.plan.code, terms.price.valid_from)

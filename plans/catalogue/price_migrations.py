"""Moving subscribers from one price to another: announced, dated, with those who may stay.

A subscriber keeps the price agreed until a migration of that very price moves him.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar

from plans.catalogue.bounds import NOTICE, broken_by, check_code, check_date, refuse
from plans.catalogue.canonical import canonical_hash, fields_given
from plans.errors import BadInput

__all__ = [
    "NOTICE_DAYS_LEAST",
    "Grandfathering",
    "PriceMigration",
    "PriceRef",
    "price_agreed",
    "prices_off_sale",
]

# Amazon's policy for automatic payments in Japan asks for this much when an amount changes.
NOTICE_DAYS_LEAST = 10


@dataclass(frozen=True, slots=True, order=True)
class PriceRef:
    """Names a price: its plan and the day it is valid from."""

    plan_code: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Grandfathering:
    """Who keeps the old price: subscribers of before a day (None: all), until a day (None: ever).

    `until` is the last day at the old price.
    """

    subscribed_before: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        check_date("subscribed_before", self.subscribed_before)
        check_date("until", self.until)


# Everybody who subscribed before this day keeps the old price for ever: nobody is moved.
_NOBODY_MOVED = Grandfathering(subscribed_before=date(2999, 12, 31))


@dataclass(frozen=True, slots=True)
class PriceMigration:
    """Subscribers of price `old` get price `new` with the first cycle from `effective_on` on.

    `off_sale`: the price `new` is sold to nobody, as it was made for a move that was withdrawn.
    """

    section: ClassVar[str] = "migrations"
    code: str
    valid_from: date
    old: PriceRef
    new: PriceRef
    notice_on: date
    effective_on: date
    notice_days: int = NOTICE_DAYS_LEAST
    grandfathered: Grandfathering | None = None
    off_sale: bool = False

    def __post_init__(self) -> None:
        refuse(_migration_faults(self))

    def withdrawn(self, *, valid_from: date, off_sale: bool) -> PriceMigration:
        """Give the version of this migration that moves nobody."""
        return replace(self, valid_from=valid_from, grandfathered=_NOBODY_MOVED, off_sale=off_sale)

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was taken back before it began."""
        return self.grandfathered == _NOBODY_MOVED

    @property
    def content_hash(self) -> str:
        """Fingerprint the terms (64 hex digits)."""
        return canonical_hash("migration-v1", fields_given(self))

    def moves_on(self, *, subscribed_on: date) -> date | None:
        """Give the day from which a subscriber pays the new price; None when he never must."""
        stay = self.grandfathered
        if stay is None:
            return self.effective_on
        if stay.subscribed_before is not None and subscribed_on >= stay.subscribed_before:
            return self.effective_on
        if stay.until is None:
            return None
        return max(self.effective_on, stay.until + timedelta(days=1))


def price_agreed(
    *, migrations: Iterable[PriceMigration], agreed: PriceRef, subscribed_on: date, on: date
) -> PriceRef:
    """Give the price of a subscriber on a date: the one agreed, moved as often as was due."""
    by_old = {migration.old: migration for migration in migrations}
    current = agreed
    for _ in by_old:  # each migration moves once at most, so a cycle of data cannot hang this
        migration = by_old.get(current)
        moves_on = None if migration is None else migration.moves_on(subscribed_on=subscribed_on)
        if migration is None or moves_on is None or moves_on > on:
            break
        current = migration.new
    return current


def prices_off_sale(migrations: Iterable[PriceMigration]) -> frozenset[PriceRef]:
    """Find the prices that nobody new gets; give the newest version of each migration."""
    return frozenset(each.new for each in migrations if each.off_sale)


def _migration_faults(migration: PriceMigration) -> Iterator[BadInput]:
    """Find every rule a migration breaks; `field` is the key of the price list to change."""
    yield from broken_by(
        lambda: check_code("code", migration.code),
        lambda: check_date("valid_from", migration.valid_from),
        lambda: check_date("notice_on", migration.notice_on),
        lambda: check_date("effective_on", migration.effective_on),
        lambda: NOTICE.check("notice_days", migration.notice_days),
    )
    yield from _move_faults(migration)
    yield from _stay_faults(migration)


def _move_faults(migration: PriceMigration) -> Iterator[BadInput]:
    if migration.old == migration.new:
        yield BadInput(
            field="to",
            value=migration.new.plan_code,
            rule="is the price it starts from",
            remedy="name another price",
        )
    if migration.notice_days < NOTICE_DAYS_LEAST:
        yield BadInput(
            field="notice_days",
            value=migration.notice_days,
            rule=f"Amazon asks for at least {NOTICE_DAYS_LEAST} days before an amount changes",
            remedy=f"give {NOTICE_DAYS_LEAST} or more",
        )
    if (migration.effective_on - migration.notice_on).days < migration.notice_days:
        yield BadInput(
            field="effective_on",
            value=migration.effective_on.isoformat(),
            rule=f"is less than {migration.notice_days} days after the notice",
            remedy=f"give notice earlier than {migration.notice_on.isoformat()}, or move it later",
        )


def _stay_faults(migration: PriceMigration) -> Iterator[BadInput]:
    stay = migration.grandfathered
    if stay == Grandfathering():
        yield BadInput(
            field="grandfather",
            value=migration.code,
            rule="everyone keeps the old price for ever, so the migration moves nobody",
            remedy="give subscribed_before: or until:, or take the migration out",
        )
    if stay is not None and stay.until is not None and stay.until < migration.effective_on:
        yield BadInput(
            field="grandfather",
            value=stay.until.isoformat(),
            rule=f"ends before the migration takes effect ({migration.effective_on.isoformat()})",
            remedy="give a later until:, or take grandfather: out",
        )

"""Writes a price change into the price list, and withdraws one that has not begun."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from billing.bulk_work.price_change.payers import monthly_change, price_payers
from billing.bulk_work.price_change.values import (
    PriceChange,
    PriceChangeState,
    PriceWish,
    SeenOtherwise,
)
from billing.catalogue.catalogue_store import PriceAlreadySet, load_catalogue, store_catalogue
from billing.dates import civil_date
from billing.deliveries import tell_price_stays
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from plans import (
    BadInput,
    Catalogue,
    Price,
    PriceMigration,
    PriceRef,
    Rounding,
    prices_off_sale,
    round_yen,
)

__all__ = [
    "price_changes",
    "schedule_price_change",
    "store_price_change",
    "withdraw_price_change",
]


def price_changes(
    connection: Connection, merchant: Merchant, *, at: datetime
) -> tuple[PriceChange, ...]:
    """List every migration in its newest version, the latest first."""
    catalogue = load_catalogue(connection, merchant.id)
    today = civil_date(at=at, timezone=merchant.timezone)
    newest = [dated[-1] for dated in catalogue.migrations.values()]
    found = [
        PriceChange(
            each, catalogue.price_of(each.old), catalogue.price_of(each.new), _state(each, today)
        )
        for each in newest
    ]
    return tuple(
        sorted(found, key=lambda each: (each.migration.effective_on, each.old.plan_code))[::-1]
    )


def schedule_price_change(
    connection: Connection,
    merchant: Merchant,
    wish: PriceWish,
    *,
    seen_rows: int,
    seen_yen: int,
    by: str,
    at: datetime,
) -> PriceMigration:
    """Write the migration, if it still moves as many as were seen for as many yen a month.

    Scheduling the same again changes nothing. Raises `SeenOtherwise`, and as the dry run does.
    """
    known = _same(connection, merchant, wish)
    if known is not None:
        return known
    migration, _ = store_price_change(connection, merchant, wish, at)
    payers = price_payers(connection, merchant, migration)
    change_yen = round_yen(monthly_change(payers), Rounding.FLOOR)
    if (len(payers), change_yen) != (seen_rows, seen_yen):
        raise SeenOtherwise(
            field="seen",
            value=f"{len(payers)} subscriptions, {change_yen} yen",
            rule=f"{seen_rows} subscriptions and {seen_yen} yen were looked at",
            remedy="look at the new figures and decide again",
        )
    facts = {"subscriptions": len(payers), "monthly_yen": change_yen}
    _note(connection, merchant, "price_change_scheduled", migration, facts, by, at)
    return migration


def withdraw_price_change(
    connection: Connection,
    merchant: Merchant,
    *,
    code: str,
    by: str,
    at: datetime,
    keep_on_sale: bool = False,
) -> PriceMigration:
    """Let nobody be moved by a migration that has not begun; withdrawing it twice is once.

    Whoever was told of it is told that the price stays. New customers do not get its price, unless
    that is on sale already or is to be kept on sale (`keep_on_sale`). Raises `BadInput` for one
    that is not there or has begun.
    """
    versions = load_catalogue(connection, merchant.id).migrations.get(code)
    today = civil_date(at=at, timezone=merchant.timezone)
    if not versions:
        raise _bad("code", code, "is no migration of the price list", "choose one of the list")
    newest = versions[-1]
    state = _state(newest, today)
    if state is PriceChangeState.WITHDRAWN:
        return newest
    if state is PriceChangeState.IN_FORCE:
        raise _bad(
            "code", code, f"took effect on {newest.effective_on}", "announce a change back instead"
        )
    off_sale = newest.new.valid_from > today and not keep_on_sale
    gone = newest.withdrawn(valid_from=_next_version(newest, today), off_sale=off_sale)
    store_catalogue(
        connection, merchant.id, Catalogue.as_stored(plans=(), prices=(), offers=(gone,))
    )
    told = tell_price_stays(connection, merchant, gone, at=at)
    facts = {"told": told, "off_sale": off_sale}
    _note(connection, merchant, "price_change_withdrawn", newest, facts, by, at)
    return gone


def store_price_change(
    connection: Connection, merchant: Merchant, wish: PriceWish, at: datetime
) -> tuple[PriceMigration, bool]:
    """Write the migration and, where there is none yet, its new price.

    Returns the migration and whether it puts a price on sale. Raises as `try_price_change` does.
    """
    today = civil_date(at=at, timezone=merchant.timezone)
    if wish.notice_on < today:
        raise _bad("notice_on", wish.notice_on, "lies in the past", f"give {today} or a later day")
    catalogue = load_catalogue(connection, merchant.id)
    new, makes_price = _new_price(catalogue, wish)
    off_sale = prices_off_sale(dated[-1] for dated in catalogue.migrations.values())
    code, valid_from = _version(catalogue, wish.old, today)
    migration = PriceMigration(
        code=code,
        valid_from=valid_from,
        old=wish.old,
        new=PriceRef(new.plan_code, new.valid_from),
        notice_on=wish.notice_on,
        effective_on=wish.effective_on,
        notice_days=wish.notice_days,
    )
    given = Catalogue.as_stored(
        plans=(catalogue.plan(new.plan_code),) if makes_price else (),
        prices=(new,) if makes_price else (),
        offers=(migration,),
    )
    try:
        store_catalogue(connection, merchant.id, given)
    except PriceAlreadySet:
        raise _bad(
            "effective_on",
            wish.effective_on,
            "the plan has another price from that day on already",
            "choose that price, or another day",
        ) from None
    return migration, makes_price or migration.new in off_sale


def _new_price(catalogue: Catalogue, wish: PriceWish) -> tuple[Price, bool]:
    old = catalogue.price_of(wish.old)
    if wish.new is not None:
        return catalogue.price_of(wish.new), False
    if old.tiers is not None:
        raise _bad(
            "amount", wish.amount_yen, "the price has tiers", "import the new price, choose it here"
        )
    if wish.amount_yen == old.amount_yen:
        raise _bad("amount", wish.amount_yen, "is the price of now", "give another one")
    new = replace(old, amount_yen=wish.amount_yen, valid_from=wish.effective_on, valid_until=None)
    return new, True


def _version(catalogue: Catalogue, old: PriceRef, today: date) -> tuple[str, date]:
    """The name of the migration: that of a withdrawn one of this price, or a new one."""
    for code, versions in catalogue.migrations.items():
        newest = versions[-1]
        if newest.old != old:
            continue
        if newest.is_withdrawn:
            return code, _next_version(newest, today)
        raise _bad(
            "old",
            f"{old.plan_code}@{old.valid_from}",
            f"migration {code!r} moves this price on {newest.effective_on}",
            "withdraw that one first",
        )
    return f"{old.plan_code[:40]}-from-{old.valid_from:%Y%m%d}", today


def _next_version(newest: PriceMigration, today: date) -> date:
    """Versions are told apart by their day, and the last one counts."""
    return max(today, newest.valid_from + timedelta(days=1))


def _same(connection: Connection, merchant: Merchant, wish: PriceWish) -> PriceMigration | None:
    catalogue = load_catalogue(connection, merchant.id)
    for versions in catalogue.migrations.values():
        newest = versions[-1]
        days = newest.effective_on, newest.notice_on
        if newest.old != wish.old or days != (wish.effective_on, wish.notice_on):
            continue
        amount = catalogue.price_of(newest.new).amount_yen
        if newest.grandfathered is None and (newest.new == wish.new or amount == wish.amount_yen):
            return newest
    return None


def _state(migration: PriceMigration, today: date) -> PriceChangeState:
    if migration.is_withdrawn:
        return PriceChangeState.WITHDRAWN
    began = migration.effective_on <= today
    return PriceChangeState.IN_FORCE if began else PriceChangeState.ANNOUNCED


def _note(
    connection: Connection,
    merchant: Merchant,
    kind: str,
    migration: PriceMigration,
    facts: Mapping[str, object],
    by: str,
    at: datetime,
) -> None:
    told = {"code": migration.code, "effective_on": migration.effective_on.isoformat(), **facts}
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind=kind,
        actor=by,
        reason=f"price change {migration.code}",
        at=at,
        detail=json.dumps(told, sort_keys=True),
    )


def _bad(field: str, value: object, rule: str, remedy: str) -> BadInput:
    return BadInput(field=field, value=str(value), rule=rule, remedy=remedy)

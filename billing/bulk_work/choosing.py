"""Whom bulk work of agreements is about: chosen by plan, price, state, import, or named one by one.

Rows come in the order of their charge permissions, so that a slice of them is locked in the order
that every transaction keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, select

from billing.bulk_work.values import PlannedRow
from billing.dates import charge_instant
from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import CustomerRow, PlanRow, PriceRow, SubscriptionEventRow, SubscriptionRow
from plans import BadInput

__all__ = ["MOST_CHOSEN", "STATES", "Choice", "choose_agreements"]

MOST_CHOSEN = 20_000
STATES = ("active", "trialing", "past_due", "paused")
_NAMES_AT_ONCE = 500

subscriptions = table_of(SubscriptionRow)
customers = table_of(CustomerRow)
prices = table_of(PriceRow)
plan_table = table_of(PlanRow)
events = table_of(SubscriptionEventRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whom: every part that is given must hold, and nobody who has ended is ever chosen.

    `price_from` names one price of the plan. `imported_on` is the merchant's day of the import,
    `note` a part of the note that came with it. With `names` only those subscriptions.
    """

    plan: str = ""
    price_from: date | None = None
    states: tuple[str, ...] = STATES
    imported_on: date | None = None
    note: str = ""
    names: tuple[str, ...] = ()

    @property
    def is_everybody(self) -> bool:
        """Nothing narrows it: a slip of the hand more often than a wish."""
        return not (self.plan or self.imported_on or self.note or self.names)

    def facts(self) -> dict[str, Any]:
        """What is kept with the job; the names are its rows."""
        return {
            "plan": self.plan,
            "price_from": None if self.price_from is None else self.price_from.isoformat(),
            "states": list(self.states),
            "imported_on": None if self.imported_on is None else self.imported_on.isoformat(),
            "note": self.note,
            "named": len(self.names),
        }


def choose_agreements(
    connection: Connection, merchant: Merchant, choice: Choice
) -> tuple[PlannedRow, ...]:
    """List the agreements of a choice, none of them looked at yet.

    A name that the merchant does not have, or whose agreement is not of the choice, is left out
    with the reason. Raises `BadInput` for a choice of everybody, and above 20,000 rows.
    """
    if choice.is_everybody:
        raise BadInput(
            field="plan",
            value="",
            rule="bulk work is about somebody in particular",
            remedy="choose a plan or an import, or name the subscriptions",
        )
    found = {row["external_id"]: row["id"] for row in _found(connection, merchant, choice)}
    rows = [PlannedRow(name, number) for name, number in found.items()]
    if choice.names:
        missing = [name for name in dict.fromkeys(choice.names) if name not in found]
        rows += _left_out(connection, merchant, missing)
    if len(rows) > MOST_CHOSEN:
        raise BadInput(
            field="plan",
            value=f"{len(rows):,}",
            rule=f"at most {MOST_CHOSEN:,} agreements are moved at once",
            remedy="narrow the choice, for example by state or by import",
        )
    return tuple(rows)


def _found(
    connection: Connection, merchant: Merchant, choice: Choice
) -> Iterator[Mapping[str, Any]]:
    statement = _statement(merchant, choice)
    if not choice.names:
        yield from fetch(connection, statement.limit(MOST_CHOSEN + 1))
        return
    rows: list[Mapping[str, Any]] = []
    for names in _parts(list(dict.fromkeys(choice.names))):
        rows += fetch(connection, statement.where(subscriptions.c.external_id.in_(names)))
    yield from sorted(rows, key=lambda row: (row["permission_id"], row["id"]))


def _statement(merchant: Merchant, choice: Choice) -> Select[Any]:
    return (
        select(subscriptions.c.id, subscriptions.c.external_id, subscriptions.c.permission_id)
        .join(prices, prices.c.id == subscriptions.c.price_id)
        .join(plan_table, plan_table.c.id == prices.c.plan_id)
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .where(subscriptions.c.merchant_id == merchant.id, *_conditions(merchant, choice))
        .order_by(subscriptions.c.permission_id, subscriptions.c.id)
    )


def _conditions(merchant: Merchant, choice: Choice) -> Iterator[ColumnElement[bool]]:
    yield subscriptions.c.state.in_([each for each in choice.states if each in STATES])
    if choice.plan:
        yield plan_table.c.code == choice.plan
    if choice.price_from is not None:
        yield prices.c.valid_from == choice.price_from
    if choice.note:
        yield customers.c.note.contains(choice.note, autoescape=True)
    if choice.imported_on is not None:
        day = choice.imported_on
        begins, ends = (
            charge_instant(on=on, timezone=merchant.timezone, hour=0)
            for on in (day, day + timedelta(days=1))
        )
        yield exists().where(
            events.c.subscription_id == subscriptions.c.id,
            events.c.kind == "imported",
            events.c.at >= begins,
            events.c.at < ends,
        )


def _left_out(
    connection: Connection, merchant: Merchant, names: Sequence[str]
) -> Iterator[PlannedRow]:
    for part in _parts(names):
        statement = select(
            subscriptions.c.id, subscriptions.c.external_id, subscriptions.c.state
        ).where(subscriptions.c.merchant_id == merchant.id, subscriptions.c.external_id.in_(part))
        known = {row["external_id"]: row for row in fetch(connection, statement)}
        for name in part:
            row = known.get(name)
            if row is None:
                yield PlannedRow(name, reason="move_unknown")
            elif row["state"] in ("canceled", "pending"):
                yield PlannedRow(name, row["id"], reason="move_ended", detail=row["state"])
            else:
                yield PlannedRow(name, row["id"], reason="move_not_chosen")


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _NAMES_AT_ONCE):
        yield names[start : start + _NAMES_AT_ONCE]

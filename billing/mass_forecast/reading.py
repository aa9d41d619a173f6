"""Agreements of a merchant read as columns, in slices of whole permissions, with flat memory.

What a row means for its charges is decided here as `forecast` decides it. The database sends a
stream; nothing but the unpaid slots is held for longer than a slice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, case, select

from billing.agreements.ahead import AgreementsAhead
from billing.mass_forecast.columns import Agreements, Charges, Horizon, Slice, TakenRoom
from billing.mass_forecast.prices import PriceColumns
from billing.mass_forecast.unpaid import UnpaidSlots
from billing.mass_forecast.values import Days, dates, flags, ints, raw
from billing.quotes.agreement import agreement_from_text
from billing.store.cap_room import effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import (
    AgreementRow,
    CapMonthRow,
    ChargePermissionRow,
    CustomerRow,
    SubscriptionRow,
)
from billing.views.forecast import GOING_ON
from plans import Month
from plans.columnar_calendar import Bools, Dates, Ints, Schedules, cycles_on_or_after

__all__ = ["HitNames", "names_of_hits", "read_slices"]

ROWS_AT_ONCE = 50_000
# Rows become columns at once: kept alive by the ten thousand, they would make the garbage
# collector look at each of them again and again, which takes as long as all the rest.
ROWS_FETCHED = 500
# Above every limit, so that it lowers none.
_NO_LIMIT = int(np.iinfo(np.int64).max)
_NEVER = np.datetime64("NaT", "D")

subscriptions = table_of(SubscriptionRow)
customers = table_of(CustomerRow)
permissions = table_of(ChargePermissionRow)
cap_months = table_of(CapMonthRow)
changed = table_of(AgreementRow)

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class HitNames:
    """What people call a subscription."""

    subscription: str
    customer_name: str
    charge_permission_id: str


@dataclass(frozen=True, slots=True)
class _Days:
    """Instants to dates: when a cycle is due by the merchant's calendar, expiry as Amazon's."""

    due_at: Days
    expires_at: Days

    @classmethod
    def of(cls, connection: Connection, merchant: Merchant) -> _Days:
        return cls(
            Days(connection, subscriptions.c.due_at, timezone=merchant.timezone),
            Days(connection, permissions.c.expires_at, timezone="UTC"),
        )


def read_slices(
    connection: Connection, merchant: Merchant, horizon: Horizon, *, at_once: int = ROWS_AT_ONCE
) -> Iterator[Slice]:
    """The merchant's agreements that may be charged, about `at_once` rows a slice.

    Run it in one reading transaction, so that all slices are of the same moment. Raises BadInput
    for a row that breaks a rule of the calendar or of its price.
    """
    days = _Days.of(connection, merchant)
    prices = PriceColumns.read(connection, merchant.id)
    unpaid = UnpaidSlots.read(connection, merchant)
    ahead = AgreementsAhead(
        connection, merchant, on=horizon.first, until=horizon.last + timedelta(days=1)
    )
    for columns in _streamed(connection, _owners(merchant), at_once):
        pauses = _pauses(columns, days)
        agreements = _agreements(columns, merchant, days, prices, pauses)
        stuck, opened = unpaid.of(
            agreements, waits_until=pauses.resumes_on, never=pauses.for_good, horizon=horizon
        )
        taken = _taken(connection, agreements, horizon)
        agreements, bills = _changed(columns, replace(agreements, stuck=stuck), ahead)
        yield Slice(agreements, opened, taken, bills)


def _changed(
    columns: Columns, agreements: Agreements, ahead: AgreementsAhead
) -> tuple[Agreements, Charges]:
    """Work out agreements that somebody changed one by one: no column can tell their bills."""
    rows = [row for row, body in enumerate(columns["agreement"]) if body is not None]
    if not rows:
        return agreements, Charges.none()
    found: list[tuple[int, int, date, int]] = []
    for row in rows:
        agreement = agreement_from_text(columns["agreement"][row])
        for bill in ahead.charges(agreement, first_cycle=columns["first_cycle"][row]):
            cycle = columns["next_cycle"][row] if bill.cycle is None else bill.cycle
            found.append((row, cycle, bill.on, bill.charge_yen))
    next_cycle = agreements.next_cycle.copy()
    next_cycle[rows] = -1
    row_of, cycle_of, on, yen = zip(*found, strict=True) if found else ((),) * 4
    of_rows = ints(row_of)
    bills = Charges(of_rows, ints(cycle_of), dates(on), ints(yen), agreements.stuck[of_rows])
    return replace(agreements, next_cycle=next_cycle), bills


def names_of_hits(connection: Connection, subscription_ids: Sequence[int]) -> dict[int, HitNames]:
    """Names of a few subscriptions by row number."""
    statement = (
        select(
            subscriptions.c.id,
            subscriptions.c.external_id,
            customers.c.name,
            permissions.c.amazon_id,
        )
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .join(permissions, permissions.c.id == subscriptions.c.permission_id)
        .where(subscriptions.c.id.in_(subscription_ids))
    )
    return {
        row["id"]: HitNames(row["external_id"], row["name"], row["amazon_id"])
        for row in fetch(connection, statement)
    }


def _owners(merchant: Merchant) -> Select[Any]:
    """One row per agreement that may be charged; what numbers can say is said in numbers."""
    paused = subscriptions.c.state == "paused"
    chargeable = permissions.c.state == "Chargeable"
    return (
        select(
            subscriptions.c.id,
            subscriptions.c.permission_id,
            subscriptions.c.price_id,
            subscriptions.c.quantity,
            raw(subscriptions.c.started_on),
            subscriptions.c.anchor_year,
            subscriptions.c.anchor_month,
            subscriptions.c.anchor_day,
            subscriptions.c.first_cycle,
            subscriptions.c.next_cycle,
            raw(subscriptions.c.due_at),
            subscriptions.c.resume_on,
            subscriptions.c.cancel_at_period_end,
            case((paused, 1), else_=0).label("paused"),
            permissions.c.amount_limit_yen,
            raw(permissions.c.expires_at),
            case((chargeable, 0), else_=1).label("dead"),
            changed.c.body.label("agreement"),
        )
        .join(permissions, permissions.c.id == subscriptions.c.permission_id)
        .outerjoin(changed, changed.c.subscription_id == subscriptions.c.id)
        .where(subscriptions.c.merchant_id == merchant.id)
        .where(subscriptions.c.state.in_((*GOING_ON, "paused")))
        .order_by(subscriptions.c.permission_id, subscriptions.c.id)
    )


def _streamed(connection: Connection, statement: Select[Any], at_once: int) -> Iterator[Columns]:
    """Columns of about `at_once` rows; a permission is never cut in two."""
    names = list(statement.selected_columns.keys())
    owner = names.index("permission_id")
    columns: list[list[Any]] = [[] for _ in names]
    result = connection.execute(statement.execution_options(yield_per=min(at_once, ROWS_FETCHED)))
    for rows in result.partitions():
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column += values
        if len(columns[owner]) >= at_once and (end := _last_begin(columns[owner])):
            yield dict(zip(names, (column[:end] for column in columns), strict=True))
            for column in columns:
                del column[:end]
    if columns[owner]:
        yield dict(zip(names, columns, strict=True))


def _last_begin(owners: Sequence[int]) -> int:
    """Where the last permission begins: more of its rows may follow."""
    return bisect_left(owners, owners[-1])


@dataclass(frozen=True, slots=True, eq=False)
class _Pauses:
    """Which rows are paused, and when they go on (NaT: those that are not, or never will)."""

    paused: Bools
    resumes_on: Dates

    @property
    def for_good(self) -> Bools:
        return self.paused & np.isnat(self.resumes_on)


def _pauses(columns: Columns, days: _Days) -> _Pauses:
    paused, due_on = flags(columns["paused"]), days.due_at.column(columns["due_at"])
    resume_on = dates(columns["resume_on"])
    on = np.where(np.isnat(resume_on), due_on, resume_on)
    return _Pauses(paused, np.where(paused & ~np.isnat(due_on), on, _NEVER))


def _agreements(
    columns: Columns, merchant: Merchant, days: _Days, prices: PriceColumns, pauses: _Pauses
) -> Agreements:
    """Rows as they are without their unpaid slots."""
    priced = prices.of(columns["price_id"], columns["quantity"], columns["started_on"])
    schedules = Schedules.of(
        year=columns["anchor_year"],
        month=columns["anchor_month"],
        day=columns["anchor_day"],
        rule=priced.rule,
        unit=priced.unit,
        count=priced.count,
    )
    due_on = days.due_at.column(columns["due_at"])
    return Agreements(
        subscription=ints(columns["id"]),
        permission=ints(columns["permission_id"]),
        schedules=schedules,
        price=priced.price,
        price_yen=priced.price_yen,
        price_from=priced.price_from,
        moved_on=priced.moved_on,
        first_cycle=ints(columns["first_cycle"]),
        next_cycle=_next_cycles(columns, schedules, due_on, pauses),
        # The scheduler goes by the due time; it is the cycle's start unless somebody moved it.
        next_on=np.where(pauses.paused, _NEVER, due_on),
        stuck=np.zeros(len(due_on), dtype=np.bool_),
        limit_yen=_limits(columns["amount_limit_yen"], merchant),
        dead=flags(columns["dead"]),
        expires_on=days.expires_at.column(columns["expires_at"]),
    )


def _next_cycles(columns: Columns, schedules: Schedules, due_on: Dates, pauses: _Pauses) -> Ints:
    """The first cycle without an invoice, or -1 where no charge will come."""
    following = ints(columns["next_cycle"])
    # Without a due time the next cycle is invoiced already, and its slot is unpaid.
    next_cycle = np.where(np.isnat(due_on), following + 1, following)
    rows = np.flatnonzero(~np.isnat(pauses.resumes_on))
    resumed = cycles_on_or_after(schedules=schedules.take(rows), on=pauses.resumes_on[rows])
    next_cycle[rows] = np.maximum(following[rows], resumed)
    return np.where(pauses.for_good | flags(columns["cancel_at_period_end"]), -1, next_cycle)


def _limits(amount_limits: Sequence[int | None], merchant: Merchant) -> Ints:
    known = {
        limit: effective_limit_yen(merchant=merchant, amount_limit_yen=limit)
        for limit in set(amount_limits)
    }
    return ints([known[limit] for limit in amount_limits])


def _taken(connection: Connection, agreements: Agreements, horizon: Horizon) -> TakenRoom:
    """Room that is taken of cap months; a lower limit learnt from Amazon counts as taken."""
    begins = agreements.permission_begins()
    own, limit_yen = agreements.permission[begins], agreements.limit_yen[begins]
    statement = (
        select(
            cap_months.c.permission_id,
            cap_months.c.month,
            cap_months.c.used_yen + cap_months.c.held_yen,
            cap_months.c.learned_limit_yen,
        )
        # Each permission's own months are looked up: by a range of permissions alone all months
        # that they ever had would be looked through.
        .join(permissions, permissions.c.id == cap_months.c.permission_id)
        .where(permissions.c.id.between(int(own[0]), int(own[-1])))
        .where(cap_months.c.month >= str(Month.of(horizon.first)))
        .order_by(cap_months.c.permission_id, cap_months.c.month)
    )
    rows = connection.execute(statement).all()
    owner, month, taken, learned = zip(*rows, strict=True) if rows else ((),) * 4
    # Rows of other merchants lie in between; only the own permissions count.
    permission = ints(owner)
    at = np.minimum(np.searchsorted(own, permission), len(own) - 1)
    mine = own[at] == permission
    limits = limit_yen[at]
    lowered = np.maximum(limits - ints([_NO_LIMIT if yen is None else yen for yen in learned]), 0)
    return TakenRoom(permission[mine], _month_numbers(month)[mine], (ints(taken) + lowered)[mine])


def _month_numbers(months: Sequence[str]) -> Ints:
    """Numbers of months as stored ("2026-12")."""
    known = {text: int(text[:4]) * 12 + int(text[5:]) - 1 for text in set(months)}
    return ints([known[text] for text in months])

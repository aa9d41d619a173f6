"""Charges that failed and are not paid yet, by Amazon's reason; and the declines of a period.

The open ones are found through the partial indexes of open slots, the declines through the index of
attempts by time. Neither question grows with the years of history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_, union_all

from billing.desk.days import day_bounds
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    CustomerRow,
    SlotRow,
    SubscriptionRow,
)

__all__ = [
    "FAILURE_STATES",
    "Declined",
    "FailureGroup",
    "FailureRow",
    "declined_rows",
    "failure_groups",
    "failure_rows",
    "failures_chosen",
]

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)
customers = table_of(CustomerRow)

FAILURE_STATES = ("retrying", "waiting_buyer", "capped", "refused", "quarantined")
"""Tried again on a day, waiting for the buyer, moved by the cap, refused by it, set aside."""

why_failed = func.coalesce(slots.c.reason, "")
# What the cap moved or left over of a split says so, or nothing, until it is declined.
MOVED_BY_CAP = (slots.c.cap_moves > 0) & why_failed.in_(("", "cap"))
TRIED_AGAIN = (slots.c.declines > 0) & why_failed.not_in(("", "cap"))

_CHOSEN: dict[str, tuple[ColumnElement[bool], ...]] = {
    "retrying": (is_word(slots.c.state, "due"), TRIED_AGAIN),
    "waiting_buyer": (is_word(slots.c.state, "waiting_buyer"),),
    "capped": (is_word(slots.c.state, "due"), MOVED_BY_CAP),
    "refused": (is_word(slots.c.state, "refused"),),
    "quarantined": (is_word(slots.c.state, "quarantined"),),
}

Mark = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed charges in one state for one reason; yen are whole."""

    state: str
    reason: str
    rows: int
    amount_yen: int


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One failed charge; `due_at` is when it is tried again, or how long its buyer has."""

    slot_id: int
    reference: str
    state: str
    reason: str
    amount_yen: int
    declines: int
    due_at: datetime
    subscription_id: int
    subscription: str
    customer_id: int
    customer_name: str
    permission_state: str
    charge_permission_id: str

    @property
    def mark(self) -> Mark:
        """What to give as `after` to go on behind this row."""
        return self.due_at, self.slot_id


@dataclass(frozen=True, slots=True)
class Declined:
    """One attempt that Amazon declined, whatever became of its slot since."""

    attempt_id: int
    at: datetime
    reason: str
    amount_yen: int
    slot_state: str
    subscription_id: int
    subscription: str
    customer_name: str

    @property
    def mark(self) -> Mark:
        """What to give as `after` to go on behind this row."""
        return self.at, self.attempt_id


def failure_groups(connection: Connection, merchant: Merchant) -> list[FailureGroup]:
    """All failed charges by state and reason, those with the most yen first."""
    reason = why_failed.label("reason")
    found = [
        FailureGroup(state, row["reason"], row["rows"], int(row["yen"]))
        for state, chosen in _CHOSEN.items()
        for row in fetch(
            connection,
            select(reason, func.count().label("rows"), func.sum(slots.c.amount_yen).label("yen"))
            .where(slots.c.merchant_id == merchant.id, *chosen)
            .group_by(reason),
        )
    ]
    return sorted(found, key=lambda group: (-group.amount_yen, group.state, group.reason))


def failure_rows(
    connection: Connection,
    merchant: Merchant,
    *,
    state: str | None = None,
    reason: str | None = None,
    after: Mark | None = None,
    limit: int = 50,
) -> list[FailureRow]:
    """Failed charges in the order of their days, of one state or reason or of all.

    Raises `ValueError` for a state that is none of `FAILURE_STATES`.
    """
    wanted = _chosen(merchant, state, reason)
    if after is not None:
        behind = tuple_(slots.c.due_at, slots.c.id) > tuple_(*after)
        wanted = [select_.where(behind) for select_ in wanted]
    ids = union_all(
        *(
            select(each.order_by(slots.c.due_at, slots.c.id).limit(limit).subquery().c.id)
            for each in wanted
        )
    )
    statement = (
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(slots.c.id.in_(ids))
        .order_by(slots.c.due_at, slots.c.id)
        .limit(limit)
    )
    return [_failure(row) for row in fetch(connection, statement)]


def failures_chosen(
    connection: Connection,
    merchant: Merchant,
    *,
    state: str | None = None,
    reason: str | None = None,
    most: int,
) -> list[int]:
    """The ids of all slots of a choice, at most `most` of them, the oldest first."""
    found = [
        row
        for each in _chosen(merchant, state, reason)
        for row in connection.execute(each.order_by(slots.c.due_at, slots.c.id).limit(most)).all()
    ]
    return [row.id for row in sorted(found, key=lambda row: (row.due_at, row.id))[:most]]


def declined_rows(
    connection: Connection,
    merchant: Merchant,
    *,
    first: date,
    last: date,
    reason: str | None = None,
    after: Mark | None = None,
    limit: int = 50,
) -> list[Declined]:
    """The declines of the merchant's days from `first` to `last`, the newest first."""
    begins, _ = day_bounds(first, timezone=merchant.timezone)
    _, ends = day_bounds(last, timezone=merchant.timezone)
    chosen = [
        attempts.c.merchant_id == merchant.id,
        attempts.c.intended_at >= begins,
        attempts.c.intended_at < ends,
        is_word(attempts.c.state, "declined"),
    ]
    if reason is not None:
        chosen.append(func.coalesce(attempts.c.reason_code, "") == reason)
    if after is not None:
        chosen.append(tuple_(attempts.c.intended_at, attempts.c.id) < tuple_(*after))
    statement = (
        select(
            attempts.c.id.label("attempt_id"),
            attempts.c.intended_at.label("at"),
            func.coalesce(attempts.c.reason_code, "").label("reason"),
            attempts.c.amount_yen,
            slots.c.state.label("slot_state"),
            slots.c.subscription_id,
            subscriptions.c.external_id.label("subscription"),
            customers.c.name.label("customer_name"),
        )
        .join(slots, slots.c.id == attempts.c.slot_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .where(*chosen)
        .order_by(attempts.c.intended_at.desc(), attempts.c.id.desc())
        .limit(limit)
    )
    return [Declined(**row) for row in fetch(connection, statement)]


def _chosen(
    merchant: Merchant, state: str | None, reason: str | None
) -> Sequence[Select[tuple[int, datetime]]]:
    if state is not None and state not in _CHOSEN:
        raise ValueError(f"state {state!r}: use one of {', '.join(FAILURE_STATES)}")
    states = [state] if state is not None else list(_CHOSEN)
    made = [
        select(slots.c.id, slots.c.due_at).where(slots.c.merchant_id == merchant.id, *_CHOSEN[name])
        for name in states
    ]
    if reason is None:
        return made
    return [each.where(why_failed == reason) for each in made]


_JOINED = (
    slots.join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
    .join(customers, customers.c.id == subscriptions.c.customer_id)
    .join(permissions, permissions.c.id == slots.c.permission_id)
)
_COLUMNS: tuple[ColumnElement[object], ...] = (
    slots.c.id.label("slot_id"),
    slots.c.reference,
    slots.c.state,
    why_failed.label("reason"),
    slots.c.amount_yen,
    slots.c.declines,
    slots.c.due_at,
    slots.c.subscription_id,
    subscriptions.c.external_id.label("subscription"),
    customers.c.id.label("customer_id"),
    customers.c.name.label("customer_name"),
    permissions.c.state.label("permission_state"),
    permissions.c.amazon_id.label("charge_permission_id"),
)


def _failure(row: Row) -> FailureRow:
    state = row["state"]
    if state == "due":
        state = "capped" if row["reason"] in ("", "cap") else "retrying"
    return FailureRow(**{**row, "state": state})

"""Figures that tell whether charging is well, for a machine to read every few seconds.

Each comes from rows that are open or young, through an index: asking costs what is going on, never
what has ever happened. What needs the whole history is the audit's. Rules: `reliability` watchdogs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    cast,
    extract,
    func,
    select,
)

from billing.charging.intend import CHARGEABLE_STATES, UNSETTLED
from billing.store.rows import Row, fetch, is_word, table_of
from billing.tables import (
    AttemptRow,
    BrakeRow,
    DoubtRow,
    GlobalBrakeRow,
    MerchantRow,
    NoticeRow,
    NotificationRow,
    PoisonRow,
    RefundRow,
    RestorationRow,
    SlotRow,
    SubscriptionRow,
)

__all__ = ["Indicator", "load_indicators"]

slots = table_of(SlotRow)
attempts = table_of(AttemptRow)
subscriptions = table_of(SubscriptionRow)
refunds = table_of(RefundRow)
notices = table_of(NoticeRow)
brakes = table_of(BrakeRow)
merchants = table_of(MerchantRow)
notifications = table_of(NotificationRow)
doubts = table_of(DoubtRow)
poison = table_of(PoisonRow)
global_brakes = table_of(GlobalBrakeRow)
restorations = table_of(RestorationRow)

LOST_AFTER = timedelta(hours=24)
RECENT = timedelta(hours=1)
NEWS = timedelta(hours=24)
EVERYBODY = "*"
OPEN_REFUNDS = ("intended", "in_doubt", "pending")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure: its name, what it means, whose it is and its value (a count, or seconds)."""

    name: str
    meaning: str
    labels: tuple[tuple[str, str], ...]
    value: int


def load_indicators(connection: Connection, *, at: datetime) -> tuple[Indicator, ...]:
    """The figures of every merchant of these books as of `at`; merchants without work have none."""
    return (
        *_due(connection, at),
        *_never_tried(connection, at),
        *_waiting_for_people(connection),
        *_unsettled(connection, at),
        *_recent(connection, at),
        *_refunds(connection, at),
        *_outbox(connection, at),
        *_inbox(connection, at),
        *_inbox_for_people(connection, at),
        *_for_staff(connection),
        *_brakes(connection, at),
        *_everybody(connection),
    )


def _due(connection: Connection, at: datetime) -> Iterator[Indicator]:
    statement = (
        select(slots.c.merchant_id, func.count(), func.min(slots.c.due_at))
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(*_is_due(at))
        .group_by(slots.c.merchant_id)
    )
    meaning = "charges that are due and not begun"
    yield from _counted(connection, statement, "charges_due", meaning, at)


def _never_tried(connection: Connection, at: datetime) -> Iterator[Indicator]:
    """A charge that nobody tried for a day is lost, unless the cap moved it."""
    statement = (
        select(slots.c.merchant_id, func.count())
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(
            *_is_due(at),
            slots.c.attempts == 0,
            slots.c.cap_moves == 0,
            slots.c.first_due_at < at - LOST_AFTER,
        )
        .group_by(slots.c.merchant_id)
    )
    for merchant_id, charges in connection.execute(statement):
        yield _of(merchant_id, "charges_lost", "charges due for a day and never tried", charges)


def _is_due(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        is_word(slots.c.state, "due"),
        slots.c.due_at <= at,
        subscriptions.c.state.in_(CHARGEABLE_STATES),
    )


def _waiting_for_people(connection: Connection) -> Iterator[Indicator]:
    meanings = {
        "waiting_buyer": "charges that wait for the buyer's payment method",
        "quarantined": "charges that wait for a person of the merchant",
    }
    for state, meaning in meanings.items():
        statement = (
            select(slots.c.merchant_id, func.count())
            .where(is_word(slots.c.state, state))
            .group_by(slots.c.merchant_id)
        )
        for merchant_id, charges in connection.execute(statement):
            yield _of(merchant_id, f"charges_{state}", meaning, charges)


def _unsettled(connection: Connection, at: datetime) -> Iterator[Indicator]:
    statement = (
        select(
            attempts.c.merchant_id,
            attempts.c.state,
            func.count(),
            func.min(attempts.c.intended_at),
        )
        .where(is_word(attempts.c.state, *UNSETTLED))
        .group_by(attempts.c.merchant_id, attempts.c.state)
    )
    for merchant_id, state, count, oldest in connection.execute(statement):
        label = ("state", state)
        yield _of(merchant_id, "attempts_open", "attempts without a final answer", count, label)
        yield _of(
            merchant_id,
            "attempts_open_oldest_seconds",
            "age of the oldest of them",
            _seconds(at, oldest),
            label,
        )


def _recent(connection: Connection, at: datetime) -> Iterator[Indicator]:
    """Of the last hour: attempts by how they ended, and how late first attempts began."""
    # By merchant, because the index of attempts by time begins with the merchant.
    recent = and_(
        attempts.c.merchant_id.in_(select(merchants.c.id)), attempts.c.intended_at > at - RECENT
    )
    by_state = (
        select(attempts.c.merchant_id, attempts.c.state, attempts.c.reason_code, func.count())
        .where(recent)
        .group_by(attempts.c.merchant_id, attempts.c.state, attempts.c.reason_code)
    )
    for merchant_id, state, reason, count in connection.execute(by_state):
        yield _of(
            merchant_id,
            "attempts_last_hour",
            "attempts begun in the last hour",
            count,
            ("state", state),
            ("reason", reason or ""),
        )
    late = func.max(
        _epoch(connection, attempts.c.intended_at) - _epoch(connection, slots.c.first_due_at)
    )
    first = (
        select(attempts.c.merchant_id, late)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(recent, attempts.c.number == 1, slots.c.cap_moves == 0)
        .group_by(attempts.c.merchant_id)
    )
    for merchant_id, seconds in connection.execute(first):
        yield _of(
            merchant_id,
            "dispatch_lag_seconds",
            "longest time from due to begun, of the first attempts of the last hour",
            max(0, int(seconds)),
        )


def _refunds(connection: Connection, at: datetime) -> Iterator[Indicator]:
    statement = (
        select(refunds.c.merchant_id, func.count(), func.min(refunds.c.requested_at))
        .where(is_word(refunds.c.state, *OPEN_REFUNDS))
        .group_by(refunds.c.merchant_id)
    )
    yield from _counted(connection, statement, "refunds_open", "refunds without a final answer", at)


def _outbox(connection: Connection, at: datetime) -> Iterator[Indicator]:
    statement = (
        select(notices.c.merchant_id, func.count(), func.min(notices.c.written_at))
        .where(notices.c.delivered_at.is_(None))
        .group_by(notices.c.merchant_id)
    )
    meaning = "notices that are not delivered yet"
    yield from _counted(connection, statement, "notices_waiting", meaning, at)


def _inbox(connection: Connection, at: datetime) -> Iterator[Indicator]:
    # Said twice, since SQLite finds the index of what is open by its own words only.
    waiting = and_(
        is_word(notifications.c.state, "waiting", "parked"), notifications.c.state == "waiting"
    )
    statement = (
        select(notifications.c.merchant_id, func.count(), func.min(notifications.c.received_at))
        .where(waiting)
        .group_by(notifications.c.merchant_id)
    )
    meaning = "notifications not looked into"
    yield from _counted(connection, statement, "notifications_open", meaning, at)


def _counted(
    connection: Connection, statement: Select[Any], name: str, meaning: str, at: datetime
) -> Iterator[Indicator]:
    """How many of each merchant, and how old the oldest is; of (merchant, count, its moment)."""
    for merchant_id, count, oldest in connection.execute(statement):
        yield _of(merchant_id, name, meaning, count)
        age = _seconds(at, oldest)
        yield _of(merchant_id, f"{name}_oldest_seconds", "age of the oldest of them", age)


def _inbox_for_people(connection: Connection, at: datetime) -> Iterator[Indicator]:
    """Of the last day only: what a person has seen by then is not asked for for ever."""
    statement = (
        select(notifications.c.merchant_id, func.count())
        .where(
            # By merchant, because the index of messages by time begins with the merchant.
            notifications.c.merchant_id.in_(select(merchants.c.id)),
            notifications.c.received_at > at - NEWS,
            notifications.c.state == "attention",
        )
        .group_by(notifications.c.merchant_id)
    )
    for merchant_id, count in connection.execute(statement):
        yield _of(
            merchant_id,
            "notifications_attention",
            "notifications of the last day that need a person, as every chargeback does",
            count,
        )


def _for_staff(connection: Connection) -> Iterator[Indicator]:
    """What a person must decide, or must look at."""
    parked = (
        select(doubts.c.merchant_id, func.count())
        .where(doubts.c.settled_at.is_(None), doubts.c.parked_at.is_not(None))
        .group_by(doubts.c.merchant_id)
    )
    for merchant_id, count in connection.execute(parked):
        yield _of(merchant_id, "doubts_parked", "doubts that a person must decide", count)
    aside = (
        select(poison.c.merchant_id, func.count())
        .where(poison.c.set_aside_at.is_not(None))
        .group_by(poison.c.merchant_id)
    )
    for merchant_id, count in connection.execute(aside):
        yield _of(merchant_id, "rows_set_aside", "rows that failed each time", count)


def _everybody(connection: Connection) -> Iterator[Indicator]:
    """What stops every merchant of these books."""
    pulled = select(func.count()).where(global_brakes.c.pulled_at.is_not(None))
    if connection.execute(pulled).scalar_one():
        yield _of(EVERYBODY, "brake_pulled", "1 while nothing new is charged", 1)
    open_ones = select(func.count()).where(is_word(restorations.c.state, "reconciling"))
    if connection.execute(open_ones).scalar_one():
        yield _of(EVERYBODY, "reconciling", "1 while a restored backup is reconciled", 1)


def _brakes(connection: Connection, at: datetime) -> Iterator[Indicator]:
    for row in fetch(connection, select(brakes)):
        yield from _brake(row, at)


def _brake(row: Row, at: datetime) -> Iterator[Indicator]:
    pulled = int(row["pulled_at"] is not None)
    yield _of(row["merchant_id"], "brake_pulled", "1 while nothing new is charged", pulled)
    if row["last_run_at"] is not None:
        yield _of(
            row["merchant_id"],
            "last_run_seconds",
            "time since the last charge run began",
            _seconds(at, row["last_run_at"]),
        )


def _of(
    merchant_id: str, name: str, meaning: str, value: int, *labels: tuple[str, str]
) -> Indicator:
    return Indicator(f"autopay_{name}", meaning, (("merchant", merchant_id), *labels), value)


def _seconds(at: datetime, since: datetime) -> int:
    return max(0, (at - since) // timedelta(seconds=1))


def _epoch(connection: Connection, column: Column[Any]) -> ColumnElement[int]:
    """Seconds since 1970 of an instant, in SQL."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", column), Integer)
    return func.unixepoch(column, type_=Integer)

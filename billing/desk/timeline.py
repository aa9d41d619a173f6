"""Everything that happened to some subscriptions in one list, newest first.

Each charge carries the words that the engine itself wrote for its lines, so that "why was this
charged?" is answered on the spot and in the same words as on the invoice (rule 10 of the design).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import nlargest
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, select

from billing.store.rows import Row, among, fetch, table_of
from billing.tables import (
    AttemptRow,
    InvoiceLineRow,
    NoticeRow,
    RefundRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)

__all__ = ["Step", "StepKind", "timeline"]

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
lines = table_of(InvoiceLineRow)
refunds = table_of(RefundRow)
notices = table_of(NoticeRow)
events = table_of(SubscriptionEventRow)
subscriptions = table_of(SubscriptionRow)


class StepKind(StrEnum):
    """What a step of the list is."""

    CHARGE = "charge"
    EVENT = "event"
    NOTICE = "notice"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    `name` is the state of a charge or refund, or the kind of an event or notice; `number` is the
    row of the attempt. `why` are the lines (Japanese, English, yen) of a charge's invoice, and
    `total_yen` what they sum to: a part of it is charged where the cap split it.
    """

    at: datetime
    kind: StepKind
    name: str
    subscription: str
    subscription_id: int
    amount_yen: int | None = None
    reason: str | None = None
    number: int | None = None
    reference: str | None = None
    actor: str | None = None
    before: str | None = None
    after: str | None = None
    told_at: datetime | None = None
    why: tuple[tuple[str, str, int], ...] = ()
    total_yen: int | None = None


def timeline(
    connection: Connection, *, subscription_ids: Collection[int], limit: int = 50
) -> list[Step]:
    """The newest `limit` steps of some subscriptions of one merchant."""
    if not subscription_ids:
        return []
    names = _names(connection, subscription_ids)
    steps: Iterable[Step] = (
        *_charges(connection, subscription_ids, names, limit),
        *_refunds(connection, subscription_ids, names, limit),
        *_events(connection, subscription_ids, names, limit),
        *_notices(connection, subscription_ids, names, limit),
    )
    return nlargest(limit, steps, key=attrgetter("at"))


def _names(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    statement = select(subscriptions.c.id, subscriptions.c.external_id).where(
        among(connection, subscriptions.c.id, ids)
    )
    return {row.id: row.external_id for row in connection.execute(statement)}


def _charges(
    connection: Connection, ids: Collection[int], names: Mapping[int, str], limit: int
) -> list[Step]:
    statement = (
        select(
            attempts.c.id,
            attempts.c.intended_at,
            attempts.c.state,
            attempts.c.amount_yen,
            attempts.c.reason_code,
            slots.c.reference,
            slots.c.subscription_id,
            slots.c.invoice_id,
        )
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(among(connection, slots.c.subscription_id, ids))
        .order_by(attempts.c.intended_at.desc(), attempts.c.id.desc())
        .limit(limit)
    )
    rows = fetch(connection, statement)
    why = _lines(connection, {row["invoice_id"] for row in rows})
    return [
        Step(
            at=row["intended_at"],
            kind=StepKind.CHARGE,
            name=row["state"],
            subscription=names[row["subscription_id"]],
            subscription_id=row["subscription_id"],
            amount_yen=row["amount_yen"],
            reason=row["reason_code"],
            number=row["id"],
            reference=row["reference"],
            why=why.get(row["invoice_id"], ()),
            total_yen=sum(yen for _, _, yen in why.get(row["invoice_id"], ())),
        )
        for row in rows
    ]


def _lines(
    connection: Connection, invoice_ids: Collection[int]
) -> dict[int, tuple[tuple[str, str, int], ...]]:
    statement = (
        select(lines)
        .where(among(connection, lines.c.invoice_id, invoice_ids))
        .order_by(lines.c.invoice_id, lines.c.position)
    )
    found: dict[int, tuple[tuple[str, str, int], ...]] = {}
    for row in fetch(connection, statement):
        told = (_with_sum(row, "ja"), _with_sum(row, "en"), row["amount_yen"])
        found[row["invoice_id"]] = (*found.get(row["invoice_id"], ()), told)
    return found


def _with_sum(row: Row, language: str) -> str:
    """The stored words, with the multiplication where there is one."""
    words: str = row[f"description_{language}"]
    if row["quantity"] == 1 or row["quantity"] * row["unit_yen"] != row["amount_yen"]:
        return words
    return f"{words} ¥{row['unit_yen']:,} × {row['quantity']:,} = ¥{row['amount_yen']:,}"


def _refunds(
    connection: Connection, ids: Collection[int], names: Mapping[int, str], limit: int
) -> list[Step]:
    statement = (
        select(
            refunds.c.requested_at,
            refunds.c.state,
            refunds.c.amount_yen,
            refunds.c.reason,
            refunds.c.actor,
            refunds.c.reference,
            attempts.c.id.label("attempt_id"),
            slots.c.subscription_id,
        )
        .join(attempts, attempts.c.id == refunds.c.attempt_id)
        .join(slots, slots.c.id == attempts.c.slot_id)
        .where(among(connection, slots.c.subscription_id, ids))
    )
    return [
        Step(
            at=row["requested_at"],
            kind=StepKind.REFUND,
            name=row["state"],
            subscription=names[row["subscription_id"]],
            subscription_id=row["subscription_id"],
            amount_yen=row["amount_yen"],
            reason=row["reason"],
            number=row["attempt_id"],
            reference=row["reference"],
            actor=row["actor"],
        )
        for row in _newest(connection, statement, refunds.c.id, limit)
    ]


def _events(
    connection: Connection, ids: Collection[int], names: Mapping[int, str], limit: int
) -> list[Step]:
    statement = select(events).where(among(connection, events.c.subscription_id, ids))
    return [
        Step(
            at=row["at"],
            kind=StepKind.EVENT,
            name=row["kind"],
            subscription=names[row["subscription_id"]],
            subscription_id=row["subscription_id"],
            reason=row["reason"],
            actor=row["actor"],
            before=row["state_before"],
            after=row["state_after"],
        )
        for row in _newest(connection, statement, events.c.id, limit)
    ]


def _notices(
    connection: Connection, ids: Collection[int], names: Mapping[int, str], limit: int
) -> list[Step]:
    statement = select(notices).where(among(connection, notices.c.subscription_id, ids))
    return [
        Step(
            at=row["written_at"],
            kind=StepKind.NOTICE,
            name=row["kind"],
            subscription=names[row["subscription_id"]],
            subscription_id=row["subscription_id"],
            amount_yen=row["amount_yen"],
            reason=row["reason"],
            reference=row["reference"],
            told_at=row["delivered_at"],
        )
        for row in _newest(connection, statement, notices.c.id, limit)
    ]


def _newest(connection: Connection, statement: Select[Any], number: Any, limit: int) -> list[Row]:
    # No index answers `number + 0`: in the order of `number` a database may walk through the rows
    # of everybody to find the newest of these few.
    return fetch(connection, statement.order_by((number + 0).desc()).limit(limit))

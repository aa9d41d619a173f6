"""Everything about one subscription: its terms, what comes next and why, what happened so far.

Plain rows and changed agreements are told alike: both are read as the value of the life cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from billing.dates import civil_date
from billing.quotes import Bill, Situation, load_situation
from billing.quotes.agreed import Agreed, agreed
from billing.quotes.agreement import load_agreements
from billing.quotes.projecting import projected, year_after
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import (
    ChargePermissionRow,
    CustomerRow,
    InvoiceLineRow,
    SlotRow,
    SubscriptionEventRow,
    SubscriptionRow,
)
from plans import TaxedYen
from plans.lifecycle import Event, Policy, Subscription, event_from_json, remaining_cycles

__all__ = ["EventStory", "NextCharge", "SlotStory", "SubscriptionStory", "subscription_story"]

_subscriptions = table_of(SubscriptionRow)
_customers = table_of(CustomerRow)
_permissions = table_of(ChargePermissionRow)
_slots = table_of(SlotRow)
_lines = table_of(InvoiceLineRow)
_events = table_of(SubscriptionEventRow)

# What a slot in one of these states owes has no outcome yet.
_UNSETTLED = ("due", "open", "authorized", "waiting_buyer", "quarantined")
_LAST_MINUTE = time(23, 59)
_DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class NextCharge:
    """What is charged next: yen, day, the lines (Japanese, English) that say why.

    `reference` names the slot when it is invoiced already. `deadline` is the last minute, in the
    merchant's zone, in which it can be changed; None when it is invoiced.
    """

    on: date
    amount_yen: int
    cycle: int | None
    why: tuple[tuple[str, str], ...]
    reference: str | None
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class SlotStory:
    """One thing that was to be paid, and where it stands; `due_at` is a UTC instant."""

    reference: str
    cycle: int
    purpose: str
    amount_yen: int
    state: str
    reason: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EventStory:
    """One transition: who, why, when. `event` is the life cycle's own, for changed agreements."""

    at: datetime
    kind: str
    state_before: str
    state_after: str
    actor: str
    reason: str
    quote_id: str | None
    event: Event | None


@dataclass(frozen=True, slots=True)
class SubscriptionStory:
    """A subscription with all that belongs to it; `owed_cycles` are of the minimum term.

    `pending_quote_id` names the change whose charge is under way. `charges` are the newest first,
    `events` in the order in which they were written.
    """

    value: Subscription
    customer_id: str
    customer_name: str
    email: str
    terms: Agreed
    next_charge: NextCharge | None
    owed_cycles: int
    credit: tuple[TaxedYen, ...]
    pending_quote_id: str | None
    charges: tuple[SlotStory, ...]
    events: tuple[EventStory, ...]


def subscription_story(
    connection: Connection,
    merchant: Merchant,
    *,
    subscription_id: str,
    at: datetime,
    charges: int = 10,
    situation: Situation | None = None,
) -> SubscriptionStory:
    """Tell everything about a subscription as of `at`, with its last `charges` charges.

    `situation` is what `load_situation` gave of the same moment, where that was read already.
    Raises `UnknownSubscription`, and what the catalogue lacks.
    """
    if situation is None:
        situation = load_situation(connection, merchant, subscription_id=subscription_id, at=at)
    value = situation.subscription
    if value is None:
        raise AssertionError(f"subscription {subscription_id} without a value")
    on = civil_date(at=at, timezone=merchant.timezone)
    row = _row(connection, merchant, subscription_id)
    agreement = load_agreements(connection, [row["id"]]).get(row["id"])
    return SubscriptionStory(
        value=value,
        customer_id=row["customer_id"],
        customer_name=row["name"],
        email=row["email"],
        terms=agreed(situation.catalogue, value, on=on),
        next_charge=_next_charge(connection, merchant, row, situation, value, on),
        owed_cycles=remaining_cycles(value, on=on),
        credit=situation.credit,
        pending_quote_id=None if agreement is None else agreement.pending_quote_id,
        charges=_charges(connection, row, limit=charges),
        events=_timeline(connection, row),
    )


def _row(connection: Connection, merchant: Merchant, subscription_id: str) -> Row:
    statement = (
        select(
            _subscriptions.c.id,
            _customers.c.external_id.label("customer_id"),
            _customers.c.name,
            _customers.c.email,
        )
        .join(_customers, _customers.c.id == _subscriptions.c.customer_id)
        .where(_subscriptions.c.merchant_id == merchant.id)
        .where(_subscriptions.c.external_id == subscription_id)
    )
    return fetch(connection, statement)[0]


def _next_charge(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    situation: Situation,
    value: Subscription,
    on: date,
) -> NextCharge | None:
    """Give what is invoiced and unpaid first, else the first bill that will be."""
    invoiced = _invoiced(connection, merchant, row, value, on)
    if invoiced is not None:
        return invoiced
    until = year_after(on)
    bills = projected(
        situation, situation.account, value, on=on, until=until, policy=_DEFAULT_POLICY
    )
    bill = next((bill for bill in bills if bill.charge_yen), None)
    return None if bill is None else _coming(merchant, bill)


def _invoiced(
    connection: Connection, merchant: Merchant, row: Row, value: Subscription, on: date
) -> NextCharge | None:
    """Give the first slot without an outcome: due today when overdue, and after a pause."""
    if value.pause is not None and value.pause.until is None:
        return None  # nothing is charged until somebody resumes it
    earliest = on if value.pause is None else max(on, value.pause.until or on)
    statement = (
        select(_slots)
        .where(_slots.c.subscription_id == row["id"], _slots.c.state.in_(_UNSETTLED))
        .order_by(_slots.c.due_at, _slots.c.id)
        .limit(1)
    )
    slots = fetch(connection, statement)
    if not slots:
        return None
    (slot,) = slots
    lines = select(_lines.c.description_ja, _lines.c.description_en)
    why = connection.execute(
        lines.where(_lines.c.invoice_id == slot["invoice_id"]).order_by(_lines.c.position)
    )
    return NextCharge(
        on=max(earliest, civil_date(at=slot["due_at"], timezone=merchant.timezone)),
        amount_yen=slot["amount_yen"],
        cycle=slot["cycle"] if slot["purpose"] == "renewal" else None,
        why=tuple((ja, en) for ja, en in why),
        reference=slot["reference"],
        deadline=None,
    )


def _coming(merchant: Merchant, bill: Bill) -> NextCharge:
    last_day = bill.on - timedelta(days=_DEFAULT_POLICY.cutoff_days)
    return NextCharge(
        on=bill.on,
        amount_yen=bill.charge_yen,
        cycle=bill.cycle,
        why=tuple((line.text_ja, line.text_en) for line in bill.lines),
        reference=None,
        deadline=datetime.combine(last_day, _LAST_MINUTE, ZoneInfo(merchant.timezone)),
    )


def _charges(connection: Connection, row: Row, *, limit: int) -> tuple[SlotStory, ...]:
    names = ("reference", "cycle", "purpose", "amount_yen", "state", "reason", "due_at")
    statement = (
        select(*(_slots.c[name] for name in names))
        .where(_slots.c.subscription_id == row["id"])
        .order_by(_slots.c.first_due_at.desc(), _slots.c.id.desc())
        .limit(limit)
    )
    return tuple(SlotStory(**slot) for slot in fetch(connection, statement))


def _timeline(connection: Connection, row: Row) -> tuple[EventStory, ...]:
    statement = select(_events).where(_events.c.subscription_id == row["id"])
    return tuple(
        EventStory(
            at=event["at"],
            kind=event["kind"],
            state_before=event["state_before"],
            state_after=event["state_after"],
            actor=event["actor"],
            reason=event["reason"],
            quote_id=event["quote_id"],
            event=None if event["body"] is None else event_from_json(event["body"]),
        )
        for event in fetch(connection, statement.order_by(_events.c.id))
    )

"""An agreement written: its row, its events, and what the subscription's own row shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from billing.dates import charge_instant
from billing.quotes.agreed import price_ref
from billing.quotes.agreement import Agreement, agreement_text
from billing.store.merchants import Merchant
from billing.store.rows import Row, insert_many, table_of, update_many
from billing.tables import AgreementRow, PlanRow, PriceRow, SubscriptionEventRow, SubscriptionRow
from plans.lifecycle import (
    Event,
    Subscription,
    charge_on,
    event_to_json,
    evolve,
    next_due,
)

__all__ = ["price_id_of", "store", "write_events"]

_agreements = table_of(AgreementRow)
_subscriptions = table_of(SubscriptionRow)
_prices = table_of(PriceRow)
_plans = table_of(PlanRow)


def store(
    connection: Connection,
    merchant: Merchant,
    row: Row,
    agreement: Agreement,
    *,
    price_id: int,
) -> None:
    """Write an agreement, and what of it the subscription's own row shows and is found by."""
    values = {
        "subscription_id": row["id"],
        "merchant_id": merchant.id,
        "sequence": agreement.subscription.sequence,
        "body": agreement_text(agreement),
        "credit_yen": agreement.credit_yen,
        "pending_quote_id": agreement.pending_quote_id,
    }
    known = update(_agreements).where(_agreements.c.subscription_id == row["id"])
    if connection.execute(known.values(values)).rowcount == 0:
        insert_many(connection, _agreements, [values])
    update_many(connection, _subscriptions, [_shown(merchant, row, agreement, price_id)])


def _shown(merchant: Merchant, row: Row, agreement: Agreement, price_id: int) -> dict[str, Any]:
    subscription = agreement.subscription
    anchor = subscription.anchor
    pause = subscription.pause
    return {
        "id": row["id"],
        "price_id": price_id,
        "quantity": subscription.quantity,
        "state": subscription.state.value,
        "anchor_year": anchor.year,
        "anchor_month": anchor.month,
        "anchor_day": anchor.day,
        "next_cycle": subscription.next_cycle,
        "cycles_done": subscription.cycles_done,
        "due_at": _due_at(merchant, agreement),
        "resume_on": None if pause is None else pause.until,
        "cancel_at_period_end": subscription.cancellation is not None,
    }


def _due_at(merchant: Merchant, agreement: Agreement) -> datetime | None:
    """Give the moment something happens next; an invoiced cycle is due by its slot instead."""
    charge = None if agreement.when_paid is not None else charge_on(agreement.subscription)
    days: list[date] = [
        day for day in (next_due(agreement.subscription), charge) if day is not None
    ]
    if not days:
        return None
    return charge_instant(on=min(days), timezone=merchant.timezone, hour=merchant.charge_hour)


def price_id_of(connection: Connection, merchant: Merchant, subscription: Subscription) -> int:
    """Find the row of the price that was agreed."""
    ref = price_ref(subscription.price_ref)
    statement = (
        select(_prices.c.id)
        .join(_plans, _plans.c.id == _prices.c.plan_id)
        .where(_plans.c.merchant_id == merchant.id, _plans.c.code == ref.plan_code)
        .where(_prices.c.valid_from == ref.valid_from)
    )
    return int(connection.execute(statement).scalar_one())


def write_events(
    connection: Connection, row: Row, before: Subscription, events: Sequence[Event]
) -> None:
    """Append what happened, each event with its own text; `before` gives the state it left."""
    states = _states(before, events)
    rows = [
        {
            "merchant_id": row["merchant_id"],
            "subscription_id": row["id"],
            "at": event.at,
            "kind": event.fact.kind,
            "state_before": was,
            "state_after": becomes,
            "actor": event.actor.value,
            "reason": event.reason,
            "sequence": event.sequence,
            "body": event_to_json(event),
            "quote_id": event.quote_id,
        }
        for event, (was, becomes) in zip(events, states, strict=True)
    ]
    insert_many(connection, table_of(SubscriptionEventRow), rows)


def _states(before: Subscription, events: Sequence[Event]) -> list[tuple[str, str]]:
    found = []
    for event in events:
        after = evolve(before, event)
        found.append((before.state.value, after.state.value))
        before = after
    return found

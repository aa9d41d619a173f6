"""A subscription comes into being: its row, its agreement, and the first cycle if that is due.

The life cycle decides, and the very function that opens every later cycle opens the first one.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from billing.agreements.running import AgreementRun, open_agreement
from billing.agreements.writing import price_id_of, store, write_events
from billing.catalogue.catalogue_store import load_catalogue
from billing.checkouts.offering import (
    chosen_add_ons,
    create_command,
    situation_of_nobody,
)
from billing.checkouts.wanted import Wanted
from billing.quotes.agreed import price_ref
from billing.quotes.agreement import Agreement
from billing.quotes.projecting import happened
from billing.quotes.values import Account
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of
from billing.tables import ChargePermissionRow, SlotRow, SubscriptionEventRow, SubscriptionRow
from plans.lifecycle import Actor, Event, Policy, Subscription, decide, event_to_json, evolve

__all__ = ["create_subscription"]

subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
events_table = table_of(SubscriptionEventRow)
slots = table_of(SlotRow)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What the life cycle decided, and the value after it."""

    events: tuple[Event, ...]
    created: Subscription
    subscription: Subscription
    account: Account


def create_subscription(
    connection: Connection,
    merchant: Merchant,
    *,
    subscription_id: str,
    customer_id: int,
    permission_id: int,
    wanted: Wanted,
    on: date,
    at: datetime,
) -> tuple[int, tuple[int, ...]]:
    """Begin the agreement on the terms that were agreed to; gives its row and slots that are due.

    `on` and `at` are the date and the instant of the consent.
    """
    catalogue = load_catalogue(connection, merchant.id)
    begun = _begin(connection, merchant, subscription_id, permission_id, wanted, on, at)
    row_id = _insert(connection, merchant, begun, customer_id, permission_id, on)
    row = _row(connection, row_id)
    _write_first_events(connection, row, begun)
    agreement = Agreement(begun.subscription, begun.account)
    price_id = price_id_of(connection, merchant, begun.subscription)
    store(connection, merchant, row, agreement, price_id=price_id)
    row = _row(connection, row_id)
    open_agreement(AgreementRun(connection, merchant, catalogue, at), row, agreement)
    return row_id, _due_at_once(connection, row_id, at)


def _begin(
    connection: Connection,
    merchant: Merchant,
    subscription_id: str,
    permission_id: int,
    wanted: Wanted,
    on: date,
    at: datetime,
) -> _Begun:
    catalogue = load_catalogue(connection, merchant.id)
    amazon_id = select(permissions.c.amazon_id).where(permissions.c.id == permission_id)
    command = create_command(
        wanted,
        catalogue.plan(wanted.plan_code),
        catalogue.price_of(price_ref(wanted.price_ref)),
        chosen_add_ons(catalogue, wanted, on=on),
        subscription_id=subscription_id,
        on=on,
        permission_id=connection.execute(amazon_id).scalar_one(),
    )
    events = decide(
        None,
        command,
        actor=Actor.CUSTOMER,
        reason="signed up",
        at=at,
        on=on,
        policy=Policy(),
    )
    view = situation_of_nobody(merchant, catalogue)
    account, subscription, _ = happened(view, Account(), None, events)
    return _Begun(events, evolve(None, events[0]), subscription, account)


def _insert(
    connection: Connection,
    merchant: Merchant,
    begun: _Begun,
    customer_id: int,
    permission_id: int,
    on: date,
) -> int:
    subscription = begun.subscription
    values = {
        "merchant_id": merchant.id,
        "external_id": subscription.id,
        "customer_id": customer_id,
        "permission_id": permission_id,
        "price_id": price_id_of(connection, merchant, subscription),
        "quantity": subscription.quantity,
        "state": subscription.state.value,
        "started_on": on,
        "anchor_year": subscription.anchor.year,
        "anchor_month": subscription.anchor.month,
        "anchor_day": subscription.anchor.day,
        "first_cycle": subscription.next_cycle,
        "next_cycle": subscription.next_cycle,
        "cycles_done": 0,
        "due_at": None,
        "resume_on": None,
        "cancel_at_period_end": False,
        "import_hash": None,
    }
    (row_id,) = insert_returning_ids(connection, subscriptions, [values])
    return row_id


def _row(connection: Connection, row_id: int) -> Row:
    (row,) = fetch(connection, select(subscriptions).where(subscriptions.c.id == row_id))
    return row


def _write_first_events(connection: Connection, row: Row, begun: _Begun) -> None:
    """The first event has no state before it; the column shows the state it begins with."""
    first, *others = begun.events
    created: dict[str, Any] = {
        "merchant_id": row["merchant_id"],
        "subscription_id": row["id"],
        "at": first.at,
        "kind": first.fact.kind,
        "state_before": begun.created.state.value,
        "state_after": begun.created.state.value,
        "actor": first.actor.value,
        "reason": first.reason,
        "sequence": first.sequence,
        "body": event_to_json(first),
        "quote_id": None,
    }
    insert_many(connection, events_table, [created])
    write_events(connection, row, begun.created, others)


def _due_at_once(connection: Connection, row_id: int, at: datetime) -> tuple[int, ...]:
    """A first charge does not wait for the hour of charges: the buyer is looking."""
    mine = (slots.c.subscription_id == row_id, slots.c.state == "due")
    late = update(slots).where(*mine, slots.c.due_at > at)
    connection.execute(late.values(due_at=at, first_due_at=at))
    return tuple(connection.execute(select(slots.c.id).where(*mine)).scalars())

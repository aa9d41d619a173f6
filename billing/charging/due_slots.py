"""Finds what may be charged: first the permissions, then under their locks one slot of each.

How much it reads depends on how much is asked for, not on how much is due or was ever charged:
each question is answered by an index of what is open, whatever the database knows of its tables.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, select

from billing.catalogue.terms import terms_of
from billing.store.locking import has_all_rows, lock_rows, locked_rows
from billing.store.merchants import Merchant
from billing.store.rows import Row, among, fetch, is_word, table_of
from billing.tables import ChargePermissionRow, InvoiceRow, SlotRow, SubscriptionRow
from plans import CaptureRule

slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)
invoices = table_of(InvoiceRow)


def charged_already(slot_ids: Collection[int], *, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL: these slots, whatever became of their agreement since, and whatever else is in flight.

    Their money is taken: a slot that stayed due would be charged anew.
    """
    return is_word(slots.c.state, "due"), slots.c.due_at <= at, slots.c.id.in_(sorted(slot_ids))


def oldest_due(
    connection: Connection, merchant: Merchant, *, due: tuple[Any, ...], limit: int
) -> dict[int, int]:
    """The `limit` oldest slots that meet the conditions `due`: slot id → permission id."""
    statement = (
        select(slots.c.id, slots.c.permission_id)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(slots.c.merchant_id == merchant.id, *due)
        .order_by(slots.c.due_at, slots.c.id)
        .limit(limit)
    )
    return {row.id: row.permission_id for row in connection.execute(statement).all()}


def lock_permissions(
    connection: Connection, ids: Collection[int], *, skip_locked: bool
) -> dict[int, Row]:
    """Lock permissions in order; with `skip_locked` those that nobody else holds."""
    return locked_rows(connection, permissions, ids, skip_locked=skip_locked)


def lock_owners(
    connection: Connection, slot_ids: Collection[int], *, skip_locked: bool
) -> set[int]:
    """Lock the subscriptions of slots, in order, behind their permissions; the slots of those held.

    Whoever opens cycles holds subscriptions alone: an agreement that ends just now, and whose debt
    is given up, must not be charged by somebody who read it a moment before.
    """
    if has_all_rows(connection):
        return set(slot_ids)
    statement = select(slots.c.id, slots.c.subscription_id).where(
        among(connection, slots.c.id, slot_ids)
    )
    owners = {row.id: row.subscription_id for row in connection.execute(statement)}
    locked = lock_rows(connection, subscriptions, set(owners.values()), skip_locked=skip_locked)
    return {slot_id for slot_id, owner in owners.items() if owner in locked}


def first_due_slot_of_each(
    connection: Connection,
    slot_ids: Collection[int],
    *,
    due: tuple[Any, ...],
    held: Collection[int],
) -> list[Row]:
    """Of slots whose permissions are `held` now, the oldest of each that still meets `due`.

    One that moved to another permission a moment ago is left to the next run, which holds that.
    """
    # Found by their ids alone, whence the CASE: a server that last counted when nothing was due
    # would take "is due" for the narrower condition, and read all that is due for each slice.
    still = case((and_(*due), 1), else_=0) == 1
    statement = (
        select(
            slots,
            subscriptions.c.external_id.label("subscription"),
            subscriptions.c.state.label("owner_state"),
            invoices.c.price_id,
        )
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .join(invoices, invoices.c.id == slots.c.invoice_id)
        .where(among(connection, slots.c.id, slot_ids), still)
        .order_by(slots.c.due_at, slots.c.id)
    )
    first: dict[int, Row] = {}
    for row in fetch(connection, statement):
        if row["permission_id"] in held:
            first.setdefault(row["permission_id"], row)
    return list(first.values())


def captured_later(connection: Connection, due: Sequence[Row]) -> set[int]:
    """The slots whose money is taken at their shipment: by the price, and not shipped yet."""
    unshipped = [
        slot
        for slot in due
        if slot["price_id"] is not None
        and slot["shipped_on"] is None
        and slot["purpose"].split(":")[0] == "renewal"
    ]
    if not unshipped:
        return set()
    terms = terms_of(connection, {slot["price_id"] for slot in unshipped})
    waits = CaptureRule.ON_SHIPMENT
    return {slot["id"] for slot in unshipped if terms[slot["price_id"]].price.capture is waits}

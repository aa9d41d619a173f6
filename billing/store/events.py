"""What happened and who did it, as rows: transitions of a subscription, acts on the engine."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from billing.store.rows import Row, insert_many, table_of
from billing.tables import AuditEventRow
from plans import SubscriptionState, check_transition


def event_row(
    subscription: Row,
    *,
    at: datetime,
    kind: str,
    state: str,
    reason: str,
    actor: str = "engine",
) -> dict[str, Any]:
    """The event of one transition; raises what `plans.check_transition` raises if it is illegal."""
    before, after = SubscriptionState(subscription["state"]), SubscriptionState(state)
    if before is not after:
        check_transition(before, after)
    return {
        "merchant_id": subscription["merchant_id"],
        "subscription_id": subscription["id"],
        "at": at,
        "kind": kind,
        "state_before": str(before),
        "state_after": str(after),
        "actor": actor,
        "reason": reason,
    }


def write_audit_event(
    connection: Connection,
    *,
    kind: str,
    actor: str,
    reason: str,
    at: datetime,
    merchant_id: str | None = None,
    detail: str | None = None,
) -> None:
    """Note what a person or a watchdog did to the engine itself; it can never be edited.

    `merchant_id` None means that it concerns every merchant; `detail` is JSON.
    """
    row = {
        "merchant_id": merchant_id,
        "at": at,
        "kind": kind,
        "actor": actor,
        "reason": reason,
        "detail": detail,
    }
    insert_many(connection, table_of(AuditEventRow), [row])

"""Writes what became of deliveries: sent, to be tried again, or given up.

A message that its receiver took stays sent, whatever somebody else reports about the same one. An
endpoint that failed for three days without one success is disabled, and the staff are told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from billing.deliveries.endpoints import give_up_endpoint, tell_disabled
from billing.deliveries.schedule import GIVEN_UP_AFTER, next_try
from billing.deliveries.settling import settle_notices
from billing.store.database import writing
from billing.store.rows import Row, fetch, table_of, update_many
from billing.tables import DeliveryRow, WebhookEndpointRow

__all__ = ["DeliveryOutcome", "DeliveryResult", "record_deliveries"]

_deliveries = table_of(DeliveryRow)
_endpoints = table_of(WebhookEndpointRow)

# A delivery that nobody tried, because its channel was away, is looked at again soon.
HELD_FOR = timedelta(seconds=30)


class DeliveryResult(StrEnum):
    """What became of one try."""

    SENT = "sent"
    LATER = "later"  # failed in a way that may pass
    NEVER = "never"  # refused for good
    GONE = "gone"  # refused for good, and so will be everything to this endpoint
    HELD = "held"  # not tried


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of the `tries`-th try; `detail` holds codes, never text of the other side.

    `wait_seconds` is how long the other side asked not to be tried again.
    """

    delivery_id: int
    tries: int
    result: DeliveryResult
    detail: str = ""
    wait_seconds: int = 0


def record_deliveries(engine: Engine, outcomes: Sequence[DeliveryOutcome], *, at: datetime) -> None:
    """Write outcomes; safe to call twice with the same ones."""
    if outcomes:
        writing(engine, lambda connection: _record(connection, outcomes, at))


def _record(connection: Connection, outcomes: Sequence[DeliveryOutcome], at: datetime) -> None:
    rows = _locked(connection, [outcome.delivery_id for outcome in outcomes])
    pairs = [
        (outcome, rows[outcome.delivery_id])
        for outcome in outcomes
        if _counts(outcome, rows.get(outcome.delivery_id))
    ]
    changed = [_changed(outcome, row, at) for outcome, row in pairs]
    update_many(connection, _deliveries, changed)
    _write_endpoints(connection, pairs, at)
    settle_notices(connection, [row["notice_id"] for _, row in pairs], at=at)


def _locked(connection: Connection, ids: Iterable[int]) -> dict[int, Row]:
    statement = (
        select(_deliveries)
        .where(_deliveries.c.id.in_(sorted(ids)))
        .order_by(_deliveries.c.id)
        .with_for_update()
    )
    return {row["id"]: row for row in fetch(connection, statement)}


def _counts(outcome: DeliveryOutcome, row: Row | None) -> bool:
    if row is None or row["state"] == "sent":
        return False
    # A failure of an older try says nothing: somebody has claimed it anew since.
    is_newest = row["state"] == "waiting" and row["tries"] == outcome.tries
    return outcome.result is DeliveryResult.SENT or is_newest


def _changed(outcome: DeliveryOutcome, row: Row, at: datetime) -> dict[str, Any]:
    later = next_try(tries=outcome.tries, at=at)
    state, look_at, settled_at, tries = "waiting", row["look_at"], None, row["tries"]
    match outcome.result:
        case DeliveryResult.SENT:
            state, settled_at = "sent", at
        case DeliveryResult.HELD:
            look_at, tries = at + HELD_FOR, outcome.tries - 1
        case DeliveryResult.LATER if later is not None:
            look_at = max(later, at + timedelta(seconds=outcome.wait_seconds))
        case _:
            state, settled_at = "dead", at
    return {
        "id": row["id"],
        "state": state,
        "look_at": look_at,
        "settled_at": settled_at,
        "tries": tries,
        "detail": outcome.detail or None,
        "worker_id": None,
    }


def _write_endpoints(
    connection: Connection, pairs: Sequence[tuple[DeliveryOutcome, Row]], at: datetime
) -> None:
    said: dict[int, set[DeliveryResult]] = {}
    for outcome, row in pairs:
        if row["endpoint_id"] is not None and outcome.result is not DeliveryResult.HELD:
            said.setdefault(row["endpoint_id"], set()).add(outcome.result)
    for endpoint_id in sorted(said):
        _write_endpoint(connection, endpoint_id, said[endpoint_id], at)


def _write_endpoint(
    connection: Connection, endpoint_id: int, results: set[DeliveryResult], at: datetime
) -> None:
    statement = select(_endpoints).where(_endpoints.c.id == endpoint_id)
    row = fetch(connection, statement.with_for_update())[0]
    if DeliveryResult.SENT in results:
        if row["failing_since"] is not None:
            _failing_since(connection, endpoint_id, None)
        return
    since = row["failing_since"] or at
    if row["failing_since"] is None:
        _failing_since(connection, endpoint_id, at)
    gone = DeliveryResult.GONE in results
    if row["state"] == "active" and (gone or at - since >= GIVEN_UP_AFTER):
        reason = "it answered 410 Gone" if gone else "it failed for three days"
        give_up_endpoint(connection, row, at=at, reason=reason)
        tell_disabled(connection, row, at=at)


def _failing_since(connection: Connection, endpoint_id: int, since: datetime | None) -> None:
    statement = update(_endpoints).where(_endpoints.c.id == endpoint_id)
    connection.execute(statement.values(failing_since=since))

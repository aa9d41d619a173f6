"""Intends what is due although one slot of it fails: that one is set aside after three tries."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import OperationalError

from billing.charging.intend import intend_due_slots, to_be_charged
from billing.charging.outcome import OpenAttempt
from billing.charging.poison import INTENDING, POISON, note_failures, retry_moment
from billing.store.database import reading, writing
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import Row, fetch, table_of, update_many
from billing.tables import SlotRow, SubscriptionRow

log = logging.getLogger(__name__)

slots = table_of(SlotRow)
subscriptions = table_of(SubscriptionRow)


def intend_around_poison(
    engine: Engine,
    merchant: Merchant,
    *,
    at: datetime,
    worker_id: str,
    limit: int = 200,
    only: Collection[int] | None = None,
) -> tuple[int, list[OpenAttempt]]:
    """As `intend_due_slots`; when the slice fails its slots are intended one by one.

    A slot that fails is tried again a minute and ten minutes later, then it is set aside for a
    person with the error as its reason. A database that is away is no fault of a slot and raises.
    """
    try:
        return intend_due_slots(
            engine, merchant, at=at, worker_id=worker_id, limit=limit, only=only
        )
    except OperationalError:
        raise
    except Exception:
        log.exception("a slice of due slots cannot be intended; going on one by one")
    handled, opened = 0, []
    for slot in _due(engine, merchant, at, limit, only):
        try:
            count, attempts = intend_due_slots(
                engine, merchant, at=at, worker_id=worker_id, limit=1, only=[slot["id"]]
            )
        except OperationalError:
            raise
        except Exception as error:
            _leave_alone(engine, merchant, slot, error, at)
            count, attempts = 1, []
        handled += count
        opened += attempts
    return handled, opened


def _due(
    engine: Engine, merchant: Merchant, at: datetime, limit: int, only: Collection[int] | None
) -> Sequence[Row]:
    # The same condition as that of the slice: what waits for other reasons (a paused agreement)
    # would be handled for ever, and nothing behind it.
    statement = (
        select(slots)
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .where(slots.c.merchant_id == merchant.id, *to_be_charged(merchant, at=at, only=only))
        .order_by(slots.c.due_at, slots.c.id)
        .limit(limit)
    )
    with reading(engine) as connection:
        return fetch(connection, statement)


def _leave_alone(
    engine: Engine, merchant: Merchant, slot: Row, error: Exception, at: datetime
) -> None:
    log.error("slot %s cannot be intended", slot["reference"], exc_info=error)

    def note(connection: Connection) -> None:
        errors = {slot["reference"]: error}
        aside = note_failures(connection, merchant, step=INTENDING, errors=errors, at=at)
        if not aside:
            again = retry_moment(connection, merchant, step=INTENDING, subject=slot["reference"])
            update_many(connection, slots, [{"id": slot["id"], "due_at": again}])
            return
        reason = f"{POISON} {type(error).__name__}"
        changed = {"id": slot["id"], "state": "quarantined", "reason": reason}
        update_many(connection, slots, [changed])
        write_notices(connection, [notice_row(slot, kind="quarantined", at=at, reason=reason)])

    writing(engine, note)

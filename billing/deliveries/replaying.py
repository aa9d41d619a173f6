"""Sends again what was sent or given up: events to an endpoint, mails that failed.

A repetition has the id of the first time, so that a receiver who has it already can tell.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from billing.deliveries.endpoints import endpoint_row
from billing.deliveries.planning import MAIL, webhook_delivery
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, is_word, table_of
from billing.tables import DeliveryRow, NoticeRow
from plans import BadInput

__all__ = ["MOST_REPLAYED", "replay_events", "retry_dead_mails"]

_deliveries = table_of(DeliveryRow)
_notices = table_of(NoticeRow)

MOST_REPLAYED = 1_000


def replay_events(
    connection: Connection,
    merchant: Merchant,
    *,
    code: str,
    at: datetime,
    after: int = 0,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[int, int]:
    """Have events behind the cursor `after`, or of a time, sent to an endpoint again.

    At most 1,000 at once: returns how many, and the cursor of the last (`after` when none).
    `since` is included, `until` is not. Raises BadInput for a code the merchant does not have, or
    an endpoint that is disabled.
    """
    endpoint = endpoint_row(connection, merchant, code)
    if endpoint["state"] != "active":
        raise BadInput(
            field="code",
            value=code,
            rule="is disabled, so nothing is sent to it",
            remedy=f"first: autopay webhooks enable {code}",
        )
    statement = (
        select(_notices)
        .where(_notices.c.merchant_id == merchant.id, _notices.c.position > after)
        .order_by(_notices.c.position)
        .limit(MOST_REPLAYED)
    )
    if since is not None:
        statement = statement.where(_notices.c.written_at >= since)
    if until is not None:
        statement = statement.where(_notices.c.written_at < until)
    chosen = fetch(connection, statement)
    _send_again(connection, endpoint, chosen, at)
    return len(chosen), chosen[-1]["position"] if chosen else after


def _send_again(connection: Connection, endpoint: Row, chosen: Sequence[Row], at: datetime) -> None:
    ids = [row["id"] for row in chosen]
    if not ids:
        return
    # Those that are being tried just now go on as they are.
    connection.execute(
        update(_deliveries)
        .where(_deliveries.c.endpoint_id == endpoint["id"], _deliveries.c.notice_id.in_(ids))
        .where(_deliveries.c.state != "waiting")
        .values(state="waiting", look_at=at, tries=0, planned_at=at, settled_at=None)
    )
    rows = [webhook_delivery(row, endpoint, at=at) for row in chosen]
    insert_unless_known(connection, _deliveries, rows)
    _reopen(connection, ids)


def retry_dead_mails(connection: Connection, merchant: Merchant, *, at: datetime) -> int:
    """Have every mail that was given up tried again from now; returns how many."""
    dead = is_word(_deliveries.c.state, "dead")
    found = connection.execute(
        update(_deliveries)
        .where(_deliveries.c.merchant_id == merchant.id, _deliveries.c.channel == MAIL, dead)
        .values(state="waiting", look_at=at, tries=0, planned_at=at, settled_at=None)
        .returning(_deliveries.c.notice_id)
    )
    ids = list(found.scalars())
    _reopen(connection, ids)
    return len(ids)


def _reopen(connection: Connection, notice_ids: Sequence[int]) -> None:
    if notice_ids:
        statement = update(_notices).where(_notices.c.id.in_(notice_ids))
        connection.execute(statement.values(delivered_at=None))

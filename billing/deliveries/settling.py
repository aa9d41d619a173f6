"""Marks notices of which nothing is left to send; the outbox's age is that of the others."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from billing.store.rows import table_of
from billing.tables import DeliveryRow, NoticeRow

__all__ = ["settle_notices"]

_deliveries = table_of(DeliveryRow)
_notices = table_of(NoticeRow)


def settle_notices(connection: Connection, notice_ids: Iterable[int], *, at: datetime) -> None:
    """Mark those of the given notices that no delivery waits for any more."""
    ids = sorted(set(notice_ids))
    if not ids:
        return
    # Two deliveries of one notice that end at once must not each wait for the other.
    lock = select(_notices.c.id).where(_notices.c.id.in_(ids)).order_by(_notices.c.id)
    connection.execute(lock.with_for_update()).all()
    waits = exists().where(
        _deliveries.c.notice_id == _notices.c.id, _deliveries.c.state == "waiting"
    )
    connection.execute(
        update(_notices)
        .where(_notices.c.id.in_(ids), _notices.c.delivered_at.is_(None), ~waits)
        .values(delivered_at=at)
    )

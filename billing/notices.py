"""The outbox: notices are written in the transaction of their cause, one per cause."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from billing.rows import Row, insert_unless_known, table_of
from billing.tables import NoticeRow


def notice_row(
    slot: Row,
    *,
    kind: str,
    at: datetime,
    reason: str | None = None,
    next_try_at: datetime | None = None,
    step: int = 0,
) -> dict[str, Any]:
    """A notice about a slot; `step` tells apart notices of one kind about the same slot."""
    return {
        "merchant_id": slot["merchant_id"],
        "subscription_id": slot["subscription_id"],
        "dedup_key": f"{slot['reference']}/{kind}/{step}",
        "kind": kind,
        "written_at": at,
        "amount_yen": slot["amount_yen"],
        "reason": reason,
        "next_try_at": next_try_at,
    }


def write_notices(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Put notices into the outbox; a cause that was told before is not told again."""
    insert_unless_known(connection, table_of(NoticeRow), rows)

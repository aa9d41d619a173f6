"""Tells the merchant's own people what happened at their accounts, by the mailbox of the staff."""

from datetime import datetime

from sqlalchemy import Connection

from billing.deliveries.kinds import known_kind
from billing.store.notices import merchant_notice, write_notices

__all__ = ["tell_staff"]


def tell_staff(
    connection: Connection, *, merchant_id: str, kind: str, about: str, at: datetime
) -> None:
    """Put a notice for the staff into the outbox; `about` says of whom or of what.

    `at` is the time of the books. Raises BadInput for a kind that does not exist.
    """
    step = f"{about}/{at.isoformat()}"
    told = merchant_notice(merchant_id, kind=known_kind(kind).code, at=at, step=step, reason=about)
    write_notices(connection, [told])

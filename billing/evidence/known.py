"""What notifications say about doubts: charges of a permission that our books do not know.

A notification is only a hint, so a charge that it names is read at Amazon before it counts. That
no charge was named counts only where messages did arrive after the key was sealed.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, select

from billing.store.merchants import Merchant
from billing.store.rows import table_of
from billing.tables import AttemptRow, NotificationRow

attempts = table_of(AttemptRow)
notifications = table_of(NotificationRow)


def unknown_charges(
    connection: Connection, merchant: Merchant, *, permission_ids: Sequence[str]
) -> dict[str, list[str]]:
    """Charge ids that messages named and no attempt of ours has, by Amazon's permission id."""
    ours = exists().where(
        attempts.c.merchant_id == merchant.id, attempts.c.charge_id == notifications.c.object_id
    )
    statement = (
        select(notifications.c.permission_amazon_id, notifications.c.object_id)
        .where(
            notifications.c.merchant_id == merchant.id,
            notifications.c.object_type == "CHARGE",
            notifications.c.permission_amazon_id.in_(list(permission_ids)),
            ~ours,
        )
        .distinct()
        .order_by(notifications.c.object_id)
    )
    found: dict[str, list[str]] = {}
    for permission, charge in connection.execute(statement):
        found.setdefault(permission, []).append(charge)
    return found


def heard_since(connection: Connection, merchant: Merchant, *, moment: datetime) -> bool:
    """Whether any genuine message arrived after `moment`: then a silence says something."""
    statement = (
        select(notifications.c.id)
        .where(notifications.c.merchant_id == merchant.id, notifications.c.received_at >= moment)
        .limit(1)
    )
    return connection.execute(statement).first() is not None

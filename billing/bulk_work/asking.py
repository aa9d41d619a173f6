"""Which permissions Amazon is asked about before the next slice is charged again."""

from sqlalchemy import Connection, select

from billing.bulk_work.charge_again import CHARGE_AGAIN, permissions, slots
from billing.bulk_work.doing import next_rows
from billing.permissions.sweep import WatchedPermission
from billing.store.merchants import Merchant
from billing.store.rows import among

__all__ = ["permissions_to_ask"]


def permissions_to_ask(connection: Connection, merchant: Merchant) -> list[WatchedPermission]:
    """Those of the next slice that could not be charged when we last looked."""
    found = next_rows(connection, merchant)
    if found is None or found[0].kind != CHARGE_AGAIN:
        return []
    ids = [row.subject_id for row in found[1] if row.subject_id is not None]
    statement = (
        select(permissions.c.id, permissions.c.amazon_id)
        .join(slots, slots.c.permission_id == permissions.c.id)
        .where(among(connection, slots.c.id, ids), slots.c.merchant_id == merchant.id)
        .where((permissions.c.state != "Chargeable") | (slots.c.state == "waiting_buyer"))
        .distinct()
    )
    return [WatchedPermission(*row) for row in connection.execute(statement)]

"""Locks on rows, taken in one order: charge permissions first, then subscriptions, each by id.

Who writes a subscription holds it. Its charge permission alone is not enough: whoever opens cycles
holds subscriptions only, and after a replacement an answer of the old permission and an act under
the new one concern one subscription under two permissions.
"""

from collections.abc import Collection

from sqlalchemy import Connection, Table, select

from billing.store.rows import Row, among, fetch, rows_by_id, table_of
from billing.tables import ChargePermissionRow, SubscriptionRow

_permissions = table_of(ChargePermissionRow)
_subscriptions = table_of(SubscriptionRow)


def has_all_rows(connection: Connection) -> bool:
    """Whether a writing transaction holds every row from its beginning, as on SQLite.

    There is nothing left to lock then, and the statements are spared.
    """
    return connection.dialect.name == "sqlite"


def lock_rows(
    connection: Connection, table: Table, ids: Collection[int], *, skip_locked: bool = False
) -> set[int]:
    """Lock rows by ascending id until the transaction ends; the ids of those that are held now.

    With `skip_locked` those that somebody else holds are left out, and nothing is waited for.
    """
    if has_all_rows(connection):
        return set(ids)
    statement = (
        select(table.c.id)
        .where(among(connection, table.c.id, ids))
        .order_by(table.c.id)
        # FOR NO KEY UPDATE: rows that refer to a locked one may be written meanwhile.
        .with_for_update(key_share=True, skip_locked=skip_locked)
    )
    return set(connection.execute(statement).scalars())


def locked_rows(
    connection: Connection, table: Table, ids: Collection[int], *, skip_locked: bool = False
) -> dict[int, Row]:
    """Lock rows as `lock_rows` does, and read them as they are from then on; by id."""
    if has_all_rows(connection):
        return rows_by_id(connection, table, ids)
    statement = (
        select(table)
        .where(among(connection, table.c.id, ids))
        .order_by(table.c.id)
        .with_for_update(key_share=True, skip_locked=skip_locked)
    )
    return {row["id"]: row for row in fetch(connection, statement)}


def lock_with_permission(connection: Connection, subscription_id: int) -> int:
    """Lock a subscription behind the permission that it is charged to; that permission's id.

    Its payment method may be replaced while we wait for the old one. The new one is then locked
    too, out of order: who loses a deadlock by it is tried again, as `billing.store.writing` does.
    """
    mine = select(_subscriptions.c.permission_id).where(_subscriptions.c.id == subscription_id)
    expected: int = connection.execute(mine).scalar_one()
    lock_rows(connection, _permissions, [expected])
    lock_rows(connection, _subscriptions, [subscription_id])
    found: int = connection.execute(mine).scalar_one()
    if found != expected:
        lock_rows(connection, _permissions, [found])
    return found

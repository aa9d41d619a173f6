"""A subscription by the id that people know it by, together with its charge permission."""

from sqlalchemy import Connection, select

from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import ChargePermissionRow, SubscriptionRow
from plans import BadInput

_subscriptions = table_of(SubscriptionRow)
_permissions = table_of(ChargePermissionRow)


def load_subscription(connection: Connection, merchant: Merchant, *, subscription_id: str) -> Row:
    """The row of a subscription by its external id; raises `BadInput` for an unknown one.

    Beside its own columns it has what is known of its permission: `amazon_id`,
    `permission_state`, `state_reason` and `amount_limit_yen`.
    """
    statement = (
        select(
            _subscriptions,
            _permissions.c.amazon_id,
            _permissions.c.state.label("permission_state"),
            _permissions.c.state_reason,
            _permissions.c.amount_limit_yen,
        )
        .join(_permissions, _permissions.c.id == _subscriptions.c.permission_id)
        .where(_subscriptions.c.merchant_id == merchant.id)
        .where(_subscriptions.c.external_id == subscription_id)
    )
    found = fetch(connection, statement)
    if not found:
        raise BadInput(
            field="subscription",
            value=subscription_id,
            rule="is no subscription of this merchant",
            remedy="look it up with: autopay charges --search TEXT",
        )
    return found[0]

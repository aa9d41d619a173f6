"""Which coupons a buyer has had: read from the events of all the buyer's subscriptions."""

from __future__ import annotations

from sqlalchemy import Connection, select

from billing.store.rows import table_of
from billing.tables import ChargePermissionRow, SubscriptionEventRow, SubscriptionRow
from plans.lifecycle import (
    CouponChange,
    CouponStep,
    Created,
    TermsChanged,
    event_from_json,
)

__all__ = ["coupons_used"]

_events = table_of(SubscriptionEventRow)
_subscriptions = table_of(SubscriptionRow)
_permissions = table_of(ChargePermissionRow)


def coupons_used(connection: Connection, permission_id: int) -> frozenset[str]:
    """Give the codes of every coupon that the buyer of a charge permission ever put on.

    The buyer is Amazon's, so that another agreement does not make a new person of somebody.
    """
    buyer = select(_permissions.c.merchant_id, _permissions.c.buyer_id).where(
        _permissions.c.id == permission_id
    )
    merchant_id, buyer_id = connection.execute(buyer).one()
    statement = (
        select(_events.c.body)
        .join(_subscriptions, _subscriptions.c.id == _events.c.subscription_id)
        .join(_permissions, _permissions.c.id == _subscriptions.c.permission_id)
        .where(_permissions.c.merchant_id == merchant_id, _permissions.c.buyer_id == buyer_id)
        .where(_events.c.body.is_not(None))
        .where(_events.c.kind.in_((Created.kind, TermsChanged.kind)))
    )
    found: set[str] = set()
    for text in connection.execute(statement).scalars():
        found.update(_put_on(text))
    return frozenset(found)


def _put_on(text: str) -> tuple[str, ...]:
    match event_from_json(text).fact:
        case Created(coupons=codes):
            return codes
        case TermsChanged(change=CouponChange(code=code, step=CouponStep.ADD)):
            return (code,)
        case _:
            return ()

"""Which coupons a buyer has had: read from the events of all the buyer's subscriptions."""

from __future__ import annotations

from sqlalchemy import Connection, and_, bindparam, select

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

_own = _permissions.alias("own")
_OF_BUYER = (
    select(_events.c.body)
    .select_from(_own)
    .join(
        _permissions,
        and_(
            _permissions.c.merchant_id == _own.c.merchant_id,
            _permissions.c.buyer_id == _own.c.buyer_id,
        ),
    )
    .join(_subscriptions, _subscriptions.c.permission_id == _permissions.c.id)
    .join(_events, _events.c.subscription_id == _subscriptions.c.id)
    .where(
        _own.c.id == bindparam("permission"),
        _events.c.body.is_not(None),
        _events.c.kind.in_((Created.kind, TermsChanged.kind)),
    )
)


def coupons_used(connection: Connection, permission_id: int) -> frozenset[str]:
    """Give the codes of every coupon that the buyer of a charge permission ever put on.

    The buyer is Amazon's, so that another agreement does not make a new person of somebody.
    """
    found: set[str] = set()
    for text in connection.execute(_OF_BUYER, {"permission": permission_id}).scalars():
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

"""A customer's own subscription; somebody else's is one that is not there."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import Select, select
from starlette.exceptions import HTTPException

from app.web.shell import Shell, customer_of
from app.web.shell.tables import permissions, plans, prices, subscriptions


@dataclass(frozen=True, slots=True)
class OwnSubscription:
    """One subscription of the customer who is signed in, as its payment page needs it."""

    id: str
    state: str
    plan_code: str
    plan_ja: str
    plan_en: str
    quantity: int
    price_yen: int
    interval_unit: str
    interval_count: int
    goods: bool
    charge_permission_id: str
    permission_state: str
    buyer_id: str


def own_subscription(shell: Shell, request: Request, subscription_id: str) -> OwnSubscription:
    """Load it; raises 404 for one that is not hers, known or not."""
    found = shell.read(
        lambda c: c.execute(
            _mine(shell, request).where(subscriptions.c.external_id == subscription_id)
        ).first()
    )
    if found is None:
        raise HTTPException(404)
    return OwnSubscription(*tuple(found))


def own_subscriptions(shell: Shell, request: Request) -> list[OwnSubscription]:
    """Those of the customer that are not over, oldest first."""
    statement = _mine(shell, request).where(subscriptions.c.state != "canceled")
    rows = shell.read(lambda c: c.execute(statement.order_by(subscriptions.c.id)).all())
    return [OwnSubscription(*tuple(row)) for row in rows]


def _mine(shell: Shell, request: Request) -> Select[Any]:
    return (
        select(
            subscriptions.c.external_id,
            subscriptions.c.state,
            plans.c.code,
            plans.c.name_ja,
            plans.c.name_en,
            subscriptions.c.quantity,
            prices.c.amount_yen,
            prices.c.interval_unit,
            prices.c.interval_count,
            prices.c.physical,
            permissions.c.amazon_id,
            permissions.c.state,
            permissions.c.buyer_id,
        )
        .join(permissions, permissions.c.id == subscriptions.c.permission_id)
        .join(prices, prices.c.id == subscriptions.c.price_id)
        .join(plans, plans.c.id == prices.c.plan_id)
        .where(subscriptions.c.merchant_id == shell.merchant.id)
        .where(subscriptions.c.customer_id == customer_of(request).customer_id)
    )

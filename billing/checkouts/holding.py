"""What a customer has already: the same plan, and payment methods saved for later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.store.merchants import Merchant
from billing.store.rows import fetch, table_of
from billing.tables import (
    ChargePermissionRow,
    PlanRow,
    PriceRow,
    SavedMethodRow,
    SubscriptionRow,
)

__all__ = ["SamePlan", "SavedMethod", "same_plan", "saved_methods"]

subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
prices = table_of(PriceRow)
plans = table_of(PlanRow)
saved = table_of(SavedMethodRow)


@dataclass(frozen=True, slots=True)
class SamePlan:
    """A subscription to the same plan; `is_unpaid` when its first charge is still to come."""

    subscription: str
    state: str

    @property
    def is_unpaid(self) -> bool:
        """Whether it has not begun yet: another sign-up could charge for both."""
        return self.state == "pending"


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A payment method saved for later: Amazon's words for it, and whether it can be charged."""

    charge_permission_id: str
    descriptor: str
    state: str
    saved_at: datetime


def same_plan(
    connection: Connection, merchant: Merchant, *, customer_id: int, plan_code: str
) -> SamePlan | None:
    """The customer's newest subscription to a plan that is not over."""
    statement = (
        select(subscriptions.c.external_id, subscriptions.c.state)
        .join(prices, prices.c.id == subscriptions.c.price_id)
        .join(plans, plans.c.id == prices.c.plan_id)
        .where(subscriptions.c.merchant_id == merchant.id, plans.c.code == plan_code)
        .where(subscriptions.c.customer_id == customer_id, subscriptions.c.state != "canceled")
        .order_by(subscriptions.c.id.desc())
    )
    found = connection.execute(statement).first()
    return None if found is None else SamePlan(*found)


def saved_methods(
    connection: Connection, merchant: Merchant, *, customer_id: int
) -> Sequence[SavedMethod]:
    """The payment methods that a customer has saved, newest first."""
    statement = (
        select(
            permissions.c.amazon_id,
            saved.c.descriptor,
            permissions.c.state,
            saved.c.saved_at,
        )
        .join(permissions, permissions.c.id == saved.c.permission_id)
        .where(saved.c.merchant_id == merchant.id, saved.c.customer_id == customer_id)
        .where(saved.c.ended_at.is_(None))
        .order_by(saved.c.id.desc())
    )
    return [SavedMethod(*row.values()) for row in fetch(connection, statement)]

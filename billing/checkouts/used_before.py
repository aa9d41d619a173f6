"""What a buyer has had before: trials and coupons are given once, whatever account signs up."""

from datetime import date

from sqlalchemy import Connection, select

from billing.quotes.coupons_used import coupons_used
from billing.store.merchants import Merchant
from billing.store.rows import table_of
from billing.tables import ChargePermissionRow, PlanRow, PriceRow, SubscriptionRow
from plans import Catalogue, Plan
from plans.lifecycle import Policy

__all__ = ["coupons_of_buyer", "last_trial"]

permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)
prices = table_of(PriceRow)
plans = table_of(PlanRow)

TRIAL_AGAIN_AFTER_DAYS = Policy().trial_again_after_days


def last_trial(
    connection: Connection,
    merchant: Merchant,
    catalogue: Catalogue,
    plan: Plan,
    *,
    buyer_id: str,
    on: date,
) -> date | None:
    """The day on which this buyer began a trial that rules out another one of the plan's family."""
    if not buyer_id:
        return None
    families = [each.plans for each in catalogue.families_on(on) if plan.code in each.plans]
    # Without a family every plan may replace every other, so all of them are one.
    same = families[0] if families else frozenset(catalogue.plans)
    statement = (
        select(subscriptions.c.started_on)
        .join(permissions, permissions.c.id == subscriptions.c.permission_id)
        .join(prices, prices.c.id == subscriptions.c.price_id)
        .join(plans, plans.c.id == prices.c.plan_id)
        .where(permissions.c.merchant_id == merchant.id, permissions.c.buyer_id == buyer_id)
        .where(prices.c.trial_days > 0, plans.c.code.in_(sorted(same)))
    )
    again = TRIAL_AGAIN_AFTER_DAYS
    began = connection.execute(statement).scalars()
    return max((day for day in began if again is None or (on - day).days < again), default=None)


def coupons_of_buyer(
    connection: Connection, merchant: Merchant, *, buyer_id: str
) -> frozenset[str]:
    """The coupons that this buyer ever put on."""
    statement = select(permissions.c.id).where(
        permissions.c.merchant_id == merchant.id, permissions.c.buyer_id == buyer_id
    )
    known = connection.execute(statement.limit(1)).scalar() if buyer_id else None
    return frozenset() if known is None else coupons_used(connection, known)

"""Customers as the outbox writes to them: also those who have no subscription yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from billing.store.merchants import Merchant
from billing.store.notices import facts_text
from billing.store.rows import Row, fetch, table_of
from billing.tables import CustomerRow, SubscriptionRow

__all__ = ["customer_notice", "recipients"]

customers = table_of(CustomerRow)
subscriptions = table_of(SubscriptionRow)

# One address may stand in several agreements that were imported one by one.
MOST = 5


def recipients(connection: Connection, merchant: Merchant, who: ColumnElement[bool]) -> list[Row]:
    """Customers of the merchant with their address and their newest subscription, newest first."""
    newest = (
        select(func.max(subscriptions.c.id))
        .where(subscriptions.c.customer_id == customers.c.id)
        .scalar_subquery()
    )
    statement = (
        select(
            customers.c.id,
            customers.c.email,
            customers.c.name,
            customers.c.language,
            newest.label("subscription_id"),
        )
        .where(customers.c.merchant_id == merchant.id, customers.c.email != "", who)
        .order_by(customers.c.id.desc())
        .limit(MOST)
    )
    return fetch(connection, statement)


def customer_notice(
    merchant: Merchant,
    customer: Row,
    *,
    kind: str,
    step: str,
    facts: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """A notice to a customer herself; `step` tells apart those of one kind."""
    told = {"to": customer["email"], "customer": customer["name"]}
    if customer["language"]:
        told["language"] = customer["language"]
    return {
        "merchant_id": merchant.id,
        "subscription_id": customer["subscription_id"],
        "dedup_key": f"customer-{customer['id']}/{kind}/{step}",
        "kind": kind,
        "written_at": at,
        "amount_yen": None,
        "reason": None,
        "next_try_at": None,
        "reference": None,
        "facts": facts_text(told | dict(facts)),
    }

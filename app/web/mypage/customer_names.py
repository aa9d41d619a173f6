"""Registrations as a reader may see them who has not signed in to them yet: plans, no names."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from app.web.shell.tables import customers, plans, prices, subscriptions
from billing import Merchant


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration by the plan it has, newest first."""

    customer_id: int
    plan_ja: str
    plan_en: str
    since: date


def registrations(
    connection: Connection, merchant: Merchant, ids: Collection[int]
) -> list[Registration]:
    """The registrations with these rows."""
    statement = (
        select(
            subscriptions.c.customer_id,
            plans.c.name_ja,
            plans.c.name_en,
            subscriptions.c.started_on,
        )
        .join(prices, prices.c.id == subscriptions.c.price_id)
        .join(plans, plans.c.id == prices.c.plan_id)
        .where(subscriptions.c.merchant_id == merchant.id)
        .where(subscriptions.c.customer_id.in_(sorted(ids)))
        .order_by(subscriptions.c.id)
    )
    newest = {row[0]: Registration(*row) for row in connection.execute(statement)}
    return list(newest.values())


def email_of(connection: Connection, customer_id: int) -> str:
    """The address that mails of a customer go to."""
    statement = select(customers.c.email).where(customers.c.id == customer_id)
    return str(connection.execute(statement).scalar_one())

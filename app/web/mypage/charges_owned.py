"""A customer's charges: what was to be paid, where it stands, and when it was received."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from app.web.shell.tables import TABLES

slots = TABLES["slot"]
attempts = TABLES["attempt"]
invoices = TABLES["invoice"]
subscriptions = TABLES["subscription"]
permissions = TABLES["charge_permission"]
prices = TABLES["price"]
plans = TABLES["plan"]

# What a customer can do something about: it was declined, or waits for her.
_WAITS = "waiting_buyer"


@dataclass(frozen=True, slots=True)
class OwnCharge:
    """One thing to pay; `received_at` is when Amazon took the money, None while it has not."""

    id: int
    reference: str
    subscription_row: int
    subscription_id: str
    subscription_state: str
    plan_ja: str
    plan_en: str
    purpose: str
    amount_yen: int
    state: str
    reason: str | None
    first_due_at: datetime
    due_at: datetime
    declines: int
    cap_moves: int
    permission_state: str
    received_at: datetime | None

    @property
    def word(self) -> str:
        """Its state as the words name it."""
        if self.state == "due" and self.declines:
            return "retry"
        return "moved" if self.state == "due" and self.cap_moves else self.state

    @property
    def is_open(self) -> bool:
        """Whether it waits for the customer, or was declined and is tried again later."""
        return self.word in ("retry", _WAITS) and self.subscription_state != "canceled"


def own_charges(
    connection: Connection,
    *,
    merchant_id: str,
    customer_id: int,
    subscription_row: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[OwnCharge]:
    """The newest charges of a customer, or of one of her subscriptions; `before` goes on."""
    # Hers are few and are sorted when all are found: asked for the newest rows, PostgreSQL may walk
    # through those of the whole shop until enough of hers have come by.
    newest_first = (slots.c.id + 0).desc()
    statement = _of(merchant_id, customer_id).order_by(newest_first).limit(limit)
    if subscription_row is not None:
        statement = statement.where(slots.c.subscription_id == subscription_row)
    if before is not None:
        statement = statement.where(slots.c.id < before)
    return [OwnCharge(*row) for row in connection.execute(statement)]


def open_charges(connection: Connection, *, merchant_id: str, customer_id: int) -> list[OwnCharge]:
    """What is to be paid and was not, the oldest first."""
    statement = _of(merchant_id, customer_id).where(slots.c.state.in_(("due", _WAITS)))
    found = (OwnCharge(*row) for row in connection.execute(statement.order_by(slots.c.id)))
    return [each for each in found if each.is_open]


def own_charge(
    connection: Connection, *, merchant_id: str, customer_id: int, charge_id: int
) -> OwnCharge | None:
    """One charge of the customer; None for one that is not hers."""
    statement = _of(merchant_id, customer_id).where(slots.c.id == charge_id)
    row = connection.execute(statement).first()
    return None if row is None else OwnCharge(*row)


def _of(merchant_id: str, customer_id: int) -> Select[Any]:
    received = (
        select(func.max(attempts.c.answered_at))
        .where(attempts.c.slot_id == slots.c.id, attempts.c.state == "captured")
        .scalar_subquery()
    )
    return (
        select(
            *(slots.c[name] for name in ("id", "reference", "subscription_id")),
            *(subscriptions.c[name] for name in ("external_id", "state")),
            *(plans.c.name_ja, plans.c.name_en, slots.c.purpose, slots.c.amount_yen),
            *(slots.c[name] for name in ("state", "reason", "first_due_at", "due_at")),
            *(slots.c.declines, slots.c.cap_moves, permissions.c.state),
            received,
        )
        .join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        .join(permissions, permissions.c.id == slots.c.permission_id)
        .join(invoices, invoices.c.id == slots.c.invoice_id)
        # What it was for then: the plan may have changed since.
        .join(prices, prices.c.id == func.coalesce(invoices.c.price_id, subscriptions.c.price_id))
        .join(plans, plans.c.id == prices.c.plan_id)
        .where(slots.c.merchant_id == merchant_id, subscriptions.c.customer_id == customer_id)
    )

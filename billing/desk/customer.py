"""One customer with all that belongs to it: agreements, permissions with their room, invoices."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from billing.dates import possible_months
from billing.store.cap_room import cap_months, effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import Row, among, fetch, table_of
from billing.tables import (
    ChargePermissionRow,
    CustomerRow,
    InvoiceRow,
    PlanRow,
    PriceRow,
    SubscriptionRow,
)

__all__ = [
    "CustomerCard",
    "InvoiceFacts",
    "OwnedSubscription",
    "PermissionFacts",
    "customer_card",
    "customer_of_subscription",
    "invoices_of",
]

customers = table_of(CustomerRow)
subscriptions = table_of(SubscriptionRow)
permissions = table_of(ChargePermissionRow)
prices = table_of(PriceRow)
plan_table = table_of(PlanRow)
invoices = table_of(InvoiceRow)


@dataclass(frozen=True, slots=True)
class OwnedSubscription:
    """One agreement of the customer; `due_at` is when something happens next, None for nothing."""

    id: int
    external_id: str
    plan_ja: str
    plan_en: str
    price_yen: int
    interval_unit: str
    interval_count: int
    per_seat: bool
    quantity: int
    state: str
    started_on: date
    due_at: datetime | None
    cancel_at_period_end: bool
    permission_id: int


@dataclass(frozen=True, slots=True)
class PermissionFacts:
    """A charge permission as last seen, and what this month has left; yen are whole."""

    id: int
    amazon_id: str
    state: str
    state_reason: str | None
    checked_at: datetime | None
    expires_at: datetime | None
    limit_yen: int
    used_yen: int
    held_yen: int

    @property
    def room_yen(self) -> int:
        """What may still be charged this month."""
        return max(0, self.limit_yen - self.used_yen - self.held_yen)


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """One invoice in a list; yen are whole, `period_end` is not included."""

    id: int
    number: str
    subscription_id: int
    purpose: str
    state: str
    issued_on: date
    period_start: date
    period_end: date
    total_yen: int
    paid_yen: int

    @property
    def last_day(self) -> date:
        """The last day that it is for."""
        return max(self.period_start, self.period_end - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """A customer, the agreements, and the permissions that pay them."""

    id: int
    external_id: str
    name: str
    kana: str
    email: str
    postal_code: str
    note: str
    language: str | None
    subscriptions: tuple[OwnedSubscription, ...]
    permissions: tuple[PermissionFacts, ...]


def customer_card(
    connection: Connection, merchant: Merchant, *, customer_id: int, at: datetime
) -> CustomerCard | None:
    """The customer of a row; None when this merchant has none of that number."""
    chosen = customers.c.id == customer_id, customers.c.merchant_id == merchant.id
    found = fetch(connection, select(customers).where(*chosen))
    if not found:
        return None
    owned = _owned(connection, merchant, customer_id)
    names = ("id", "external_id", "name", "kana", "email", "postal_code", "note", "language")
    return CustomerCard(
        **{name: found[0][name] for name in names},
        subscriptions=owned,
        permissions=_permissions(
            connection, merchant, sorted({each.permission_id for each in owned}), at
        ),
    )


def customer_of_subscription(
    connection: Connection, merchant: Merchant, *, subscription_id: int
) -> tuple[int, str] | None:
    """(row of the customer, the merchant's id of the subscription) of a subscription's row."""
    statement = select(subscriptions.c.customer_id, subscriptions.c.external_id).where(
        subscriptions.c.id == subscription_id, subscriptions.c.merchant_id == merchant.id
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else (row.customer_id, row.external_id)


def invoices_of(
    connection: Connection, *, subscription_ids: Collection[int], limit: int = 20
) -> list[InvoiceFacts]:
    """The newest invoices of some subscriptions."""
    statement = (
        select(*(invoices.c[name] for name in InvoiceFacts.__slots__))
        .where(among(connection, invoices.c.subscription_id, subscription_ids))
        .order_by(invoices.c.issued_on.desc(), invoices.c.id.desc())
        .limit(limit)
    )
    return [InvoiceFacts(**row) for row in fetch(connection, statement)]


def _owned(
    connection: Connection, merchant: Merchant, customer_id: int
) -> tuple[OwnedSubscription, ...]:
    own = (
        *("id", "external_id", "quantity", "state", "started_on", "due_at"),
        *("cancel_at_period_end", "permission_id"),
    )
    statement = (
        select(
            *(subscriptions.c[name] for name in own),
            plan_table.c.name_ja.label("plan_ja"),
            plan_table.c.name_en.label("plan_en"),
            prices.c.amount_yen.label("price_yen"),
            prices.c.interval_unit,
            prices.c.interval_count,
            prices.c.per_seat,
        )
        .join(prices, prices.c.id == subscriptions.c.price_id)
        .join(plan_table, plan_table.c.id == prices.c.plan_id)
        .where(
            subscriptions.c.merchant_id == merchant.id, subscriptions.c.customer_id == customer_id
        )
        .order_by(subscriptions.c.id)
    )
    return tuple(OwnedSubscription(**row) for row in fetch(connection, statement))


def _permissions(
    connection: Connection, merchant: Merchant, ids: Sequence[int], at: datetime
) -> tuple[PermissionFacts, ...]:
    if not ids:
        return ()
    months = possible_months(at=at, timezone=merchant.timezone)
    taken = select(cap_months).where(
        among(connection, cap_months.c.permission_id, ids), cap_months.c.month.in_(months)
    )
    by_owner: dict[int, list[Row]] = {}
    for row in fetch(connection, taken):
        by_owner.setdefault(row["permission_id"], []).append(row)
    statement = select(permissions).where(among(connection, permissions.c.id, ids))
    return tuple(
        _permission(row, by_owner.get(row["id"], []), merchant)
        for row in fetch(connection, statement.order_by(permissions.c.id))
    )


def _permission(row: Row, months: Sequence[Row], merchant: Merchant) -> PermissionFacts:
    limit = effective_limit_yen(merchant=merchant, amount_limit_yen=row["amount_limit_yen"])
    learned = [m["learned_limit_yen"] for m in months if m["learned_limit_yen"] is not None]
    # Near a month's edge a charge may count in either month: the fuller one decides.
    fullest = max(months, key=lambda month: month["used_yen"] + month["held_yen"], default=None)
    names = ("id", "amazon_id", "state", "state_reason", "checked_at", "expires_at")
    return PermissionFacts(
        **{name: row[name] for name in names},
        limit_yen=min([limit, *learned]),
        used_yen=0 if fullest is None else fullest["used_yen"],
        held_yen=0 if fullest is None else fullest["held_yen"],
    )

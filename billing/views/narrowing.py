"""Bounds of a charge history, said so that a few people's charges are found by their index."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    String,
    and_,
    literal_column,
    select,
    union,
)

from billing.store.rows import among, table_of
from billing.tables import (
    AttemptRow,
    ChargePermissionRow,
    CustomerRow,
    PermissionReplacementRow,
    SlotRow,
    SubscriptionRow,
)

__all__ = ["EVERYTHING", "Narrowing", "narrowed", "order_of", "own_rows"]

attempts = table_of(AttemptRow)
slots = table_of(SlotRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)
customers = table_of(CustomerRow)
replacements = table_of(PermissionReplacementRow)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Further bounds of a listing: whole yen, both included; a permission or a customer exactly.

    `subscriptions` are rows; with them only their charges are read, whatever the history.
    """

    yen_from: int | None = None
    yen_to: int | None = None
    permission: str | None = None
    customer: str | None = None
    subscriptions: tuple[int, ...] | None = None

    @property
    def asks_for_people(self) -> bool:
        """Whether rows of other tables decide what is listed."""
        return bool(self.permission or self.customer or self.subscriptions is not None)


EVERYTHING = Narrowing()


def own_rows(connection: Connection, merchant_id: str, narrowing: Narrowing) -> ColumnElement[bool]:
    """The attempt is the merchant's; see `order_of`."""
    if narrowing.asks_for_people and connection.dialect.name == "sqlite":
        return literal_column("+attempt.merchant_id", String) == merchant_id
    return attempts.c.merchant_id == merchant_id


def order_of(connection: Connection, *, is_few: bool) -> tuple[ColumnElement[Any], ...]:
    """Time and row; of few charges, as of one customer, in a form that no index answers.

    A database that is asked for the newest of them would walk through the whole history in that
    order to find them; so it finds all of the few first, and sorts those.
    """
    if not is_few:
        return attempts.c.intended_at, attempts.c.id
    is_postgres = connection.dialect.name == "postgresql"
    found = "(attempt.intended_at + interval '0 s')" if is_postgres else "+attempt.intended_at"
    return literal_column(found), attempts.c.id


def narrowed(
    connection: Connection, merchant_id: str, narrowing: Narrowing
) -> list[ColumnElement[bool]]:
    """The bounds as conditions on attempts joined with slots, permissions and customers."""
    owners = narrowing.subscriptions or ()
    # Names are found by their index only together with the merchant.
    customer = and_(
        customers.c.merchant_id == merchant_id, customers.c.external_id == narrowing.customer
    )
    named = and_(
        permissions.c.merchant_id == merchant_id, permissions.c.amazon_id == narrowing.permission
    )
    permission = and_(named, slots.c.subscription_id.in_(_ever_paid_by(named)))
    bounds = (
        (narrowing.subscriptions, among(connection, slots.c.subscription_id, owners)),
        (narrowing.yen_from, attempts.c.amount_yen >= (narrowing.yen_from or 0)),
        (narrowing.yen_to, attempts.c.amount_yen <= (narrowing.yen_to or 0)),
        (narrowing.permission, permission),
        (narrowing.customer, customer),
    )
    return [bound for value, bound in bounds if value is not None]


def _ever_paid_by(named: ColumnElement[bool]) -> CompoundSelect[tuple[int]]:
    """Subscriptions on a permission, now or before it was replaced: no index knows its attempts."""
    ids = select(permissions.c.id).where(named).scalar_subquery()
    of_slot = slots.alias("paid")
    return union(
        select(subscriptions.c.id).where(subscriptions.c.permission_id == ids),
        select(of_slot.c.subscription_id).where(of_slot.c.permission_id == ids),
        select(replacements.c.subscription_id).where(replacements.c.old_permission_id == ids),
    )

"""Bounds of a charge history, said so that a few people's charges are found by their index."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    String,
    and_,
    func,
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

__all__ = ["EVERYTHING", "Narrowing", "is_few", "joined_for", "narrowed", "order_of", "own_rows"]

# So many charges are found and sorted at once; of more the newest soon turn up in order of time.
FEW = 200

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


def is_few(connection: Connection, merchant_id: str, narrowing: Narrowing) -> bool:
    """Whether the bounds leave so few charges that all of them are found before the newest.

    Amounts are counted in their index, up to that many.
    """
    if narrowing.asks_for_people:
        return True
    if narrowing.yen_from is None and narrowing.yen_to is None:
        return False
    amounts = [own_rows(connection, merchant_id, narrowing, few=True), *_amounts(narrowing)]
    first = select(attempts.c.amount_yen).where(*amounts).limit(FEW).subquery()
    return connection.execute(select(func.count()).select_from(first)).scalar_one() < FEW


def _amounts(
    narrowing: Narrowing, amount: ColumnElement[int] = attempts.c.amount_yen
) -> list[ColumnElement[bool]]:
    least, most = narrowing.yen_from, narrowing.yen_to
    bounds = [] if least is None else [amount >= least]
    return bounds if most is None else [*bounds, amount <= most]


def own_rows(
    connection: Connection, merchant_id: str, narrowing: Narrowing, *, few: bool = False
) -> ColumnElement[bool]:
    """The attempt is the merchant's; see `order_of`. Few of an amount are found by the amount."""
    by_amount = few and (narrowing.yen_from is not None or narrowing.yen_to is not None)
    if (narrowing.asks_for_people or by_amount) and connection.dialect.name == "sqlite":
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


def joined_for(narrowing: Narrowing) -> FromClause:
    """Attempts with no more beside them than the bounds speak of."""
    found: FromClause = attempts
    if narrowing.asks_for_people:
        found = found.join(slots, slots.c.id == attempts.c.slot_id)
    if narrowing.permission is not None:
        found = found.join(permissions, permissions.c.id == attempts.c.permission_id)
    if narrowing.customer is not None:
        found = found.join(subscriptions, subscriptions.c.id == slots.c.subscription_id)
        found = found.join(customers, customers.c.id == subscriptions.c.customer_id)
    return found


def narrowed(
    connection: Connection, merchant_id: str, narrowing: Narrowing, *, few: bool = False
) -> list[ColumnElement[bool]]:
    """The bounds as conditions on attempts joined with slots, permissions and customers.

    Only of few charges the amount is looked up: SQLite would sort all that it finds by its index.
    """
    amount: ColumnElement[int] = attempts.c.amount_yen
    if not few and connection.dialect.name == "sqlite":
        amount = literal_column("+attempt.amount_yen", Integer)
    owners = narrowing.subscriptions or ()
    # Names are found by their index only together with the merchant.
    customer = and_(
        customers.c.merchant_id == merchant_id, customers.c.external_id == narrowing.customer
    )
    named = and_(
        permissions.c.merchant_id == merchant_id, permissions.c.amazon_id == narrowing.permission
    )
    payers = _ever_paid_by(connection, named) if narrowing.permission is not None else ()
    permission = and_(named, among(connection, slots.c.subscription_id, payers))
    bounds = (
        (narrowing.subscriptions, among(connection, slots.c.subscription_id, owners)),
        (narrowing.permission, permission),
        (narrowing.customer, customer),
    )
    return [*_amounts(narrowing, amount), *(bound for value, bound in bounds if value is not None)]


def _ever_paid_by(connection: Connection, named: ColumnElement[bool]) -> list[int]:
    """Subscriptions on a permission, now or before it was replaced: no index knows its attempts.

    Asked for first: a plan that does not know how few they are reads all attempts of the shop.
    """
    ids = select(permissions.c.id).where(named).scalar_subquery()
    of_slot = slots.alias("paid")
    ever = union(
        select(subscriptions.c.id).where(subscriptions.c.permission_id == ids),
        select(of_slot.c.subscription_id).where(of_slot.c.permission_id == ids),
        select(replacements.c.subscription_id).where(replacements.c.old_permission_id == ids),
    )
    return list(connection.execute(ever).scalars())

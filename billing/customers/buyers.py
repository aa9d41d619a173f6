"""Whose Amazon account it is: one account, one customer; nobody is moved without saying so.

Sandbox and live ids never meet, because a merchant's row belongs to one environment.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, select, update

from billing.customers.recipients import customer_notice, recipients
from billing.store.merchants import Merchant
from billing.store.notices import write_notices
from billing.store.rows import fetch, fresh_row, table_of
from billing.tables import BuyerLinkRow, ChargePermissionRow, CustomerRow, SubscriptionRow
from plans import BadInput

__all__ = [
    "BuyerTaken",
    "CustomerHasAnother",
    "KnownBuyer",
    "OwnedPermission",
    "buyer_of_customer",
    "customer_of_buyer",
    "link_buyer",
    "permissions_of_buyer",
    "tell_linked",
    "unlink_buyer",
]

Source = Literal["checkout", "sign_in", "permission"]
"""How Amazon told us the id: after a checkout, at its sign-in, by a permission that we read."""

LINKED_KIND = "amazon_linked"

links = table_of(BuyerLinkRow)
customers = table_of(CustomerRow)
permissions = table_of(ChargePermissionRow)
subscriptions = table_of(SubscriptionRow)


class BuyerTaken(BadInput):
    """The Amazon account belongs to another customer; `customer_id` is that one."""

    def __init__(self, buyer_id: str, customer_id: int) -> None:
        super().__init__(
            field="buyer_id",
            value=buyer_id,
            rule="this Amazon account belongs to another customer",
            remedy="sign in as that customer, or unlink it there first",
        )
        self.customer_id = customer_id


class CustomerHasAnother(BadInput):
    """The customer has another Amazon account already."""

    def __init__(self, customer_id: int, buyer_id: str) -> None:
        super().__init__(
            field="customer",
            value=customer_id,
            rule="is linked to another Amazon account",
            remedy="ask the customer, then link with replacing=True",
        )
        self.buyer_id = buyer_id


@dataclass(frozen=True, slots=True)
class KnownBuyer:
    """A link: customer, Amazon account, and since when."""

    customer_id: int
    buyer_id: str
    source: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class OwnedPermission:
    """A permission that the books hold for an Amazon account, and the customer it pays for."""

    customer_id: int
    permission_id: str


def customer_of_buyer(connection: Connection, merchant: Merchant, *, buyer_id: str) -> int | None:
    """The customer that an Amazon account belongs to; None when it is not linked."""
    statement = select(links.c.customer_id).where(
        links.c.merchant_id == merchant.id, links.c.buyer_id == buyer_id, links.c.ended_at.is_(None)
    )
    found: int | None = connection.execute(statement).scalar()
    return found


def buyer_of_customer(
    connection: Connection, merchant: Merchant, *, customer_id: int
) -> KnownBuyer | None:
    """The Amazon account of a customer; None when there is none."""
    statement = select(links).where(
        links.c.merchant_id == merchant.id,
        links.c.customer_id == customer_id,
        links.c.ended_at.is_(None),
    )
    rows = fetch(connection, statement)
    if not rows:
        return None
    row = rows[0]
    return KnownBuyer(row["customer_id"], row["buyer_id"], row["source"], row["linked_at"])


def permissions_of_buyer(
    connection: Connection, merchant: Merchant, *, buyer_id: str
) -> tuple[OwnedPermission, ...]:
    """Permissions that the books hold for an Amazon account, one per customer, the newest.

    The books may have the id from a file: read the permission at Amazon before believing it.
    """
    statement = (
        select(subscriptions.c.customer_id, permissions.c.amazon_id)
        .join(permissions, permissions.c.id == subscriptions.c.permission_id)
        .where(permissions.c.merchant_id == merchant.id, permissions.c.buyer_id == buyer_id)
        .order_by(subscriptions.c.id)
    )
    newest = {
        row[0]: row[1] for row in connection.execute(statement)
    }  # a customer's later row wins
    return tuple(OwnedPermission(*each) for each in newest.items())


def link_buyer(
    connection: Connection,
    merchant: Merchant,
    *,
    customer_id: int,
    buyer_id: str,
    source: Source,
    at: datetime,
    replacing: bool = False,
) -> bool:
    """Link a customer to the Amazon account that Amazon itself has just named; False if it was.

    Of two customers at once the first has it. Raises `BuyerTaken` and, unless the customer has said
    to replace it, `CustomerHasAnother`; `BadInput` for a customer of another merchant.
    """
    _lock(connection, merchant, customer_id)
    owner = customer_of_buyer(connection, merchant, buyer_id=buyer_id)
    if owner == customer_id:
        return False
    if owner is not None:
        raise BuyerTaken(buyer_id, owner)
    known = buyer_of_customer(connection, merchant, customer_id=customer_id)
    if known is not None and not replacing:
        raise CustomerHasAnother(customer_id, known.buyer_id)
    row = {
        "merchant_id": merchant.id,
        "customer_id": customer_id,
        "buyer_id": buyer_id,
        "source": source,
        "linked_at": at,
    }
    with connection.begin_nested():  # who gets nothing loses nothing
        unlink_buyer(connection, merchant, customer_id=customer_id, at=at)
        # Waits for whoever is linking the account at this moment, to another customer.
        fresh = fresh_row(connection, links, row).on_conflict_do_nothing().returning(links.c.id)
        if connection.execute(fresh).first() is None:
            raise BuyerTaken(buyer_id, _newest_owner(connection, merchant, buyer_id))
    return True


def unlink_buyer(
    connection: Connection, merchant: Merchant, *, customer_id: int, at: datetime
) -> None:
    """End the link of a customer, if there is one."""
    statement = update(links).where(
        links.c.merchant_id == merchant.id,
        links.c.customer_id == customer_id,
        links.c.ended_at.is_(None),
    )
    connection.execute(statement.values(ended_at=at))


def tell_linked(
    connection: Connection, merchant: Merchant, *, customer_id: int, at: datetime
) -> None:
    """Write to the customer that an Amazon account signs in to her page from now on."""
    found = recipients(connection, merchant, customers.c.id == customer_id)
    notices = [
        customer_notice(merchant, each, kind=LINKED_KIND, step=at.isoformat(), facts={}, at=at)
        for each in found
    ]
    write_notices(connection, notices)


def _newest_owner(connection: Connection, merchant: Merchant, buyer_id: str) -> int:
    """Whom it was linked to last, be it ended again since."""
    statement = select(links.c.customer_id).where(
        links.c.merchant_id == merchant.id, links.c.buyer_id == buyer_id
    )
    newest = statement.order_by(links.c.id.desc()).limit(1)
    return int(connection.execute(newest).scalar_one())


def _lock(connection: Connection, merchant: Merchant, customer_id: int) -> None:
    statement = select(customers.c.id).where(
        customers.c.id == customer_id, customers.c.merchant_id == merchant.id
    )
    if connection.execute(statement.with_for_update()).first() is None:
        raise BadInput(
            field="customer",
            value=customer_id,
            rule="is no customer of this merchant",
            remedy="link a customer of the merchant whose Amazon account it is",
        )

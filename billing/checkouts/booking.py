"""Books what a completed checkout brought about: customer, link, permission, and what it was for.

All in one transaction, and once: whoever finds it booked gets what was booked.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from amazonpay import ChargePermission
from billing.agreements.refusals import ChangeUnderWay
from billing.checkouts.creating import create_subscription
from billing.checkouts.offering import sign_up_offer
from billing.checkouts.stored import Checkout, CheckoutRefused, load_checkout
from billing.customers import BuyerTaken, CustomerHasAnother, customer_of_buyer, link_buyer
from billing.permissions.closing import request_close_of
from billing.permissions.replacing import known_or_new, replace_permission
from billing.store.events import write_audit_event
from billing.store.merchants import Merchant
from billing.store.notices import agreement_notice, facts_text, write_notices
from billing.store.rows import Row, fetch, insert_many, insert_returning_ids, table_of
from billing.tables import CheckoutRow, CustomerRow, SavedMethodRow, SubscriptionRow
from plans import BadInput

__all__ = ["Booked", "book_checkout", "booked_before", "fail_checkout"]

checkouts = table_of(CheckoutRow)
customers = table_of(CustomerRow)
subscriptions = table_of(SubscriptionRow)
saved = table_of(SavedMethodRow)

SIGNED_UP = "signed_up"
NOT_REPLACED = "NotReplaced"


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of a checkout: its customer, its subscription's row, and slots to charge now."""

    checkout_id: str
    customer_id: int
    subscription_id: int | None = None
    slot_ids: tuple[int, ...] = ()
    repeated: bool = False


def book_checkout(
    connection: Connection,
    merchant: Merchant,
    *,
    checkout_id: str,
    permission: ChargePermission,
    at: datetime,
) -> Booked:
    """Book a checkout that Amazon has completed, with the permission as it shows it now.

    Give `slot_ids` to `BillingEngine.charge_now`. A permission that can replace nothing any more is
    closed, and the checkout has failed. Raises ChangeUnderWay when it has to wait, CheckoutRefused
    for somebody else's subscription.
    """
    found = load_checkout(connection, merchant, checkout_id=checkout_id, lock=True)
    before = booked_before(found)
    if before is not None:
        return before
    customer_id = _customer(connection, merchant, found, permission, at)
    if found.purpose == "replace":
        try:
            with connection.begin_nested():
                booked = _replaced(connection, merchant, found, permission, customer_id, at)
        except (CheckoutRefused, ChangeUnderWay):
            raise
        except BadInput as refused:
            return _given_back(connection, merchant, found, permission, customer_id, refused, at)
        permission_id = known_or_new(connection, merchant, permission, at)
    else:
        permission_id = known_or_new(connection, merchant, permission, at)
        make = _signed_up if found.purpose == "sign_up" else _saved
        booked = make(connection, merchant, found, permission, permission_id, customer_id, at)
    _link(connection, merchant, found, permission, customer_id, at)
    mine = update(checkouts).where(
        checkouts.c.merchant_id == merchant.id, checkouts.c.id == checkout_id
    )
    connection.execute(
        mine.values(
            state="completed",
            customer_id=customer_id,
            subscription_id=booked.subscription_id,
            permission_id=permission_id,
            completed_at=at,
        )
    )
    return booked


def fail_checkout(
    connection: Connection, merchant: Merchant, *, checkout_id: str, reason: str
) -> Checkout:
    """Note that Amazon will not complete it: nothing was charged and nothing will be."""
    found = load_checkout(connection, merchant, checkout_id=checkout_id, lock=True)
    if found.state != "completed":
        mine = update(checkouts).where(
            checkouts.c.merchant_id == merchant.id, checkouts.c.id == checkout_id
        )
        connection.execute(mine.values(state="failed", reason=reason))
    return load_checkout(connection, merchant, checkout_id=checkout_id)


def booked_before(found: Checkout) -> Booked | None:
    """What came of a checkout that is completed; None for one that is not."""
    if found.state != "completed" or found.customer_id is None:
        return None
    return Booked(found.id, found.customer_id, found.subscription_id, repeated=True)


def _customer(
    connection: Connection,
    merchant: Merchant,
    found: Checkout,
    permission: ChargePermission,
    at: datetime,
) -> int:
    """Who it is for: who was signed in, else whom the Amazon account belongs to, else a new one.

    Two checkouts of one new account at the same moment make one customer: whoever comes second
    waits for the link of the first, and takes back its own.
    """
    if found.customer_id is not None:
        return found.customer_id
    buyer_id = _buyer_id(found, permission)
    known = customer_of_buyer(connection, merchant, buyer_id=buyer_id)
    if known is not None:
        return known
    try:
        with connection.begin_nested():
            made = _new_customer(connection, merchant, found, permission)
            link_buyer(
                connection,
                merchant,
                customer_id=made,
                buyer_id=buyer_id,
                source="checkout",
                at=at,
            )
    except BuyerTaken as taken:
        return taken.customer_id
    return made


def _new_customer(
    connection: Connection, merchant: Merchant, found: Checkout, permission: ChargePermission
) -> int:
    buyer, address = permission.buyer, permission.shipping_address
    row = {
        "merchant_id": merchant.id,
        "external_id": f"my-{found.id[:16]}",
        "name": (buyer.name if buyer else None) or "",
        "kana": "",
        "email": (buyer.email if buyer else None) or "",
        "postal_code": (address.postal_code if address else None) or "",
        "note": "",
        "language": found.language,
    }
    (row_id,) = insert_returning_ids(connection, customers, [row])
    return row_id


def _signed_up(
    connection: Connection,
    merchant: Merchant,
    found: Checkout,
    permission: ChargePermission,
    permission_id: int,
    customer_id: int,
    at: datetime,
) -> Booked:
    agreed_at = found.agreed_at or at
    row_id, slot_ids = create_subscription(
        connection,
        merchant,
        subscription_id=found.subscription,
        customer_id=customer_id,
        permission_id=permission_id,
        wanted=found.wanted,
        on=found.agreed_on(merchant),
        at=agreed_at,
    )
    (row,) = fetch(connection, select(subscriptions).where(subscriptions.c.id == row_id))
    write_notices(connection, [_told(connection, merchant, found, row, at)])
    return Booked(found.id, customer_id, row_id, slot_ids)


def _told(
    connection: Connection, merchant: Merchant, found: Checkout, row: Row, at: datetime
) -> dict[str, Any]:
    """The same facts as on the last screen, by mail: amount, how often, from when, until when."""
    offer = sign_up_offer(
        connection,
        merchant,
        wanted=found.wanted,
        subscription_id=found.subscription,
        at=found.agreed_at or at,
    )
    first = next(iter(offer.bills), None)
    interval = offer.price.interval
    facts: dict[str, Any] = {
        "regular_yen": offer.regular_yen,
        "every": [interval.text_ja, interval.text_en],
    }
    if first is not None:
        facts["on"] = first.on.isoformat()
    return agreement_notice(
        row,
        kind=SIGNED_UP,
        at=at,
        step=0,
        amount_yen=None if first is None else first.charge_yen,
        facts=facts,
    )


def _saved(
    connection: Connection,
    merchant: Merchant,
    found: Checkout,
    permission: ChargePermission,
    permission_id: int,
    customer_id: int,
    at: datetime,
) -> Booked:
    row = {
        "merchant_id": merchant.id,
        "customer_id": customer_id,
        "permission_id": permission_id,
        "descriptor": next(iter(permission.payment_descriptors), ""),
        "saved_at": at,
    }
    insert_many(connection, saved, [row])
    return Booked(found.id, customer_id)


def _replaced(
    connection: Connection,
    merchant: Merchant,
    found: Checkout,
    permission: ChargePermission,
    customer_id: int,
    at: datetime,
) -> Booked:
    mine = select(subscriptions.c.id).where(
        subscriptions.c.merchant_id == merchant.id,
        subscriptions.c.external_id == found.wanted.subscription,
        subscriptions.c.customer_id == customer_id,
    )
    row_id: int | None = connection.execute(mine).scalar()
    if row_id is None:
        raise CheckoutRefused(
            field="subscription",
            value=found.wanted.subscription,
            rule="belongs to somebody else",
            remedy="change the payment method of an own subscription",
        )
    done = replace_permission(
        connection,
        merchant,
        subscription_id=found.wanted.subscription,
        new=permission,
        actor="customer",
        reason="new payment method on My Page",
        at=at,
    )
    return Booked(found.id, customer_id, row_id, done.slot_ids)


def _given_back(
    connection: Connection,
    merchant: Merchant,
    found: Checkout,
    permission: ChargePermission,
    customer_id: int,
    refused: BadInput,
    at: datetime,
) -> Booked:
    """The subscription ended while its buyer was at Amazon: a consent for nothing is closed."""
    permission_id = known_or_new(connection, merchant, permission, at)
    with contextlib.suppress(BadInput):  # closed already, or in use otherwise
        request_close_of(connection, merchant, permission_id=permission_id, actor="engine", at=at)
    write_audit_event(
        connection,
        merchant_id=merchant.id,
        kind="replacement_refused",
        actor="engine",
        reason=refused.rule,
        at=at,
        detail=facts_text({"checkout": found.id, "new": permission.charge_permission_id}),
    )
    fail_checkout(connection, merchant, checkout_id=found.id, reason=NOT_REPLACED)
    return Booked(found.id, customer_id)


def _buyer_id(found: Checkout, permission: ChargePermission) -> str:
    """Whose Amazon account it was paid with."""
    return permission.buyer_id or found.buyer_id


def _link(
    connection: Connection,
    merchant: Merchant,
    found: Checkout,
    permission: ChargePermission,
    customer_id: int,
    at: datetime,
) -> None:
    """Whoever has paid with an Amazon account may sign in with it, unless it is somebody's.

    The payment stands in any case; a conflict is put to the customer at the next sign-in.
    """
    try:
        link_buyer(
            connection,
            merchant,
            customer_id=customer_id,
            buyer_id=_buyer_id(found, permission),
            source="checkout",
            at=at,
        )
    except (BuyerTaken, CustomerHasAnother) as conflict:
        write_audit_event(
            connection,
            merchant_id=merchant.id,
            kind="buyer_not_linked",
            actor="engine",
            reason=conflict.rule,
            at=at,
            detail=facts_text({"checkout": found.id, "customer": customer_id}),
        )

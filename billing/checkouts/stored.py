"""Checkouts as rows: begun when the buyer came back, agreed to, completed. Each of one browser."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from billing.checkouts.wanted import Wanted
from billing.dates import civil_date
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_unless_known, is_word, table_of
from billing.tables import CheckoutRow
from plans import BadInput

__all__ = [
    "Checkout",
    "CheckoutRefused",
    "agree_checkout",
    "begin_checkout",
    "checkout_of_browser",
    "claim_completion",
    "completion_key",
    "load_checkout",
    "merchants_with_open_checkouts",
    "unfinished_checkouts",
]

checkouts = table_of(CheckoutRow)

Purpose = Literal["sign_up", "save", "replace"]

# Names this derivation, which never changes.
_KEY_SCHEME = "checkout-v1"


class CheckoutRefused(BadInput):
    """The checkout cannot go on as things stand; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """One checkout; see `CheckoutRow`. `amount_yen` is what the session at Amazon says."""

    id: str
    session_id: str
    purpose: str
    state: str
    customer_id: int | None
    subscription_id: int | None
    buyer_id: str
    wanted: Wanted
    amount_yen: int
    language: str
    reason: str | None
    agreed_at: datetime | None

    @property
    def subscription(self) -> str:
        """The id that its subscription has, or will have."""
        return self.wanted.subscription or f"my-{self.id[:16]}"

    def agreed_on(self, merchant: Merchant) -> date:
        """The merchant's date of the consent; raises `CheckoutRefused` before there is one."""
        if self.agreed_at is None:
            raise _refused(self, "nobody has agreed to it yet", "let the buyer agree first")
        return civil_date(at=self.agreed_at, timezone=merchant.timezone)


def completion_key(checkout: Checkout) -> str:
    """The idempotency key of completing it, the same for ever (32 characters)."""
    said = f"{_KEY_SCHEME}\0{checkout.id}\0{checkout.session_id}\0{checkout.amount_yen}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def begin_checkout(
    connection: Connection,
    merchant: Merchant,
    *,
    checkout_id: str,
    session_id: str,
    purpose: Purpose,
    browser_hash: str,
    buyer_id: str,
    wanted: Wanted,
    amount_yen: int,
    language: str,
    customer_id: int | None,
    at: datetime,
) -> Checkout:
    """Note that a buyer came back from Amazon with an open session; again it is the first one.

    `browser_hash` is of a secret that only that browser has. Raises `CheckoutRefused` when the
    session came back to another browser before.
    """
    row = {
        "id": checkout_id,
        "merchant_id": merchant.id,
        "session_id": session_id,
        "purpose": purpose,
        "state": "open",
        "browser_hash": browser_hash,
        "customer_id": customer_id,
        "subscription_id": None,
        "permission_id": None,
        "buyer_id": buyer_id,
        "wanted": wanted.to_text(),
        "amount_yen": amount_yen,
        "language": language,
        "begun_at": at,
    }
    insert_unless_known(connection, checkouts, [row])
    same = select(checkouts).where(
        checkouts.c.merchant_id == merchant.id, checkouts.c.session_id == session_id
    )
    (stored,) = fetch(connection, same)
    found = _checkout(stored)
    if stored["browser_hash"] != browser_hash:
        raise _refused(found, "began in another browser", "begin again from the plans")
    return found


def checkout_of_browser(
    connection: Connection, merchant: Merchant, *, checkout_id: str, browser_hash: str
) -> Checkout | None:
    """The checkout of that id if it is this browser's; None for all others, known or not."""
    statement = select(checkouts).where(*_is(merchant, checkout_id))
    found = fetch(connection, statement.where(checkouts.c.browser_hash == browser_hash))
    return _checkout(found[0]) if found else None


def load_checkout(
    connection: Connection, merchant: Merchant, *, checkout_id: str, lock: bool = False
) -> Checkout:
    """A checkout by its id, whoever's it is; raises `LookupError`."""
    statement = select(checkouts).where(*_is(merchant, checkout_id))
    found = fetch(connection, statement.with_for_update() if lock else statement)
    if not found:
        raise LookupError(f"merchant {merchant.id!r} has no checkout {checkout_id!r}")
    return _checkout(found[0])


def agree_checkout(
    connection: Connection,
    merchant: Merchant,
    *,
    checkout_id: str,
    wanted: Wanted,
    amount_yen: int,
    customer_id: int | None,
    at: datetime,
) -> Checkout:
    """Note that the buyer agreed to exactly this; the consent's evidence goes with it.

    Agreeing again, as after the back button, replaces what was agreed as long as nothing is under
    way. Raises `CheckoutRefused` for one that is over, under way or too old.
    """
    found = load_checkout(connection, merchant, checkout_id=checkout_id, lock=True)
    if found.state not in ("open", "agreed"):
        raise _refused(found, f"is {found.state}", "look at what came of it")
    mine = update(checkouts).where(*_is(merchant, checkout_id))
    connection.execute(
        mine.values(
            state="agreed",
            wanted=wanted.to_text(),
            amount_yen=amount_yen,
            customer_id=customer_id,
            agreed_at=at,
        )
    )
    return load_checkout(connection, merchant, checkout_id=checkout_id)


def claim_completion(connection: Connection, merchant: Merchant, *, checkout_id: str) -> Checkout:
    """Write down that completing is about to be sent; from now on Amazon may have done it.

    Claiming again is harmless: the key of the call is the same. Raises `CheckoutRefused` for one
    that nobody has agreed to.
    """
    found = load_checkout(connection, merchant, checkout_id=checkout_id, lock=True)
    if found.state == "open":
        raise _refused(found, "nobody has agreed to it yet", "let the buyer agree first")
    if found.state == "agreed":
        mine = update(checkouts).where(*_is(merchant, checkout_id))
        connection.execute(mine.values(state="completing"))
    return load_checkout(connection, merchant, checkout_id=checkout_id)


def unfinished_checkouts(connection: Connection, merchant: Merchant) -> list[str]:
    """Ids of checkouts that Amazon may have completed and our books do not know of yet."""
    statement = select(checkouts.c.id).where(
        checkouts.c.merchant_id == merchant.id, is_word(checkouts.c.state, "completing")
    )
    return list(connection.execute(statement.order_by(checkouts.c.agreed_at)).scalars())


def merchants_with_open_checkouts(connection: Connection) -> set[str]:
    """Merchants that have a checkout which is not finished."""
    statement = select(checkouts.c.merchant_id).where(is_word(checkouts.c.state, "completing"))
    return set(connection.execute(statement.distinct()).scalars())


def _checkout(row: Row) -> Checkout:
    return Checkout(
        id=row["id"],
        session_id=row["session_id"],
        purpose=row["purpose"],
        state=row["state"],
        customer_id=row["customer_id"],
        subscription_id=row["subscription_id"],
        buyer_id=row["buyer_id"],
        wanted=Wanted.from_text(row["wanted"]),
        amount_yen=row["amount_yen"],
        language=row["language"],
        reason=row["reason"],
        agreed_at=row["agreed_at"],
    )


def _is(merchant: Merchant, checkout_id: str) -> tuple[Any, Any]:
    return checkouts.c.merchant_id == merchant.id, checkouts.c.id == checkout_id


def _refused(checkout: Checkout, rule: str, remedy: str) -> CheckoutRefused:
    return CheckoutRefused(field="checkout", value=checkout.id, rule=rule, remedy=remedy)
